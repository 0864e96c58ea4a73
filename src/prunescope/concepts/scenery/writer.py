"""How does a drawn set become a folder in Broden's layout?"""

import csv
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Int64, UInt8
from PIL import Image

from prunescope.concepts.scenery.labels import (
    CATEGORIES,
    PLANES,
    VOCABULARY,
    label_planes,
    scene_concepts,
)
from prunescope.concepts.scenery.picture import KINDS, draw_picture

Row = list[str]


@dataclass(frozen=True, kw_only=True)
class Commission:
    """Which pictures to draw: how many per split, how large, from which seed."""

    seed: int
    size: int
    train: int
    val: int

    @property
    def cells_per_picture(self) -> int:
        """How many label cells a picture has: one for four pixels."""
        return (self.size // 2) ** 2

    def pictures(self) -> list[tuple[str, str, int]]:
        """Return split, class and number of each picture, in the order of index.csv.

        Classes take turns, so that any first part of a split is balanced.
        """
        names = list(KINDS)
        return [
            (split, names[step % len(names)], step // len(names))
            for split, count in (("train", self.train), ("val", self.val))
            for step in range(count)
        ]


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """The labels of one picture, whose file is `stem`.png."""

    stem: str
    scenes: tuple[int, ...]
    planes: UInt8[np.ndarray, "plane cell_row cell_column"]


@dataclass(frozen=True, kw_only=True)
class Tally:
    """How often each concept occurs: pictures that hold it, and label cells in all of them.

    Entry 0 counts cells without a label; a cell counts once per plane.
    """

    pictures: Int64[np.ndarray, " concept"]
    cells: Int64[np.ndarray, " concept"]
    cells_per_picture: int


def draw_sheets(
    root: Path,
    commission: Commission,
    pictures: Iterable[tuple[str, str, int]],
    advance: Callable[[], None],
) -> list[Sheet]:
    """Draw pictures, save them below `root`/images, and return their labels."""
    sheets = []
    for split, name, number in pictures:
        picture = draw_picture(
            seed=commission.seed, split=split, name=name, number=number, size=commission.size
        )
        stem = f"{split}/{name}/{number:04d}"
        _save_png(picture.pixels, root / "images" / f"{stem}.png")
        planes, scenes = label_planes(picture), scene_concepts(picture)
        sheets.append(Sheet(stem=stem, scenes=scenes, planes=planes))
        advance()
    return sheets


def tally_sheets(sheets: Sequence[Sheet], commission: Commission) -> Tally:
    """Count the concepts of some sheets."""
    length = len(VOCABULARY) + 1
    pictures, cells = np.zeros(length, np.int64), np.zeros(length, np.int64)
    for sheet in sheets:
        counts = np.bincount(sheet.planes.ravel(), minlength=length)
        counts[list(sheet.scenes)] = commission.cells_per_picture
        pictures += counts > 0
        cells += counts
    return Tally(pictures=pictures, cells=cells, cells_per_picture=commission.cells_per_picture)


def number_concepts(tally: Tally) -> Int64[np.ndarray, " concept"]:
    """Return the label number of each concept: from 1 by falling frequency, 0 if it is absent.

    Of equally frequent concepts, the one earlier in VOCABULARY has the lower number.
    """
    order = np.argsort(-tally.pictures[1:], kind="stable") + 1
    numbers = np.zeros_like(tally.pictures)
    numbers[order] = np.arange(1, len(order) + 1)
    numbers[tally.pictures == 0] = 0
    return numbers


def save_maps(
    root: Path, sheets: Sequence[Sheet], numbers: Int64[np.ndarray, " concept"]
) -> list[Row]:
    """Save the label maps of some sheets, without empty ones; return their rows of index.csv."""
    rows = []
    for sheet in sheets:
        cells: dict[str, list[str]] = {category: [] for category in CATEGORIES}
        cells["scene"] = [str(numbers[scene]) for scene in sheet.scenes]
        for name, plane in zip(PLANES, sheet.planes, strict=True):
            if plane.any():
                entry = f"labels/{sheet.stem}_{name}.png"
                _save_png(_as_pixels(numbers[plane]), root / "images" / entry)
                cells[name.partition("_")[0]].append(entry)
        half = sheet.planes.shape[1]
        sizes = [str(side) for side in (2 * half, 2 * half, half, half)]
        split = sheet.stem.partition("/")[0]
        joined = [";".join(cells[category]) for category in CATEGORIES]
        rows.append([f"{sheet.stem}.png", split, *sizes, *joined])
    return rows


def save_tables(root: Path, tally: Tally, rows: Iterable[Row]) -> None:
    """Write index.csv, label.csv, category.csv and every c_<category>.csv.

    frequency: pictures that hold the label. coverage: sum over pictures of its share of the cells.
    """
    labels = _label_rows(tally)
    categories = []
    for category in CATEGORIES:
        members = [row for row in labels if row.category == category]
        if members:
            frequency = sum(row.frequency for row in members)
            ends = (members[0].number, members[-1].number)
            categories.append((category, *ends, len(members), frequency))
            codes = [
                (code, row.number, row.name, row.frequency, row.coverage)
                for code, row in enumerate(members, start=1)
            ]
            _save_csv(root / f"c_{category}.csv", "code,number,name,frequency,coverage", codes)
    lines = [
        (row.number, row.name, f"{row.category}({row.frequency})", row.frequency, row.coverage, "")
        for row in labels
    ]
    _save_csv(root / "category.csv", "name,first,last,count,frequency", categories)
    _save_csv(root / "label.csv", "number,name,category,frequency,coverage,syns", lines)
    _save_csv(root / "index.csv", ",".join(("image,split,ih,iw,sh,sw", *CATEGORIES)), rows)


class _LabelRow(NamedTuple):
    number: int
    category: str
    name: str
    frequency: int
    coverage: str


def _label_rows(tally: Tally) -> list[_LabelRow]:
    numbers, coverage = number_concepts(tally), tally.cells / tally.cells_per_picture
    return sorted(
        _LabelRow(
            number=int(numbers[concept]),
            category=category,
            name=name,
            frequency=int(tally.pictures[concept]),
            coverage=f"{coverage[concept]:.6f}",
        )
        for concept, (category, name) in enumerate(VOCABULARY, start=1)
        if numbers[concept]
    )


def _as_pixels(
    numbers: Int64[np.ndarray, "cell_row cell_column"],
) -> UInt8[np.ndarray, "cell_row cell_column 3"]:
    """Return a label map as Broden writes it: red + 256 green."""
    channels = (numbers % 256, numbers // 256, np.zeros_like(numbers))
    return np.stack(channels, axis=-1).astype(np.uint8)


def _save_png(pixels: UInt8[np.ndarray, "height width 3"], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, compress_level=1)  # five times as fast, a tenth larger


def _save_csv(path: Path, header: str, rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerow(header.split(","))
        writer.writerows(rows)
