"""Does every command say what it did, and refuse what it cannot do, as its users expect?"""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from PIL import Image

from commands import Prunescope, check_refused
from prunescope.base.tensors import load_tensors


@pytest.mark.long
def test_concepts_are_listed_checked_and_shown(
    prunescope: Prunescope, drawn: Path, tmp_path: Path
) -> None:
    assert "scenes" in prunescope("concepts", "list").out
    checked = prunescope("concepts", "check", f"broden:{drawn}", "--json")
    assert checked.status == 0, checked.out
    assert json.loads(checked.out)["problems"] == []
    shown = prunescope("concepts", "preview", f"broden:{drawn}", "--out", tmp_path / "sheets")
    assert shown.status == 0
    *sheets, page = shown.out.splitlines()
    for sheet in sheets:
        Image.open(sheet).verify()
    assert Path(page).name == "index.html"


def test_help_and_import_do_not_load_torch() -> None:
    program = "import sys, prunescope, prunescope.cli; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


# --- what is refused ---------------------------------------------------------------------------


def test_sheets_do_not_go_into_a_file(prunescope: Prunescope, drawn: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ended = prunescope("concepts", "preview", f"broden:{drawn}", "--out", tmp_path / "file")
    check_refused(ended, "file is a file", "--out")


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
    check_refused(prunescope("run", RECIPE, "--out", out, *options), *words)
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
    check_refused(prunescope("run", recipe, "--out", tmp_path / "run"), *words)
    assert not (tmp_path / "run").exists()


def test_a_folder_that_is_not_a_run_is_refused(
    prunescope: Prunescope, drawn: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    ours = ["--set", f"data.source={drawn / 'images'}", "--set", f"concepts.source=broden:{drawn}"]
    ended = prunescope("run", RECIPE, "--out", tmp_path / "mine", *ours)
    check_refused(ended, "neither empty nor a run folder", "--out")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["letter.txt"]
    check_refused(prunescope("status", tmp_path / "mine"), "not a run folder")
    check_refused(prunescope("report", tmp_path / "mine"), "not a run folder")


@pytest.fixture
def diverging(drawn: Path, tmp_path: Path) -> Path:
    """A recipe whose rate is 0 at the first step and absurd at the second, an epoch's last."""
    recipe = yaml.safe_load(RECIPE.read_text())
    recipe["network"] = "cifar_resnet20,width=0.25"
    recipe["data"] |= {"source": str(drawn / "images"), "resolution": 32}
    recipe["concepts"]["source"] = f"broden:{drawn}"
    recipe["training"] = {
        "learning_rate": 1e15,
        "warmup": "1it",
        "weight_decay": 0,
        "batch_size": 10,
        "to": "3ep",
    }
    recipe["pruning"]["rewind_to"] = "2ep"
    recipe["replicates"] = 1
    path = tmp_path / "wild.yaml"
    path.write_text(yaml.safe_dump(recipe))
    return path


def test_a_loss_that_is_no_number_ends_the_run_and_keeps_the_last_good_checkpoint(
    prunescope: Prunescope, diverging: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    ended = prunescope("run", diverging, "--out", out, "--workers", 1)
    assert ended.status == 1
    for words in (
        "the loss is nan at step",
        "Lower training.learning_rate",
        "replicate 0, up to the rewind point: FAILED",
    ):
        assert words in ended.err
    [kept] = out.rglob("checkpoint.safetensors")
    assert f"the last good checkpoint, at step 1ep, is {kept}" in " ".join(ended.err.split())
    assert all(tensor.isfinite().all() for tensor in load_tensors(kept).values())
    assert not list((out / "replicate-0").glob("*"))
