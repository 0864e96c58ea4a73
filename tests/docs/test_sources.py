"""Do the pages of concept sources say what is so? Their commands are run on small sets."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from datasets import concatenate_datasets

from commands import Prunescope
from concepts.ade_files import write_full
from concepts.cityscapes_files import write_cityscapes
from concepts.coco_files import write_coco
from concepts.davis_files import write_davis
from concepts.hub_files import saved, with_boxes
from concepts.voc_files import write_voc
from prunescope.concepts.sources import SOURCES
from prunescope.networks.registry import build

PAGES = Path(__file__).parents[2] / "docs" / "sources"
SETS: dict[str, Callable[[Path], object]] = {
    "coco": lambda here: write_coco(here / "street"),
    "voc": lambda here: write_voc(here / "VOCdevkit/VOC2012"),
    "ade20k": lambda here: write_full(here / "ADE20K_2021_17_01"),
    "cityscapes": lambda here: write_cityscapes(here / "cityscapes"),
    "davis": lambda here: write_davis(here / "DAVIS"),
    "hf": lambda here: saved(concatenate_datasets([with_boxes()] * 2), here / "street"),
}
"""How the set of each page is made, by the name of its kind."""


def commands(kind: str) -> list[list[str]]:
    text = (PAGES / f"{kind}.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [shlex.split(line)[1:] for block in blocks for line in block.splitlines()]


def test_every_page_has_a_set() -> None:
    assert {page.stem for page in PAGES.glob("*.md")} == set(SETS)


@pytest.mark.parametrize("kind", SETS)
def test_every_option_of_a_kind_is_explained(kind: str) -> None:
    text = (PAGES / f"{kind}.md").read_text(encoding="utf-8")
    for option in SOURCES.stated(kind, "OPTIONS") or {}:
        assert f"| `{option}=" in text


@pytest.mark.long
@pytest.mark.parametrize("kind", SETS)
def test_the_commands_of_the_page_run(
    prunescope: Prunescope, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kind == "coco":
        pytest.importorskip("pycocotools", reason="pycocotools is not installed (extra: coco)")
    monkeypatch.chdir(tmp_path)
    SETS[kind](tmp_path)
    network = build("torchvision:resnet18", num_classes=1000, seed=0)
    torch.save(network.state_dict(), "resnet18.pth")
    for words in commands(kind):
        more = ["--quantile", "0.2"] if "dissect" in words else []  # of the few cells there are
        ended = prunescope(*words, *more)
        assert ended.status == 0, ended.err
    assert (tmp_path / "sheets" / "sheet-1.png").exists()
    assert (tmp_path / "dissection" / "layer4" / "units.parquet").exists()
