"""How are tables and label maps of a folder written, and which pictures are copied as they are?"""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Shaped, UInt8
from PIL import Image

from prunescope.base.errors import DataError
from prunescope.imaging.decoding import in_colour, read_picture

INDEX = ("image", "split", "ih", "iw", "sh", "sw")
"""The columns of index.csv before those of the categories."""


class LabelRow(NamedTuple):
    """A label: its number, name and category, how many images carry it, and its coverage.

    coverage: the sum over images and planes of its share of the pixels.
    """

    number: int
    name: str
    category: str
    images: int
    coverage: float


def save_tables(root: Path, labels: Sequence[LabelRow], categories: Iterable[str]) -> None:
    """Write label.csv, category.csv and every c_<category>.csv; a category needs a label."""
    lines = [
        (label.number, label.name, f"{label.category}({label.images})", *_covered(label), "")
        for label in labels
    ]
    header = ["number", "name", "category", "frequency", "coverage", "syns"]
    save_csv(root / "label.csv", header, lines)
    summaries = []
    for category in categories:
        members = [label for label in labels if label.category == category]
        if not members:
            continue
        first, last = members[0].number, members[-1].number
        total = sum(label.images for label in members)
        summaries.append((category, first, last, len(members), total))
        codes = [
            (code, label.number, label.name, *_covered(label))
            for code, label in enumerate(members, start=1)
        ]
        header = ["code", "number", "name", "frequency", "coverage"]
        save_csv(root / f"c_{category}.csv", header, codes)
    header = ["name", "first", "last", "count", "frequency"]
    save_csv(root / "category.csv", header, summaries)


def save_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table in UTF-8, with CRLF line ends as Broden's."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\r\n").writerows([header, *rows])


def save_map(plane: Shaped[np.ndarray, "height width"], path: Path) -> None:
    """Write a label map: red + 256 green is the number of a pixel's label."""
    channels = np.stack((plane % 256, plane // 256, np.zeros_like(plane)), axis=-1)
    save_png(channels.astype(np.uint8), path)


def save_png(pixels: UInt8[np.ndarray, "height width 3"], path: Path) -> None:
    """Write a picture, and the folder it lies in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, compress_level=1)  # five times as fast, a tenth larger


def _covered(label: LabelRow) -> tuple[int, str]:
    return label.images, f"{label.coverage:.6f}"


def is_shown_so(path: Path, picture: Image.Image, *, upright: bool = False) -> bool:
    """Return whether a stored picture, if it can be read, is shown like this one.

    upright: turned according to its EXIF.
    """
    try:
        shown = in_colour(read_picture(path), path, upright=upright)
    except DataError:
        return False
    return (shown.size, shown.tobytes()) == (picture.size, picture.tobytes())
