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
_LABELMAP = "labelmap.txt"  # as CVAT's exporter calls it


def choose_classes(root: Path, stated: Path | None) -> IndexMaps:
    """Return how the maps of a folder are read.

    stated: a file that names its classes; None takes class_names.txt of the folder, else its
        labelmap.txt, else the classes of PASCAL VOC, whose palette the maps must then have
    """
    beside = (root / name for name in (_CLASSES, _LABELMAP))
    own = stated or next(filter(Path.is_file, beside), None)
    if own is not None and own.name == _LABELMAP:
        return IndexMaps(names=read_labelmap(own), advice="add a line for it")
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
    names = [line.strip() for line in _lines_of(path) if line.strip() not in ("", _IGNORED)]
    if names and names[0].casefold() in _BACKGROUNDS:
        names = names[1:]
    for row, name in enumerate(names):
        if name in names[:row]:
            raise DataError(f"{path} has {written(name)} twice: a class has one line")
    if not 1 <= len(names) < BORDER:
        raise DataError(f"{path} names {len(names)} classes, but must name 1 to {BORDER - 1}")
    return tuple(names)


def read_labelmap(path: Path) -> Names:
    """Return the classes of a labelmap.txt: a line `name:red,green,blue:parts:actions` for each.

    A class called background carries no label, and neither does the colour of VOC's border, unless
    it is a class's. Raises DataError, naming the line, for one of another form, and for a name or a
    colour twice.
    """
    colors: dict[int, int] = {}
    names: list[str] = []
    for row, line in enumerate(_lines_of(path), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        name, *rest = map(str.strip, line.split(":"))
        channels = rest[0].split(",") if rest else []
        if not name or len(channels) != 3 or not all(map(_is_channel, channels)):
            raise DataError(
                f"{path}, line {row} is {written(line)}, but must be name:red,green,blue::"
            )
        red, green, blue = map(int, channels)
        colour = red << 16 | green << 8 | blue
        if name in names or colour in colors:
            raise DataError(f"{path}, line {row}: {written(line)} has a name or colour twice")
        is_nothing = name.casefold() in _BACKGROUNDS
        names += [] if is_nothing else [name]
        colors[colour] = 0 if is_nothing else len(names)
    if not names:
        raise DataError(f"{path} names no class")
    return Names(
        path=path,
        labels=_labels_of(names),
        values={},
        colors={0: 0, colour_of(BORDER): 0} | colors,
        faults=(),
    )


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
        labels=_labels_of(classes),
        values=indices,
        colors={colour_of(index): number for index, number in indices.items()},
        faults=(),
    )


def _labels_of(classes: Sequence[str]) -> tuple[Label, ...]:
    numbered = enumerate(classes, start=1)
    return tuple(Label(number=n, name=name, category=_CATEGORY) for n, name in numbered)


def _lines_of(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read: {error}") from error


def _is_channel(text: str) -> bool:
    return text.strip().isdecimal() and int(text) < 256


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
