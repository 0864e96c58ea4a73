"""Do the commands take a user's own masks, and refuse what is wrong with them?"""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from commands import Prunescope
from concepts.as_coco import write_as_coco
from concepts.as_hub import write_as_hub
from concepts.broken import IMAGES, write_masks
from prunescope.base.tensors import load_tensors
from prunescope.concepts import open_concepts
from prunescope.networks.registry import build


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "resnet.pth"
    torch.save(build("cifar_resnet20,width=0.25", num_classes=10, seed=0).state_dict(), path)
    return path


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """Twelve images: a square on a ground, named by a map, by single masks, or by both."""
    root = tmp_path / "mine"
    (root / "images").mkdir(parents=True)
    (root / "masks").mkdir()
    (root / "names.csv").write_text("name,value,category\nsquare,1,object\nred-c,,color\n")
    for number in range(12):
        square = np.zeros((32, 32), bool)
        square[number : number + 12, 4:20] = True
        pixels = np.where(square[:, :, None], (200, 20 * number, 20), (40, 90, 10 * number))
        Image.fromarray(pixels.astype(np.uint8)).save(root / "images" / f"{number:02}.png")
        name = f"{number:02}"
        if number % 2:
            Image.fromarray(square.astype(np.uint8)).save(root / "masks" / f"{name}.png")
        else:
            (root / "masks" / name).mkdir()
            small = Image.fromarray(square[::2, ::2])
            small.save(root / "masks" / name / "square.png")
            small.save(root / "masks" / name / "red-c.png")
    return root


def _dissect(weights: Path, mine: Path) -> list[object]:
    network = ["cifar_resnet20,width=0.25", "--weights", weights, "--num-classes", 10]
    layer = ["--layer", "layer3", "--quantile", 0.02]
    return ["dissect", *network, *layer, "--concepts", f"masks:{mine}"]


@pytest.mark.long
def test_own_masks_are_checked_shown_and_dissected(
    prunescope: Prunescope, weights: Path, mine: Path, tmp_path: Path
) -> None:
    checked = prunescope("concepts", "check", f"masks:{mine}", "--json")
    assert checked.status == 0, checked.out
    report = json.loads(checked.out)
    assert report["images"] == 12
    assert [label["images"] for label in report["labels"]] == [12, 6]
    shown = prunescope("concepts", "preview", f"masks:{mine}", "--out", tmp_path / "sheets")
    assert shown.status == 0, shown.err
    Image.open(shown.out.splitlines()[0]).verify()
    ended = prunescope(*_dissect(weights, mine), "--out", tmp_path / "D", "--json")
    assert ended.status == 0, ended.err
    units = pd.read_parquet(tmp_path / "D" / "layer3" / "units.parquet")
    assert set(units["concept"].dropna()) <= {"square", "red-c"}
    # G of the maps at 32 x 32 and of the masks at 16 x 16
    squares = units.loc[units["concept"] == "square", "truth"]
    assert len(squares)
    assert set(squares) == {6 * 12 * 16 + sum(_half(number) * 8 for number in range(0, 12, 2))}


@pytest.mark.long
def test_a_coco_file_is_checked_shown_converted_and_dissected_as_what_it_becomes(
    prunescope: Prunescope, weights: Path, tmp_path: Path, drawn: Path
) -> None:
    pytest.importorskip("pycocotools", reason="pycocotools is not installed (extra: coco)")
    file = write_as_coco(open_concepts(f"broden:{drawn}", limit=12), tmp_path / "coco")
    name = f"coco:{file},category=supercategory"
    checked = prunescope("concepts", "check", name, "--json")
    assert checked.status == 0, checked.out
    assert json.loads(checked.out)["images"] == 12
    shown = prunescope("concepts", "preview", name, "--out", tmp_path / "sheets")
    assert shown.status == 0, shown.err
    made = prunescope("concepts", "convert", name, "--out", tmp_path / "B", "--json")
    assert made.status == 0, made.err
    found = json.loads(made.out)
    assert found == {"set": f"broden:{tmp_path / 'B'}", "images": 12, "labels": found["labels"]}
    tables = []
    for concepts in (name, found["set"]):
        out = tmp_path / f"D{len(tables)}"
        ended = prunescope(*_dissect(weights, drawn)[:-1], concepts, "--out", out)
        assert ended.status == 0, ended.err
        tables.append(load_tensors(out / "layer3" / "overlap.safetensors"))
    assert tables[0].keys() == tables[1].keys()
    assert all((tables[0][key] == tables[1][key]).all() for key in tables[0])


@pytest.mark.long
def test_a_hub_set_is_converted_and_dissected_as_what_it_becomes(
    prunescope: Prunescope, weights: Path, tmp_path: Path, drawn: Path
) -> None:
    name = write_as_hub(open_concepts(f"broden:{drawn}", limit=12), tmp_path / "hub", "maps")
    made = prunescope("concepts", "convert", name, "--out", tmp_path / "B", "--json")
    assert made.status == 0, made.err
    tables = []
    for concepts in (name, json.loads(made.out)["set"]):
        out = tmp_path / f"D{len(tables)}"
        ended = prunescope(*_dissect(weights, drawn)[:-1], concepts, "--out", out)
        assert ended.status == 0, ended.err
        tables.append(load_tensors(out / "layer3" / "overlap.safetensors"))
    assert tables[0].keys() == tables[1].keys()
    assert all((tables[0][key] == tables[1][key]).all() for key in tables[0])


def test_broken_images_may_be_left_out_of_a_conversion(
    prunescope: Prunescope, tmp_path: Path
) -> None:
    _cut(write_masks(tmp_path / "mine") / "images/a/004.png")
    words = ("concepts", "convert", f"masks:{tmp_path / 'mine'}", "--out", tmp_path / "B", "--json")
    assert prunescope(*words).status == 2
    made = prunescope(*words, "--skip-broken")
    assert made.status == 0, made.err
    found = json.loads(made.out)
    assert found["images"] == IMAGES - 1
    [left_out] = found["left_out"]
    assert left_out["image"] == "a/004.png"
    sound = open_concepts(f"masks:{write_masks(tmp_path / 'sound', without=[4])}")
    assert open_concepts(found["set"]).images == sound.images


def _half(first: int) -> int:
    return len(range(first, first + 12, 2))


def test_the_list_names_masks(prunescope: Prunescope) -> None:
    assert "masks:DIR" in prunescope("concepts", "list").out


def _save(pixels: object, path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(np.asarray(pixels, np.uint8)).save(path)


def _append(text: str) -> Callable[[Path], object]:
    def append(mine: Path) -> None:
        table = mine / "names.csv"
        table.write_text(table.read_text() + text)

    return append


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:60])


MASK = "masks/03.png"
SPOILED: dict[str, tuple[Callable[[Path], object], list[str]]] = {
    "no names.csv": (lambda m: (m / "names.csv").unlink(), ["names.csv"]),
    "a name twice": (_append("square,5,\n"), ["names.csv, row 4", "square"]),
    "a value twice": (_append("circle,1,\n"), ["names.csv, row 4", "value 1"]),
    "no images": (lambda m: (m / "images").rename(m / "pictures"), ["no folder images"]),
    "a mask without an image": (lambda m: (m / "images/03.png").unlink(), [MASK, "no image"]),
    "a mask of no concept": (
        lambda m: _save(np.ones((16, 16)), m / "masks/02/sqare.png"),
        ["sqare.png", "square"],
    ),
    "a mask that is a JPEG": (lambda m: (m / MASK).rename(m / "masks/03.jpg"), ["03.jpg", "PNG"]),
    "a truncated mask": (lambda m: _cut(m / MASK), [MASK, "cannot be read"]),
    "a truncated image": (lambda m: _cut(m / "images/03.png"), ["images/03.png"]),
    "a value without a name": (lambda m: _save(np.full((32, 32), 7), m / MASK), [MASK, "value 7"]),
    "a colour without a name": (lambda m: _save(np.ones((9, 9, 3)), m / MASK), [MASK, "color"]),
    "a mask of another shape": (lambda m: _save(np.ones((32, 30)), m / MASK), [MASK, "32 x 30"]),
    "masks of two sizes": (
        lambda m: _save(np.ones((32, 32)), m / "masks/02/red-c.png"),
        ["masks/02/red-c.png is 32 x 32", "16 x 16"],
    ),
}


@pytest.mark.parametrize("name", SPOILED)
def test_spoiled_masks_are_refused_and_nothing_written(
    prunescope: Prunescope, weights: Path, mine: Path, tmp_path: Path, name: str
) -> None:
    spoil, words = SPOILED[name]
    spoil(mine)
    checked = prunescope("concepts", "check", f"masks:{mine}")
    dissected = prunescope(*_dissect(weights, mine), "--out", tmp_path / "D")
    assert not (tmp_path / "D").exists()
    for ended in (checked, dissected):
        assert ended.status == 2, ended.err
        assert "Traceback" not in ended.err
        for word in words:
            assert word in ended.out + ended.err


@pytest.mark.long
def test_masks_of_one_size_are_noted_checked_shown_and_dissected(
    prunescope: Prunescope, weights: Path, mine: Path, tmp_path: Path
) -> None:
    checked = prunescope("concepts", "check", f"masks:{mine}")
    assert "from 16 x 16 to 32 x 32 pixels" in checked.out
    assert "weighs 4 times as much" in checked.out
    sized = ["--mask-size", 24]
    checked = prunescope("concepts", "check", f"masks:{mine}", *sized, "--json")
    found = json.loads(checked.out.splitlines()[-1])
    assert checked.status == 0
    assert not any("weighs" in note for note in found["notes"])
    shown = prunescope("concepts", "preview", f"masks:{mine}", *sized, "--out", tmp_path / "P")
    assert shown.status == 0, shown.err
    sets = []
    for words in ([], sized):
        out = tmp_path / f"D{len(sets)}"
        ended = prunescope(*_dissect(weights, mine), *words, "--out", out)
        assert ended.status == 0, ended.err
        summary = json.loads((out / "layer3" / "summary.json").read_text())
        sets.append(summary["concept_set"])
    assert sets[1]["mask_size"] == 24
    assert "mask_size" not in sets[0]
    assert sets[0]["fingerprint"] != sets[1]["fingerprint"]
