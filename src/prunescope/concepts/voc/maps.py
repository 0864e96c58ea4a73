"""Which class does each pixel of a VOC map show?"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from prunescope.base.errors import DataError
from prunescope.base.text import written
from prunescope.concepts.index_maps import IndexMaps
from prunescope.concepts.names import Names
from prunescope.concepts.protocol import Label

VOC_CLASSES = (
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow"),
    *("diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa"),
    *("train", "tvmonitor"),
)
"""The classes of PASCAL VOC from index 1 on (Everingham et al. 2010)."""

BORDER = 255
_BACKGROUNDS = ("background", "_background_", "__background__", "void")
_IGNORED = "__ignore__"  # labelme's name for what has no index
_CATEGORY = "object"
_CLASSES = "class_names.txt"  # as labelme's exporter calls it


def choose_classes(root: Path, stated: Path | None) -> IndexMaps:
    """Return how the maps of a folder are read.

    stated: a file that names its classes; None takes class_names.txt of the folder, or, where there
        is none, the classes of PASCAL VOC, whose palette the maps must then have
    """
    own = root / _CLASSES if stated is None and (root / _CLASSES).is_file() else stated
    names = VOC_CLASSES if own is None else read_classes(own)
    return IndexMaps(
        names=_names_of(names, own or Path("PASCAL VOC")),
        advice="name your own classes (classes=FILE)",
        check=_check_palette if own is None else None,
    )


def read_classes(path: Path) -> tuple[str, ...]:
    """Return the names of the classes from index 1 on, which a text file lists, a line each.

    A first line that says background stands for index 0. Raises DataError for a file that cannot
    be read, a name twice, or more classes than a map can hold.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    names = [line.strip() for line in lines if line.strip() not in ("", _IGNORED)]
    if names and names[0].casefold() in _BACKGROUNDS:
        names = names[1:]
    for row, name in enumerate(names):
        if name in names[:row]:
            raise DataError(f"{path} has {written(name)} twice: a class has one line")
    if not 1 <= len(names) < BORDER:
        raise DataError(f"{path} names {len(names)} classes, but must name 1 to {BORDER - 1}")
    return tuple(names)


def colour_of(index: int) -> int:
    """Return the colour of an index in VOC's palette: red 65536 + green 256 + blue.

    The bits of an index are dealt out to red, green and blue in turns, the lowest to the highest.
    """
    channels = [0, 0, 0]
    for bit in range(8):
        channels[bit % 3] |= (index >> bit & 1) << (7 - bit // 3)
    red, green, blue = channels
    return red << 16 | green << 8 | blue


def _names_of(classes: Sequence[str], where: Path) -> Names:
    """Return the classes as labels, with their indices and colours. where: for messages."""
    indices = {0: 0, BORDER: 0} | {index: index for index in range(1, len(classes) + 1)}
    return Names(
        path=where,
        labels=tuple(
            Label(number=number, name=name, category=_CATEGORY)
            for number, name in enumerate(classes, start=1)
        ),
        values=indices,
        colors={colour_of(index): number for index, number in indices.items()},
        faults=(),
    )


def _check_palette(path: Path, picture: Image.Image) -> None:
    """Raise DataError where a map shows an index in another colour than VOC does."""
    palette = picture.getpalette("RGB") if picture.mode == "P" else None
    if palette is None:
        return
    for index in np.flatnonzero(np.bincount(np.asarray(picture).ravel())).tolist():
        red, green, blue = [*palette[3 * index : 3 * index + 3], 0, 0, 0][:3]
        if (shown := red << 16 | green << 8 | blue) != colour_of(index):
            raise DataError(
                f"{path} has a palette that is not VOC's: it shows {index} in #{shown:06x}, VOC in "
                f"#{colour_of(index):06x}; if its classes are your own, name them: classes=FILE"
            )
