"""Do the commands take published weights and patterns of layers, and show what there is?"""

import json
from pathlib import Path

import pytest
import torch

from commands import Prunescope, check_refused
from prunescope.base.tensors import load_metadata, save_tensors
from prunescope.networks.registry import build


@pytest.fixture
def cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, torch.Tensor]:
    """Published weights where the hub's client has put them; the hub itself is out of reach."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    folder = tmp_path / "hub" / "models--timm--test_vit.r160_in1k"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text("0" * 40)
    state = build("timm:test_vit", seed=9).state_dict()
    place = folder / "snapshots" / ("0" * 40) / "model.safetensors"
    place.parent.mkdir(parents=True)
    save_tensors(place, state)
    return state


@pytest.mark.long
def test_published_weights_are_dissected_evaluated_and_pruned_as_they_expect(
    prunescope: Prunescope, cached: dict[str, torch.Tensor], drawn: Path, tmp_path: Path
) -> None:
    network = ["timm:test_vit", "--weights", "DEFAULT"]
    few = ["--concepts", f"broden:{drawn}", "--limit", 2, "--out", tmp_path / "D"]
    ended = prunescope("dissect", *network, *few)
    assert ended.status == 0, ended.err
    assert "dissecting blocks (--list-layers" in ended.err
    assert "random" not in ended.err
    summary = json.loads((tmp_path / "D" / "blocks" / "summary.json").read_text())
    half = [0.5, 0.5, 0.5]
    assert summary["input"] == {"resolution": 160, "mean": half, "std": half}
    assert summary["map"] == [10, 10]
    names = sorted(path.name for path in (drawn / "images" / "train").iterdir())
    names += [f"without images {n}" for n in range(1000 - len(names))]
    (tmp_path / "classes.txt").write_text("\n".join(names))
    words = ["--data", drawn / "images", "--resolution", 160, "--classes", tmp_path / "classes.txt"]
    ended = prunescope("evaluate", *network, *words)
    assert ended.status == 0, ended.err
    small = tmp_path / "small.safetensors"
    ended = prunescope("prune", *network, "--keep", 0.5, "--out", small, "--json")
    assert ended.status == 0, ended.err
    assert json.loads(ended.out)["keep"] == pytest.approx(0.5, abs=1e-5)
    said = json.loads(load_metadata(small)["network"])
    assert (said["name"], said["num_classes"], said["resolution"]) == ("timm:test_vit", 1000, 160)
    assert prunescope("dissect", small, "--list-layers").status == 0


def test_layers_are_listed_without_weights_or_concepts(prunescope: Prunescope) -> None:
    words = ["dissect", "torchvision:resnet18", "--resolution", 64, "--list-layers"]
    ended = prunescope(*words, "--json")
    assert ended.status == 0, ended.err
    assert ended.err == ""
    found = json.loads(ended.out)
    assert (found["network"], found["resolution"]) == ("torchvision:resnet18", 64)
    assert found["default"] == "layer4"
    assert found["layers"]["layer4"] == {
        "type": "Sequential",
        "calls": 1,
        "shape": [512, 2, 2],
        "units": 512,
        "map": [2, 2],
    }
    assert found["layers"]["fc"]["units"] is None
    shown = prunescope(*words).out.splitlines()
    assert shown[0].split() == ["layer", "type", "shape", "units", "map"]
    assert shown[-1] == "Dissected where none is named: layer4"


def test_a_pattern_stands_for_the_layers_that_fit(
    prunescope: Prunescope, drawn: Path, tmp_path: Path
) -> None:
    network = ["cifar_resnet20,width=0.25", "--layer", "layer[23]", "--quantile", 0.02]
    words = ["--concepts", f"broden:{drawn}", "--limit", 4, "--out", tmp_path / "D"]
    ended = prunescope("dissect", *network, *words, "--json")
    assert ended.status == 0, ended.err
    assert set(json.loads(ended.out)["layers"]) == {"layer2", "layer3"}
    assert (tmp_path / "D" / "layer2" / "units.parquet").is_file()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["timm:convnext_ato"], ["convnext_ato", 'did you mean "convnext_atto"']),
        (["timm:test_vit", "--weights", "r160_in2k"], ["r160_in2k", 'did you mean "r160_in1k"']),
        (
            ["cifar_resnet20", "--weights", "DEFAULT"],
            ["nobody publishes weights of cifar_resnet20"],
        ),
        (["cifar_resnet20", "--layer", "block*"], ['"block*" fits no layer', "layer3"]),
        (["cifar_resnet20", "--layer", "linea?"], ["without a map", "linear", "layer3"]),
        (["cifar_resnet20", "--layer", "layre3"], ["layre3", 'did you mean "layer3"']),
        (["package.module:factory", "--list-layers"], ["give --resolution"]),
        (["cifar_resnet20", "--weights", "none.pth", "--layer", "layer3"], ["none.pth"]),
    ],
)
def test_a_network_weights_or_layer_that_is_none_is_refused(
    prunescope: Prunescope, drawn: Path, tmp_path: Path, words: list[str], said: list[str]
) -> None:
    words = [*words, "--concepts", f"broden:{drawn}", "--out", str(tmp_path / "D")]
    check_refused(prunescope("dissect", *words), *said)
    assert not (tmp_path / "D").exists()


def test_concepts_are_asked_for_unless_layers_are_listed(prunescope: Prunescope) -> None:
    check_refused(prunescope("dissect", "cifar_resnet20"), "--concepts", "missing")


def test_weights_that_do_not_come_end_with_where_to_get_them(
    prunescope: Prunescope, cached: dict[str, torch.Tensor], drawn: Path
) -> None:
    words = ["timm:test_resnet", "--weights", "DEFAULT", "--data", drawn / "images"]
    ended = prunescope("evaluate", *words)
    assert ended.status == 1
    assert "https://huggingface.co/timm/test_resnet.r160_in1k/resolve/main/" in ended.err
    assert "--weights FILE" in ended.err
    assert "Traceback" not in ended.err


def test_a_quantised_checkpoint_is_refused(
    prunescope: Prunescope, drawn: Path, tmp_path: Path
) -> None:
    state = build("cifar_resnet20", num_classes=10, seed=0).state_dict()
    state["linear.weight"] = (state["linear.weight"] * 100).to(torch.int8)
    torch.save(state, tmp_path / "int8.pth")
    words = ["cifar_resnet20", "--weights", tmp_path / "int8.pth"]
    check_refused(
        prunescope("evaluate", *words, "--data", drawn / "images"),
        "int8.pth is quantised",
        "linear.weight",
    )
    out = tmp_path / "small.safetensors"
    ended = prunescope("prune", *words, "--keep", 0.5, "--out", out)
    check_refused(ended, "int8.pth is quantised")
    assert not out.exists()
