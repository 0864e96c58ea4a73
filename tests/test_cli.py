"""Does every command say what it did, and refuse what it cannot do, as its users expect?"""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import torch
import yaml
from PIL import Image

from commands import Ended, Prunescope
from prunescope.concepts.scenes import draw_scenes
from prunescope.networks import build


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_scenes(tmp_path_factory.mktemp("cli") / "set", train=20, val=20, size=32)


@pytest.fixture
def pictures(drawn: Path, tmp_path: Path) -> Path:
    """A concept set that a test may spoil."""
    return Path(shutil.copytree(drawn, tmp_path / "pictures"))


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "resnet.pth"
    torch.save(build("cifar_resnet20,width=0.25", num_classes=10, seed=0).state_dict(), path)
    return path


def _dissect(weights: Path, pictures: Path) -> list[object]:
    network = ["cifar_resnet20,width=0.25", "--weights", weights, "--num-classes", 10]
    return ["dissect", *network, "--layer", "layer3", "--concepts", f"broden:{pictures}"]


def test_dissect_saves_and_says_the_same(
    prunescope: Prunescope, weights: Path, drawn: Path, tmp_path: Path
) -> None:
    out = tmp_path / "D"
    words = [*_dissect(weights, drawn), "--layer", "layer2", "--quantile", 0.02, "--out", out]
    ended = prunescope(*words, "--json")
    assert ended.status == 0, ended.err
    printed = json.loads(ended.out.splitlines()[-1])
    assert set(printed["layers"]) == {"layer2", "layer3"}
    assert printed["layers"]["layer3"]["units"] == 16
    for layer in ("layer2", "layer3"):
        units = pd.read_parquet(out / layer / "units.parquet")
        assert int(units["interpretable"].sum()) == printed["layers"][layer]["interpretable"]
    summary = prunescope("summary", out, "--json")
    assert json.loads(summary.out) == printed


def test_one_layer_has_its_counts_at_the_top(
    prunescope: Prunescope, weights: Path, drawn: Path
) -> None:
    ended = prunescope(*_dissect(weights, drawn), "--quantile", 0.02, "--json")
    printed = json.loads(ended.out)
    assert printed["units"] == 16
    assert printed["layers"]["layer3"]["by_category"] == printed["by_category"]


def test_categories_limit_the_concepts_alone(
    prunescope: Prunescope, weights: Path, drawn: Path, tmp_path: Path
) -> None:
    words = [*_dissect(weights, drawn), "--quantile", 0.02]
    prunescope(*words, "--out", tmp_path / "all")
    prunescope(*words, "--out", tmp_path / "few", "--categories", "color,object")
    both, few = (
        pd.read_parquet(tmp_path / name / "layer3" / "units.parquet") for name in ("all", "few")
    )
    assert (both["threshold"] == few["threshold"]).all()
    pd.testing.assert_series_equal(both["color_iou"], few["color_iou"])
    assert set(few["category"].dropna()) <= {"color", "object"}


def test_evaluate_prints_shares(prunescope: Prunescope, weights: Path, drawn: Path) -> None:
    ended = prunescope(
        "evaluate",
        "cifar_resnet20,width=0.25",
        *("--weights", weights, "--num-classes", 10, "--data", drawn / "images", "--json"),
    )
    assert ended.status == 0, ended.err
    printed = json.loads(ended.out.splitlines()[-1])
    assert printed["images"] == 20
    assert 0 <= printed["top1"] <= printed["top5"] <= 1
    assert len(printed["per_class"]) == 10


def test_random_weights_are_warned_of(prunescope: Prunescope, drawn: Path) -> None:
    words = ["cifar_resnet20", "--num-classes", 10, "--data", drawn / "images"]
    assert "random weights" in prunescope("evaluate", *words).err


def test_concepts_are_listed_checked_and_shown(
    prunescope: Prunescope, drawn: Path, tmp_path: Path
) -> None:
    assert "scenes" in prunescope("concepts", "list").out
    checked = prunescope("concepts", "check", f"broden:{drawn}", "--json")
    assert checked.status == 0, checked.out
    assert json.loads(checked.out)["problems"] == []
    shown = prunescope("concepts", "preview", f"broden:{drawn}", "--out", tmp_path / "sheets")
    assert shown.status == 0
    for line in shown.out.splitlines():
        Image.open(line).verify()


def test_help_and_import_do_not_load_torch() -> None:
    program = "import sys, prunescope, prunescope.cli; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


# --- what is refused ---------------------------------------------------------------------------


def _refused(ended: Ended, *words: str) -> None:
    assert ended.status == 2, ended.err
    for word in words:
        assert word in ended.err
    assert "Traceback" not in ended.err


RECIPE = Path(__file__).parent.parent / "recipes" / "demo.yaml"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("trainning.to=3ep", ["trainning", "training"]),
        ("training.learning_rat=0.1", ["learning_rat", "learning_rate"]),
        ("training.learning_rate=fast", ["learning_rate", "fast"]),
        ("training.learning_rate=-1", ["learning_rate", "greater than 0"]),
        ("training.to=5 epochs", ["training.to", "5ep"]),
        ("pruning.strategies.lottery.fraction=1.0", ["fraction", "less than 1"]),
        ("pruning.strategies.lottery.levels=0", ["levels"]),
        ("pruning.prunable=convs", ["prunable", "conv+shortcut"]),
        ("replicates=two", ["replicates", "two"]),
        ("network=cifar_resnet21", ["cifar_resnet21", "cifar_resnet20"]),
        ("network=torchvision:resnet19", ["resnet19", "resnet18"]),
        ("data.source=no/such/folder", ["no/such/folder"]),
        ("concepts.source=broden:no/such/folder", ["no/such/folder"]),
        ("concepts.source=broaden:here", ["broaden", "broden"]),
        ("seed", ["seed", "a.b=c"]),
    ],
)
def test_a_wrong_recipe_is_refused_and_nothing_written(
    prunescope: Prunescope, drawn: Path, tmp_path: Path, change: str, words: list[str]
) -> None:
    out = tmp_path / "run"
    ours = [f"data.source={drawn / 'images'}", f"concepts.source=broden:{drawn}", change]
    options = [word for setting in ours for word in ("--set", setting)]
    _refused(prunescope("run", RECIPE, "--out", out, *options), *words)
    assert not out.exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, ["recipe.yaml", "does not exist"]),
        ("name: [", ["recipe.yaml", "not YAML"]),
        ("- 1", ["recipe.yaml", "mapping"]),
        ("name: x", ["network is missing"]),
    ],
)
def test_a_file_that_is_no_recipe_is_refused(
    prunescope: Prunescope, tmp_path: Path, content: str | None, words: list[str]
) -> None:
    recipe = tmp_path / "recipe.yaml"
    if content is not None:
        recipe.write_text(content)
    _refused(prunescope("run", recipe, "--out", tmp_path / "run"), *words)
    assert not (tmp_path / "run").exists()


def test_a_folder_that_is_not_a_run_is_refused(
    prunescope: Prunescope, drawn: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    ours = ["--set", f"data.source={drawn / 'images'}", "--set", f"concepts.source=broden:{drawn}"]
    ended = prunescope("run", RECIPE, "--out", tmp_path / "mine", *ours)
    _refused(ended, "neither empty nor a run folder", "--out")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["letter.txt"]
    _refused(prunescope("status", tmp_path / "mine"), "not a run folder")
    _refused(prunescope("report", tmp_path / "mine"), "not a run folder")


def _first_row(pictures: Path) -> tuple[pd.DataFrame, Path]:
    path = pictures / "index.csv"
    return pd.read_csv(path, dtype=str, keep_default_na=False), path


def _rewrite(pictures: Path, column: str, value: str) -> None:
    rows, path = _first_row(pictures)
    rows.loc[0, column] = value
    rows.to_csv(path, index=False, lineterminator="\r\n")


def _image_of(pictures: Path) -> Path:
    return pictures / "images" / _first_row(pictures)[0].loc[0, "image"]


def _map_of(pictures: Path) -> Path:
    cell = _first_row(pictures)[0].loc[0, "color"]
    return pictures / "images" / cell.split(";")[0]


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100])


SPOILED: dict[str, tuple[Callable[[Path], object], list[str]]] = {
    "no index": (lambda p: (p / "index.csv").unlink(), ["index.csv"]),
    "no labels": (lambda p: (p / "label.csv").unlink(), ["label.csv"]),
    "a CSV that is not text": (
        lambda p: (p / "label.csv").write_bytes(b"\xff\xfe\x00\x01"),
        ["label.csv"],
    ),
    "no image": (lambda p: _image_of(p).unlink(), [".png"]),
    "a truncated image": (lambda p: _cut(_image_of(p)), [".png"]),
    "an image of another size": (
        lambda p: Image.new("RGB", (31, 32)).save(_image_of(p)),
        [".png", "31"],
    ),
    "no label map": (lambda p: _map_of(p).unlink(), [".png"]),
    "a truncated label map": (lambda p: _cut(_map_of(p)), [".png"]),
    "a label map of another size": (
        lambda p: Image.new("RGB", (15, 16)).save(_map_of(p)),
        [".png", "15"],
    ),
    "a label without a row": (
        lambda p: Image.new("RGB", (16, 16), (0, 250, 0)).save(_map_of(p)),
        ["64000", "label.csv"],
    ),
    "a whole-image label without a row": (
        lambda p: _rewrite(p, "scene", "9999"),
        ["9999", "label.csv"],
    ),
    "a path that leaves the folder": (
        lambda p: _rewrite(p, "color", "../../secret.png"),
        ["../../secret.png"],
    ),
}


@pytest.mark.parametrize("name", SPOILED)
def test_a_spoiled_concept_set_is_refused_and_nothing_written(
    prunescope: Prunescope, weights: Path, pictures: Path, tmp_path: Path, name: str
) -> None:
    spoil, words = SPOILED[name]
    spoil(pictures)
    out = tmp_path / "D"
    _refused(prunescope(*_dissect(weights, pictures), "--quantile", 0.02, "--out", out), *words)
    assert not out.exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--layer", "layre3"], ["layre3", "layer3"]),
        (["--layer", "linear"], ["linear", "map"]),
        (["--resolution", "2"], ["one cell", "resolution"]),
        (["--quantile", "0"], ["quantile"]),
        (["--quantile", "0.0000001"], ["quantile", "cells"]),
        (["--iou", "1.5"], ["iou"]),
        (["--categories", "objects"], ["objects", "object"]),
        (["--split", "vall"], ["vall", "val"]),
        (["--mean", "1,2"], ["--mean", "1,2"]),
        (["--std", "1,0,1"], ["std"]),
    ],
)
def test_wrong_options_of_dissect_are_refused(
    prunescope: Prunescope,
    weights: Path,
    drawn: Path,
    tmp_path: Path,
    words: list[str],
    said: list[str],
) -> None:
    ended = prunescope(*_dissect(weights, drawn), *words, "--out", tmp_path / "D")
    _refused(ended, *said)
    assert not (tmp_path / "D").exists()


def test_weights_that_do_not_fit_are_refused_by_their_keys(
    prunescope: Prunescope, weights: Path, drawn: Path
) -> None:
    network = ["cifar_resnet20,width=0.25", "--weights", weights, "--num-classes", 7]
    ended = prunescope("evaluate", *network, "--data", drawn / "images")
    _refused(ended, "linear.weight", "--num-classes 10")
    wider = ["cifar_resnet20", "--weights", weights, "--num-classes", 10]
    _refused(prunescope("evaluate", *wider, "--data", drawn / "images"), "conv1.weight")


def test_a_pickled_network_is_refused(prunescope: Prunescope, drawn: Path, tmp_path: Path) -> None:
    torch.save(build("cifar_resnet20", num_classes=10, seed=0), tmp_path / "model.pth")
    network = ["cifar_resnet20", "--weights", tmp_path / "model.pth", "--num-classes", 10]
    _refused(prunescope("evaluate", *network, "--data", drawn / "images"), "model.pth")


def test_dissect_into_a_folder_with_other_things_is_refused(
    prunescope: Prunescope, weights: Path, drawn: Path, tmp_path: Path
) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    ended = prunescope(*_dissect(weights, drawn), "--out", tmp_path)
    _refused(ended, "letter.txt", "--out")


def test_a_loss_that_is_no_number_ends_the_run_and_keeps_the_last_good_checkpoint(
    prunescope: Prunescope, drawn: Path, tmp_path: Path
) -> None:
    recipe = yaml.safe_load(RECIPE.read_text())
    recipe["network"] = "cifar_resnet20,width=0.25"
    recipe["data"] |= {"source": str(drawn / "images"), "resolution": 32}
    recipe["concepts"]["source"] = f"broden:{drawn}"
    recipe["training"] |= {"learning_rate": 1e30, "batch_size": 10, "to": "3ep", "warmup": "1ep"}
    recipe["replicates"] = 1
    path = tmp_path / "wild.yaml"
    path.write_text(yaml.safe_dump(recipe))
    ended = prunescope("run", path, "--out", tmp_path / "run", "--workers", 1)
    _refused(ended, "learning rate", "step")
    assert not (tmp_path / "run" / "replicate-0" / "level-00").exists()
