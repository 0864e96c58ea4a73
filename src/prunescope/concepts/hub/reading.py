"""What does a row of a data set show, and of what is it labelled?"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int32
from PIL import Image, ImageFile

from prunescope.base.errors import DataError
from prunescope.base.text import written
from prunescope.concepts.coco.shapes import patch_of
from prunescope.concepts.codes import marked_in, numbers_in
from prunescope.concepts.hub.classes import Classes
from prunescope.concepts.hub.columns import Columns, Objects
from prunescope.concepts.patches import Patch, joined, lay_out
from prunescope.concepts.protocol import Annotation
from prunescope.imaging.decoding import has_deep_colours, in_colour, read_picture, read_size

Row = Callable[[str], Any]
"""Returns what a row has in a column, as Arrow stores it."""

_LOSSLESS = ("PNG", "TIFF", "BMP")
_MISSING = (None, -1)  # how `datasets` writes that a class is not known


@dataclass(frozen=True, kw_only=True, eq=False)
class RowReader:
    """Reads the rows of a data set.

    corners: whether a box is left, top, right, bottom; else left, top, width, height
    """

    columns: Columns
    classes: Classes = field(repr=False)
    categories: tuple[str, ...]
    corners: bool

    def image(self, row: Row, where: str) -> Image.Image:
        """Return the picture of a row in RGB, upright. where: what messages call the row.

        Raises DataError where it cannot be read, or is not as large as the row's first mask.
        """
        column = self.columns.image
        title = _titled(where, column)
        picture = read_picture(_stored(row(column), title), title)
        upright = in_colour(picture, title, upright=True)
        first = next(self._marks(row, where), None)
        size = upright.height, upright.width
        if first is not None and (other := read_size(*first)) != size:
            raise DataError(
                f"{first[1]} is {other[0]} x {other[1]} (height x width), but the image is "
                f"{size[0]} x {size[1]}: give both one size"
            )
        return upright

    def annotation(self, row: Row, where: str) -> Annotation:
        """Return the labels of a row, in maps as large as its masks; without any, as its image.

        Each map is a plane; masks and boxes of a category share planes as far as they do not
        overlap. Raises one DataError with a line for everything that is wrong.
        """
        faults: list[str] = []
        maps = self._maps(row, where, faults)
        patches = self._of_masks(row, where, faults)
        sizes = {(p.bottom, p.right) for of_label in patches.values() for p in of_label}
        sizes |= {plane.shape for plane in maps}
        if len(sizes) > 1:
            found = " and ".join(f"{height} x {width}" for height, width in sorted(sizes))
            faults.append(f"{where} has masks of several sizes: {found} (height x width)")
        title = _titled(where, self.columns.image)
        image = _stored(row(self.columns.image), title)
        size = min(sizes) if sizes else read_size(image, title, upright=True)
        for number, patch in self._of_boxes(row, where, size, faults):
            patches.setdefault(number, []).append(patch)
        whole = self._of_whole(row, where, faults)
        if faults:
            raise DataError("\n".join(faults))
        category_of = {label.number: label.category for label in self.classes.labels}
        of_labels = {number: joined(patches[number]) for number in sorted(patches)}
        laid = lay_out(of_labels, category_of, self.categories, size)
        return Annotation(
            planes=np.concatenate([*(m[np.newaxis] for m in maps), laid]), whole=whole
        )

    def _marks(self, row: Row, where: str) -> Iterator[tuple[bytes | Path, str]]:
        """Yield every map and mask of a row, with its name in messages."""
        if (column := self.columns.maps) is not None:
            for title, cell in _each(row(column), _titled(where, column)):
                yield _stored(cell, title), title
        if (masks := self.columns.masks) is not None:
            for title, mask, _ in _objects(row, masks, where):
                yield _stored(mask, title), title

    def _maps(
        self, row: Row, where: str, faults: list[str]
    ) -> list[Int32[np.ndarray, "height width"]]:
        column, names = self.columns.maps, self.classes.maps
        if column is None or names is None:
            return []
        planes = []
        for title, cell in _each(row(column), _titled(where, column)):
            try:
                picture = _read_mask(_stored(cell, title), title)
                planes.append(numbers_in(title, picture, names, "name its classes"))
            except DataError as error:
                faults.append(str(error))
        return planes

    def _of_masks(self, row: Row, where: str, faults: list[str]) -> dict[int, list[Patch]]:
        patches: dict[int, list[Patch]] = {}
        for title, mask, category in _objects(row, self.columns.masks, where):
            try:
                number = self._number(self.columns.masks, category, title)
                marked = marked_in(_read_mask(_stored(mask, title), title))
            except DataError as error:
                faults.append(str(error))
            else:
                patches.setdefault(number, []).append(Patch(0, 0, marked))
        return patches

    def _of_boxes(
        self, row: Row, where: str, size: tuple[int, int], faults: list[str]
    ) -> Iterator[tuple[int, Patch]]:
        for title, box, category in _objects(row, self.columns.boxes, where):
            try:
                number = self._number(self.columns.boxes, category, title)
                patch = patch_of({"bbox": self._as_sides(box)}, *size, boxes=True)
            except DataError as error:
                faults.append(str(error))
            except ValueError as error:
                faults.append(f"{title}: {error}")
            else:
                if patch is not None:
                    yield number, patch

    def _of_whole(self, row: Row, where: str, faults: list[str]) -> tuple[int, ...]:
        column = self.columns.label
        if column is None:
            return ()
        cell = row(column)
        stated = [value for value in _listed(cell) if value not in _MISSING]
        numbers = self.classes.numbers[column]
        found = [self._look_up(numbers, v, _titled(where, column), faults) for v in stated]
        return tuple(number for number in found if number)

    def _look_up(
        self, numbers: Mapping[int, int], value: Any, title: str, faults: list[str]
    ) -> int:
        if value in numbers:
            return numbers[value]
        faults.append(_no_class(numbers, value, title))
        return 0

    def _number(self, objects: Objects | None, category: Any, title: str) -> int:
        numbers = {} if objects is None else self.classes.numbers[objects.column]
        if not numbers.get(category):
            raise DataError(_no_class(numbers, category, title))
        return numbers[category]

    def _as_sides(self, box: Any) -> Any:
        if not self.corners or not isinstance(box, list) or len(box) != 4 or None in box:
            return box
        left, top, right, bottom = box
        return [left, top, right - left, bottom - top]


def _objects(row: Row, objects: Objects | None, where: str) -> Iterator[tuple[str, Any, Any]]:
    """Yield each object of a row: its name in messages, its mask or box, and its class.

    Raises DataError where there are more of the ones than of the others.
    """
    if objects is None:
        return
    cell = row(objects.column)
    if isinstance(cell, Mapping):  # lists by name, as datasets' Sequence stores them
        markers, classes = (_listed(cell[key]) for key in (objects.marker, objects.category))
    else:
        listed = _listed(cell)
        markers = [each[objects.marker] for each in listed]
        classes = [each[objects.category] for each in listed]
    if len(markers) != len(classes):
        raise DataError(
            f"{_titled(where, objects.column)} has {len(markers)} {objects.marker} but "
            f"{len(classes)} {objects.category}"
        )
    for number, (marker, category) in enumerate(zip(markers, classes, strict=True)):
        yield _titled(where, f"{objects.column} {number}"), marker, category


def _each(cell: Any, title: str) -> Iterator[tuple[str, Any]]:
    """Yield the image of a cell, or each of several."""
    if isinstance(cell, list):
        for number, each in enumerate(cell):
            yield f"{title} {number}", each
    else:
        yield title, cell


def _listed(cell: Any) -> list[Any]:
    if cell is None:
        return []
    return cell if isinstance(cell, list) else [cell]


def _stored(cell: Any, title: str) -> bytes | Path:
    """Return the bytes of an image, or the file that holds them."""
    content, path = (cell or {}).get("bytes"), (cell or {}).get("path")
    if content is not None:
        return bytes(content)
    if path is None:
        raise DataError(f"{title} is empty: take the row out")
    return Path(path)


def _read_mask(stored: bytes | Path, title: str) -> ImageFile.ImageFile:
    """Decode a map or a mask. Raises DataError for what blurs or drops codes."""
    picture = read_picture(stored, title)
    if picture.format not in _LOSSLESS or picture.info.get("compression") == "jpeg":
        raise DataError(
            f"{title} is {picture.format} inside, which blurs or drops codes: store masks as PNG"
        )
    if has_deep_colours(stored):
        raise DataError(f"{title} has colours of 16 bits: store masks with 8, or in grey")
    return picture


def _no_class(numbers: Mapping[int, int], value: Any, title: str) -> str:
    named = sorted(value for value, number in numbers.items() if number)
    return (
        f"{title} has the class {written(value)}, but the classes that are named run from "
        f"{named[0]} to {named[-1]}"
    )


def _titled(where: str, part: str) -> str:
    return f"{where}, {part}"


def used_cells(cell: Any, hash_image: Callable[[Mapping[str, Any]], str]) -> Any:
    """Return a cell with the content of every image in place of its bytes and path."""
    if isinstance(cell, Mapping):
        if cell.keys() == {"bytes", "path"}:
            return hash_image(cell)
        return {key: used_cells(value, hash_image) for key, value in cell.items()}
    if isinstance(cell, Sequence) and not isinstance(cell, (str, bytes)):
        return [used_cells(each, hash_image) for each in cell]
    return cell
