"""Is docs/conventions.md true of the conventions that there are?"""

import re
import shlex
from pathlib import Path

import pandas as pd
import pytest
import torch

from commands import Prunescope, check_refused
from prunescope.dissection.conventions import CONVENTIONS
from prunescope.networks.registry import build

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "conventions.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^    prunescope ((?:.*\\\n)*.*)$", PAGE, flags=re.MULTILINE)
NETWORK = "cifar_resnet20,width=0.25"
FORMATS = (DOCS / "formats.md").read_text(encoding="utf-8")


def rule(title: str) -> list[str]:
    """Return the cells of a row of the page's table of rules."""
    [row] = re.findall(rf"^\| ?{re.escape(title)} \|(.*)\|$", PAGE, re.MULTILINE)
    return [cell.strip() for cell in row.split("|")]


def test_the_page_names_every_convention_in_their_order() -> None:
    assert rule("") == [f"`{name}`" for name in CONVENTIONS]


def test_the_page_states_the_defaults_that_there_are() -> None:
    rules = CONVENTIONS.values()
    ious = rule("interpretable, unless `--iou`, above")
    assert ious == [f"{convention.iou:g}" for convention in rules]
    for cell, convention in zip(rule("images, unless `--split`"), rules, strict=True):
        assert cell == (f"the split `{convention.split}`" if convention.split else "all")
    for cell, convention in zip(rule("categories, unless `--categories`"), rules, strict=True):
        left_out = ", ".join(f"`{name}`" for name in convention.without)
        assert cell == (f"all but {left_out}" if left_out else "all")


def test_the_page_states_the_rules_that_there_are() -> None:
    rules = CONVENTIONS.values()
    inside = rule("an image adds the unit's mask to A of a category")
    assert ["within" in cell for cell in inside] == [convention.inside for convention in rules]
    centres = rule("upsampling: where a cell's centre lies")
    assert ["further on" in cell for cell in centres] == [
        convention.centring == "nominal" for convention in rules
    ]
    twice = {(True, True): "once", (False, True): "twice, in I and in G"}
    twice[True, False] = "once in I, twice in G"
    planes = rule("a pixel with one label in two planes")
    assert planes == [twice[convention.once, convention.truth_once] for convention in rules]


def test_the_table_that_is_written_has_the_columns_that_the_formats_name(
    prunescope: Prunescope, drawn: Path, tmp_path: Path
) -> None:
    network = [NETWORK, "--num-classes", 10, "--layer", "layer3"]
    words = [*network, "--concepts", f"broden:{drawn}", "--quantile", 0.02, "--out", tmp_path / "C"]
    chosen = ["--convention", "exact", "--convention", "lite"]
    assert prunescope("conventions", *words, *chosen).status == 0
    found = re.search(r"^## `conventions\.csv`\n(.*?)(?=^## )", FORMATS, re.M | re.S)
    assert found
    columns = re.findall(r"^\| `([^`]+)` \|", found[1], re.MULTILINE)
    assert pd.read_csv(tmp_path / "C" / "conventions.csv").columns.tolist() == columns


@pytest.mark.parametrize("column", ["label", "truth", "activation", "intersect", "iou"])
def test_the_page_names_the_columns_of_an_exported_table(column: str) -> None:
    assert f"`CATEGORY-{column}`" in PAGE


@pytest.mark.long
def test_the_commands_of_the_page_run_in_their_order(
    prunescope: Prunescope, drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a small network, whose maps are small, and few images; else as they stand there."""
    monkeypatch.chdir(tmp_path)
    Path("DIR").symlink_to(drawn)
    torch.save(build(NETWORK, num_classes=10, seed=0).state_dict(), "FILE")
    shown = {"torchvision:resnet50": [NETWORK, "--quantile", "0.02"], "layer4": ["layer3"]}
    for command in COMMANDS:
        words = shlex.split(command.replace("\\\n", " "))
        ended = prunescope(*(small for word in words for small in shown.get(word, [word])))
        assert ended.status == 0, (command, ended.err)
    assert [command.split()[0] for command in COMMANDS] == [
        *("dissect", "conventions", "compare", "export")
    ]
    assert {path.name for path in Path("C").iterdir()} == {*CONVENTIONS, "conventions.csv"}
    assert len(pd.read_csv("layer4.csv")) == 16
    check_refused(prunescope("compare", "C/exact", "C/lite"), "material", "--categories")
    check_refused(prunescope("compare", "C/exact", "C/quick"), "other images")
