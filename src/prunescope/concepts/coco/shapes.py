"""Which pixels of an image does an annotation of a COCO file mark?

Polygons are filled by pycocotools, so that they mean here what they mean to every tool that uses
it. A box marks the pixels whose centre lies in it.
"""

import math
from importlib.util import find_spec
from typing import Any

import numpy as np

from prunescope.base.errors import ConfigError
from prunescope.base.text import written
from prunescope.concepts.coco.runs import patch_of_counts, read_counts
from prunescope.concepts.patches import Patch, joined

_BEYOND = 1  # pixels that a corner may lie outside the image, as some tools round
_FEWEST = 6  # numbers of a polygon
_LARGEST = 2**53


def require_polygons(path: object) -> None:
    """Raise ConfigError where polygons cannot be filled."""
    if find_spec("pycocotools") is None:
        raise ConfigError(
            f"{path} has polygons, which need pycocotools: pip install 'prunescope[coco]'"
        )


def patch_of(annotation: dict[str, Any], height: int, width: int, *, boxes: bool) -> Patch | None:
    """Return the pixels of an annotation; None where it marks none.

    boxes: those of its bbox, whatever its segmentation is.
    Raises ValueError, which says why, where it is not a shape of an image of height x width.
    """
    if boxes:
        return _of_box(annotation.get("bbox"), height, width)
    shape = annotation.get("segmentation")
    if isinstance(shape, dict):
        return _of_runs(shape, height, width)
    if isinstance(shape, list) and shape:
        return _of_polygons(shape, height, width)
    if annotation.get("bbox"):
        raise ValueError("it has a box but no segmentation: give boxes=true to fill boxes")
    raise ValueError(f"its segmentation is {written(shape)}: give polygons or run lengths")


def _of_box(box: Any, height: int, width: int) -> Patch | None:
    if not isinstance(box, list) or len(box) != 4 or not _are_finite(box):
        raise ValueError(f"its bbox is {written(box)}, but must be left, top, width and height")
    left, top, across, down = box
    if across < 0 or down < 0:
        raise ValueError(f"its bbox {written(box)} has a negative width or height")
    _check_within([left, top, left + across, top + down], height, width)
    rows = _centres_between(top, top + down, height)
    columns = _centres_between(left, left + across, width)
    size = rows[1] - rows[0], columns[1] - columns[0]
    if min(size) <= 0:
        return None
    return Patch(top=rows[0], left=columns[0], marked=np.ones(size, np.bool_))


def _of_runs(shape: dict[str, Any], height: int, width: int) -> Patch | None:
    size = shape.get("size")
    if size != [height, width]:
        raise ValueError(
            f"its mask has the size {written(size)}, but its image is {height} x {width} "
            "(height x width)"
        )
    return patch_of_counts(read_counts(shape.get("counts"), height, width), height)


def _of_polygons(polygons: list[Any], height: int, width: int) -> Patch | None:
    from pycocotools import mask

    for polygon in polygons:
        if not isinstance(polygon, list):
            raise ValueError("its segmentation must be a list of polygons, each a list of x and y")
        if not _are_finite(polygon):
            raise ValueError("a polygon holds something else than numbers")
        if len(polygon) < _FEWEST or len(polygon) % 2:
            raise ValueError(
                f"a polygon has {len(polygon)} numbers, but needs x and y of three points or more"
            )
        _check_within(polygon, height, width)
    encoded = mask.frPyObjects(polygons, height, width)
    found = [
        patch_of_counts(read_counts(one["counts"].decode(), height, width), height)
        for one in encoded
    ]
    patches = [patch for patch in found if patch is not None]
    return joined(patches) if patches else None


def _centres_between(start: float, end: float, length: int) -> tuple[int, int]:
    """Return the first pixel whose centre is at `start` or behind, and the first at `end`."""
    return max(0, math.ceil(start - 0.5)), min(length, math.ceil(end - 0.5))


def _are_finite(numbers: list[Any]) -> bool:
    return all(
        math.isfinite(n) if type(n) is float else type(n) is int and abs(n) < _LARGEST
        for n in numbers
    )


def _check_within(corners: list[float], height: int, width: int) -> None:
    """Raise ValueError where a corner lies outside an image, beyond what rounding explains."""
    for axis, values, length in (("x", corners[::2], width), ("y", corners[1::2], height)):
        for value in (min(values), max(values)):
            if not -_BEYOND <= value <= length + _BEYOND:
                raise ValueError(
                    f"a corner has {axis} = {value:g}, outside its image of {height} x {width} "
                    "(height x width)"
                )
