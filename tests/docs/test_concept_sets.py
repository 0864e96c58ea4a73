"""Does docs/concept-sets.md say what is so? Its example is built and its commands are run."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from commands import Prunescope
from concepts.packing import packed
from concepts.worlds import FILES, write_folder
from prunescope.networks.registry import build
from serving import served

DOCUMENT = Path(__file__).parents[2] / "docs" / "concept-sets.md"


def blocks(kind: str) -> list[str]:
    fences = re.findall(r"^```(\w*)\n(.*?)^```$", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)
    return [text for word, text in fences if word == kind]


def commands(word: str) -> list[list[str]]:
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    return [shlex.split(line)[1:] for line in lines if word in line.split()[:3]]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def paint(path: Path, place: int) -> None:
    """Make a file as the document describes it: a photograph, a map or a mask."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".jpg":
        noise = np.random.default_rng(place).integers(0, 256, (60, 80, 3), np.uint8)
        Image.fromarray(noise).save(path)
    else:
        mask = np.zeros((30, 40), np.uint8)
        mask[10:20, place : place + 20] = 1
        mask[20:] = 0 if path.stem in ("car", "wheel", "grass") else 3
        mask[0] = 255 if mask[20].any() else 0
        Image.fromarray(mask).save(path)


@pytest.fixture
def streets(here: Path) -> Path:
    (listing,), (table,) = blocks(""), blocks("csv")
    for place, line in enumerate(listing.splitlines()):
        if line.endswith("names.csv"):
            (here / line).parent.mkdir()
            (here / line).write_text(table)
        else:
            paint(here / line, place)
    return here / "streets"


def test_every_command_of_the_document_is_known_here() -> None:
    run = [*commands("concepts"), *commands("dissect")]
    assert len(run) == sum(len(block.splitlines()) for block in blocks("sh"))


@pytest.mark.long
def test_the_example_is_checked_shown_and_dissected(
    prunescope: Prunescope, streets: Path, here: Path
) -> None:
    network = build("torchvision:resnet18", num_classes=1000, seed=0)
    torch.save(network.state_dict(), here / "resnet18.pth")
    ran = [words for words in commands("concepts") if "download" not in words]
    for words in [*ran, *commands("dissect")]:
        ended = prunescope(*words)
        assert ended.status == 0, ended.err
        if "check" in words:
            assert "12 images, 3 labels that occur" in ended.out
            assert "no problems" in ended.out
            assert "note" not in ended.out
    assert (here / "sheets" / "sheet-1.png").exists()
    assert (here / "dissection" / "layer4" / "units.parquet").exists()


def test_the_downloads_are_run_with_a_server_on_this_machine(
    prunescope: Prunescope, here: Path
) -> None:
    archive = packed(write_folder(here / "set", FILES))
    (here / "broden1_224.zip").write_bytes(archive)
    with served(archive) as server:
        for place, words in enumerate(commands("concepts")):
            if "download" not in words:
                continue
            own = [server.address if word.startswith("http:") else word for word in words]
            own[own.index("--out") + 1] = f"broden-{place}"
            ended = prunescope(*own, *([] if "--from" in own else ["--from", server.address]))
            assert ended.status == 0, ended.err
            assert (here / f"broden-{place}" / "index.csv").exists()
    assert len(server.asked) == 2


def test_the_categories_and_codes_of_the_example_are_those_it_explains(streets: Path) -> None:
    from prunescope.concepts import open_concepts

    concepts = open_concepts("masks:streets")
    assert concepts.categories == ("object", "part", "material")
    assert [label.number for label in concepts.labels] == [1, 2, 3]
    corner = concepts.images.index("train/corner.jpg")
    assert concepts.read_annotation(corner).numbers() == (1, 3)
