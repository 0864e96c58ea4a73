"""Are two networks dissected alike, and compared as their dissections would be?"""

import json
from pathlib import Path

import pytest
import torch

from commands import Prunescope, check_refused
from prunescope.base.errors import ConfigError, DataError
from prunescope.dissection.settings import DissectionSettings
from prunescope.experiment.comparing import compare_networks
from prunescope.experiment.load import load
from prunescope.networks.loading import load_network
from prunescope.networks.registry import build
from prunescope.pruning.files import prune_saved
from prunescope.pruning.settings import PruneSettings
from prunescope.pruning.writing import write_weights
from prunescope.results.dissection import Dissection
from prunescope.statistics.compare import compare

NAME = "cifar_resnet20,width=0.25"
SETTINGS = DissectionSettings(layers=("layer3",), resolution=16, quantile=0.02, examples=2)
OPTIONS = ["--layer", "layer3", "--resolution", 16, "--quantile", 0.02]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a dense network as torch saves it, and the same pruned, which says its name."""
    folder = tmp_path_factory.mktemp("weights")
    torch.save(build(NAME, num_classes=3, seed=1).state_dict(), folder / "dense.pth")
    pruned = prune_saved(NAME, PruneSettings(keep=0.3), weights=folder / "dense.pth", num_classes=3)
    write_weights(folder / "small.safetensors", pruned.network, pruned.mask, "prunescope")
    return folder


@pytest.fixture(scope="module")
def concepts(drawn: Path) -> str:
    return f"broden:{drawn}"


@pytest.mark.long
def test_it_equals_the_comparison_of_the_two_dissections(
    files: Path, concepts: str, tmp_path: Path
) -> None:
    made = compare_networks(
        files / "dense.pth",
        files / "small.safetensors",
        layer="layer3",
        concepts=concepts,
        network=NAME,
        num_classes=3,
        settings=SETTINGS,
        out=tmp_path / "C",
        device="cpu",
    )
    a, b = (load(tmp_path / "C" / side) for side in "ab")
    assert isinstance(a, Dissection)
    assert isinstance(b, Dissection)
    alone = compare(a, b)
    assert made.summary()["layers"] == alone.summary()["layers"]
    assert made.a["name"] == str(files / "dense.pth")
    saved = json.loads((tmp_path / "C" / "summary.json").read_text())
    assert saved == made.summary()
    assert a["layer3"].summary["settings"] == b["layer3"].summary["settings"]


@pytest.mark.long
def test_a_network_can_face_a_saved_dissection(files: Path, concepts: str, tmp_path: Path) -> None:
    dense = load_network(NAME, weights=files / "dense.pth", num_classes=3)
    both = {"layer": "layer3", "concepts": concepts, "settings": SETTINGS, "device": "cpu"}
    small = files / "small.safetensors"
    made = compare_networks(dense, small, **both, out=tmp_path / "C")  # type: ignore[arg-type]
    again = compare_networks(tmp_path / "C" / "a", small, **both)  # type: ignore[arg-type]
    assert again.summary()["layers"] == made.summary()["layers"]
    assert again.warnings == ()


@pytest.mark.long
def test_the_command_dissects_by_a_convention_and_for_some_categories(
    prunescope: Prunescope, files: Path, concepts: str, tmp_path: Path
) -> None:
    small, out = files / "small.safetensors", tmp_path / "C"
    options = ["--convention", "lite", "--categories", "color", "--memory", "64MiB"]
    words = ["--concepts", concepts, "--device", "cpu", "--out", out]
    ended = prunescope("compare", small, small, *OPTIONS, *options, *words, "--json")
    assert ended.status == 0, ended.err
    assert json.loads(ended.out)["iou"] == 0.04  # the convention's
    for side in "ab":
        found = load(out / side)
        assert isinstance(found, Dissection)
        summary = found["layer3"].summary
        assert summary["convention"] == "lite"
        assert summary["settings"]["categories"] == ["color"]
    check_refused(
        prunescope("compare", out / "a", out / "b", *options), "--convention", "--concepts"
    )


@pytest.mark.long
def test_the_command_dissects_compares_and_saves_all(
    prunescope: Prunescope, files: Path, concepts: str, tmp_path: Path
) -> None:
    sides = [files / "small.safetensors", files / "dense.pth"]
    options = [*OPTIONS, "--concepts", concepts, "--network", NAME, "--num-classes", 3]
    ended = prunescope("compare", *sides, *options, "--out", tmp_path / "C", "--device", "cpu")
    assert ended.status == 0, ended.err
    assert f"A  {sides[0]}" in ended.out
    saved = {path.name for path in (tmp_path / "C" / "a").iterdir()}
    assert saved == {"layer3", "layers.json"}
    assert prunescope("summary", tmp_path / "C").out in ended.out
    for side in "ab":
        assert prunescope("summary", tmp_path / "C" / side).out.startswith("layer3: ")
    again = prunescope("compare", *sides, *options, "--out", tmp_path / "C", "--device", "cpu")
    assert again.out == ended.out


@pytest.mark.parametrize(
    ("a", "b", "options", "words"),
    [
        ("dense.pth", "small.safetensors", OPTIONS, ["A (", "dense.pth", "--network"]),
        ("small.safetensors", "absent.pth", OPTIONS, ["B (absent.pth)", "does not exist"]),
        (
            "small.safetensors",
            "small.safetensors",
            ["--layer", "layr3"],
            ["A (small.safetensors)", 'did you mean "layer3"'],
        ),
        ("small.safetensors", "small.safetensors", [], ["--layer"]),
        ("small.safetensors", ".", OPTIONS, ["holds no dissection"]),
        ("small.safetensors", "run", OPTIONS, ["B (run)", "whole run"]),
        (
            "dense.pth",
            "small.safetensors",
            [*OPTIONS, "--network", NAME],
            ["A (dense.pth)", "--num-classes 3"],
        ),
    ],
)
def test_what_cannot_be_compared_is_refused_on_its_side(
    prunescope: Prunescope,
    files: Path,
    concepts: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    a: str,
    b: str,
    options: list[str],
    words: list[str],
) -> None:
    for file in files.iterdir():
        (tmp_path / file.name).symlink_to(file)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "study.yaml").write_text("name: tiny\n")
    monkeypatch.chdir(tmp_path)
    ended = prunescope("compare", a, b, *options, "--concepts", concepts, "--out", "C")
    check_refused(ended, *words)
    assert not Path("C").exists()


def test_without_a_concept_set_weights_are_refused_with_what_to_do(
    prunescope: Prunescope, files: Path
) -> None:
    small = files / "small.safetensors"
    check_refused(prunescope("compare", small, small), "small.safetensors", "--concepts", "--layer")
    check_refused(prunescope("summary", small), "small.safetensors", "`dissect` it first")
    ended = prunescope("compare", small, small, "--layer", "layer3", "--num-classes", 3)
    check_refused(ended, "--num-classes is for networks", "--concepts")


@pytest.mark.long
def test_two_dissections_have_nothing_to_dissect(
    files: Path, concepts: str, tmp_path: Path
) -> None:
    small = files / "small.safetensors"
    compare_networks(
        small, small, layer="layer3", concepts=concepts, settings=SETTINGS, out=tmp_path / "C"
    )
    with pytest.raises(ConfigError, match=r"neither .* is a network"):
        compare_networks(
            tmp_path / "C" / "a", tmp_path / "C" / "b", layer="layer3", concepts=concepts
        )
    with pytest.raises(DataError, match="is a comparison"):
        compare_networks(small, tmp_path / "C", layer="layer3", concepts=concepts)
