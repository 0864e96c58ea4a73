"""Which boxes does an XML file of a VOC folder list?

Corners are pixels counted from 1, and belong to the box (Everingham & Winn 2012).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import numpy as np

from prunescope.base.errors import DataError
from prunescope.base.paths import require_file
from prunescope.base.text import written
from prunescope.concepts.patches import Patch, joined, lay_out
from prunescope.concepts.protocol import Annotation, Label

OBJECT, PART = "object", "part"
_BEYOND = 1  # pixels that a corner may lie outside the image, as some tools count from 0
_LARGEST_SIZE = 65_535


class Box(NamedTuple):
    """A box: what it holds, whether that is an object or a part of one, and its corners."""

    name: str
    category: str
    left: float
    top: float
    right: float
    bottom: float

    def patch(self) -> Patch | None:
        """Return the pixels in it; None where it holds the middle of none."""
        top, left = (max(0, math.ceil(side) - 1) for side in (self.top, self.left))
        size = math.floor(self.bottom) - top, math.floor(self.right) - left
        return Patch(top, left, np.ones(size, np.bool_)) if min(size) > 0 else None


class Boxed(NamedTuple):
    """The boxes of an image, and its height and width."""

    size: tuple[int, int]
    boxes: tuple[Box, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class VocBoxes:
    """The boxes of a set, which were read when it was opened.

    boxed: of each XML file, or why it cannot be read
    """

    labels: tuple[Label, ...] = field(repr=False)
    boxed: Mapping[Path, Boxed | str] = field(repr=False)
    lacking: str = "an XML file"
    codes: tuple[object, ...] = ()  # a box names its label

    def files(self, path: Path) -> tuple[Path, ...]:
        """Return the XML file."""
        return (path,)

    def size(self, path: Path) -> tuple[int, int]:
        """Return height and width of an image, as its XML file states them."""
        return self._of(path).size

    def read(self, path: Path, categories: Sequence[str]) -> Annotation:
        """Return the labels of the boxes of an XML file. Raises DataError where it is faulty."""
        found = self._of(path)
        numbers = {label.name: label.number for label in self.labels}
        patches: dict[int, list[Patch]] = {}
        for box in found.boxes:
            if (patch := box.patch()) is not None:
                patches.setdefault(numbers[box.name], []).append(patch)
        of_labels = {number: joined(patches[number]) for number in sorted(patches)}
        category_of = {label.number: label.category for label in self.labels}
        planes = lay_out(of_labels, category_of, categories, found.size)
        return Annotation(planes=planes, whole=())

    def _of(self, path: Path) -> Boxed:
        found = self.boxed[path]
        if isinstance(found, str):
            raise DataError(found)
        return found


def read_every_box(paths: Sequence[Path]) -> VocBoxes:
    """Read XML files; the labels are what their boxes hold, objects before parts, by name.

    A name of objects and of parts is that of an object. A faulty file is told when it is asked for.
    Raises DataError where no file has a box.
    """
    boxed: dict[Path, Boxed | str] = {}
    for path in paths:
        try:
            boxed[path] = read_boxes(path)
        except DataError as error:
            boxed[path] = str(error)
    sound = [found for found in boxed.values() if isinstance(found, Boxed)]
    named: dict[str, set[str]] = {OBJECT: set(), PART: set()}
    for found in sound:
        for box in found.boxes:
            named[box.category].add(box.name)
    if not any(named.values()):
        why = "" if sound else f" ({boxed[paths[0]]})"
        raise DataError(f"no file in {paths[0].parent} has a box: the set is empty{why}")
    owned = [(name, OBJECT) for name in sorted(named[OBJECT])]
    owned += [(name, PART) for name in sorted(named[PART] - named[OBJECT])]
    labels = tuple(
        Label(number=number, name=name, category=category)
        for number, (name, category) in enumerate(owned, start=1)
    )
    return VocBoxes(labels=labels, boxed=boxed)


def read_boxes(path: Path) -> Boxed:
    """Return what an XML file lists.

    Raises DataError, naming the file, where it is damaged, states no size, or has an object
    without a name, or a box that is none or lies outside the image.
    """
    require_file(path)
    try:
        content = path.read_bytes()
        if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
            raise DataError(f"{path} defines entities, which are not read: take its DOCTYPE out")
        tree = ElementTree.fromstring(content)
    except (OSError, ValueError, LookupError, ElementTree.ParseError) as error:
        raise DataError(f"{path} cannot be read as XML: {error}") from error
    sides = [_number(path, tree, f"size/{side}") for side in ("height", "width")]
    if not all(1 <= side <= _LARGEST_SIZE for side in sides):
        raise DataError(f"{path}: its size is {sides[0]:g} x {sides[1]:g} (height x width)")
    size = int(sides[0]), int(sides[1])
    boxes = []
    for element in tree.iterfind("object"):
        boxes.append(_box(path, element, OBJECT, size))
        boxes += [_box(path, part, PART, size) for part in element.iterfind("part")]
    return Boxed(size=size, boxes=tuple(boxes))


def _box(path: Path, element: ElementTree.Element, category: str, size: tuple[int, int]) -> Box:
    name = (element.findtext("name") or "").strip()
    if not name:
        raise DataError(f"{path} has an {category} without a name".replace("an part", "a part"))
    left, top, right, bottom = (
        _number(path, element, f"bndbox/{side}") for side in ("xmin", "ymin", "xmax", "ymax")
    )
    height, width = size
    if left > right or top > bottom:
        raise DataError(f"{path}: the box of {written(name)} ends before it begins")
    if min(left, top) < 1 - _BEYOND or right > width + _BEYOND or bottom > height + _BEYOND:
        raise DataError(
            f"{path}: the box of {written(name)}, x {left:g} to {right:g} and y {top:g} to "
            f"{bottom:g}, lies outside its image of {height} x {width} (height x width)"
        )
    return Box(name, category, left, top, min(right, width), min(bottom, height))


def _number(path: Path, element: ElementTree.Element, place: str) -> float:
    text = element.findtext(place)
    try:
        number = float(text or "")
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise DataError(f"{path}: {place} is {written(text)}, but must be a number")
    return number
