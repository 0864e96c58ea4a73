"""Do the commands of docs/comparing.md run, and do they print what the page shows?"""

import re
import shlex
from pathlib import Path

import pandas as pd
import pytest
import torch

from commands import Prunescope
from layers import make_layer, save_run
from prunescope.networks.registry import build
from prunescope.pruning.files import prune_saved
from prunescope.pruning.settings import PruneSettings
from prunescope.pruning.writing import write_weights
from prunescope.results.dissection import Dissection, LayerDissection

PAGE = (Path(__file__).parents[2] / "docs" / "comparing.md").read_text(encoding="utf-8")
FORMATS = (Path(__file__).parents[2] / "docs" / "formats.md").read_text(encoding="utf-8")
COMMANDS = [
    shlex.split(line) for line in re.findall(r"^    prunescope (.*)$", PAGE, flags=re.MULTILINE)
]
NETWORK = "cifar_resnet20,width=0.25"
DENSE = make_layer(
    *[{"red": 200}, {"cat": 300}, {"dog": 250}, {"cat": 200}],
    *[{"blue": 150}, {"dog": 80}, {"red": 90}, {}],
)
PRUNED = make_layer(
    *[{"red": 180}, {"cat": 280}, {"cat": 150}, {"cat": 60}],
    *[{}, {"dog": 120}, {"red": 95}, {}],
)
TABLE = """\
unit,category,label,score,color-label,color-truth,color-activation,color-intersect,color-iou
1,color,red,0.11,red,1000,1000,200,0.11
"""


@pytest.fixture
def world(tmp_path: Path, drawn: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with everything that the page names."""
    dissected: dict[str, LayerDissection] = {
        "dense": DENSE,
        "pruned": PRUNED,
        "narrow": make_layer({"dog": 120}, {"red": 200}),
    }
    for name, layer in dissected.items():
        Dissection(layers={layer.layer: layer}).save(tmp_path / name)
    for name in ("a", "b"):
        levels = {(0, "dense", 0): [DENSE], (0, "lottery", 1): [PRUNED]}
        save_run(tmp_path / "runs" / name, levels)
    (tmp_path / "DIR").symlink_to(drawn)
    for name, keep in (("A", 1.0), ("B", 0.2)):
        torch.save(build(NETWORK, num_classes=10, seed=2).state_dict(), tmp_path / "dense.pth")
        pruned = prune_saved(
            NETWORK, PruneSettings(keep=keep), weights=tmp_path / "dense.pth", num_classes=10
        )
        write_weights(tmp_path / f"{name}.safetensors", pruned.network, pruned.mask, "prunescope")
    for name in ("resnet18.csv", "resnet50.csv"):
        (tmp_path / name).write_text(TABLE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.long
def test_every_command_of_the_page_runs(world: Path, prunescope: Prunescope) -> None:
    assert len(COMMANDS) >= 6
    for words in COMMANDS:
        ended = prunescope(*words)
        assert ended.status == 0, (words, ended.err)
        assert ended.out
    assert (world / "C" / "units.parquet").is_file()
    for side in "ab":
        assert (world / "E" / side / "layer3" / "units.parquet").is_file()
        assert (world / "F" / f"predictions_{side}.parquet").is_file()


def test_the_page_shows_what_the_first_command_prints(world: Path, prunescope: Prunescope) -> None:
    [shown] = re.findall(r"^```text\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
    assert prunescope(*COMMANDS[0]).out == shown


@pytest.mark.parametrize("runs", [False, True])
def test_the_tables_have_the_columns_that_the_formats_name(
    world: Path, prunescope: Prunescope, runs: bool
) -> None:
    sides = ("runs/a", "runs/b") if runs else ("dense", "pruned")
    assert prunescope("compare", *sides, "--out", "C").status == 0
    tables = {"Units": "units.parquet", "Concepts": "concepts.csv"}
    tables |= {"Levels": "levels.csv"} if runs else {}
    for title, name in tables.items():
        path = world / "C" / name
        table = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
        found = table.columns.tolist()
        if runs and title != "Levels":
            assert found[:3] == ["replicate", "strategy", "level"]
            found = found[3:]
        columns = documented(title)
        if runs and title == "Units":  # whose images are not drawn
            assert "The last four are absent where images were not drawn" in FORMATS
            columns = columns[:-4]
        assert sorted(found) == sorted(columns)
    named = re.search(r"## The folder of a comparison\n.*?### ", FORMATS, re.DOTALL)
    assert named
    files = set(re.findall(r"^\| `([^`]+)` \|", named[0], re.MULTILINE))
    assert {path.name for path in (world / "C").iterdir()} == files - (
        set() if runs else {"levels.csv"}
    )


def documented(title: str) -> list[str]:
    """Return the columns that the formats name, each side and outcome written out."""
    found = re.search(rf"^### {title} of a comparison\n(.*?)(?=^##|\Z)", FORMATS, re.M | re.DOTALL)
    assert found
    rows = re.findall(r"^\| `([^`]+)` \| [^|]+ \| ?(.*?) ?\|$", found[1], re.MULTILINE)
    columns = []
    for name, meaning in rows:
        outcomes = re.findall(r"`(kept|relabelled|lost|gained)`", meaning)
        places = ["a", "b"] if "SIDE" in name else outcomes if "OUTCOME" in name else [""]
        columns += [re.sub("SIDE|OUTCOME", place, name) for place in places]
    return columns


def test_the_page_names_every_outcome_and_share(world: Path, prunescope: Prunescope) -> None:
    for name in ("kept", "relabelled", "lost", "gained", "neither"):
        assert re.search(rf"^\| {name} \|", PAGE, flags=re.MULTILINE)
    for name in ("units.still_interpretable", "units.same_concept", "concepts.kept_share"):
        assert f"`{name}`" in PAGE
