"""How do masks that may overlap become few label maps?"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int32


class Patch(NamedTuple):
    """Marked pixels of an image, within a rectangle that holds all of them."""

    top: int
    left: int
    marked: Bool[np.ndarray, "height width"]

    @property
    def bottom(self) -> int:
        """The first row below it."""
        return self.top + len(self.marked)

    @property
    def right(self) -> int:
        """The first column right of it."""
        return self.left + int(self.marked.shape[1])

    def overlaps(self, other: "Patch") -> bool:
        """Return whether a pixel is marked by both."""
        top, left = max(self.top, other.top), max(self.left, other.left)
        bottom, right = min(self.bottom, other.bottom), min(self.right, other.right)
        if top >= bottom or left >= right:
            return False
        shared = [
            p.marked[top - p.top : bottom - p.top, left - p.left : right - p.left]
            for p in (self, other)
        ]
        return bool((shared[0] & shared[1]).any())

    def within(self, planes: np.ndarray) -> np.ndarray:
        """Return the part of a plane that lies below the patch."""
        part: np.ndarray = planes[self.top : self.bottom, self.left : self.right]
        return part


def joined(patches: Iterable[Patch]) -> Patch:
    """Return the pixels that any of some patches, at least one, marks."""
    first, *others = patches
    if not others:
        return first
    every = (first, *others)
    top, left = min(patch.top for patch in every), min(patch.left for patch in every)
    size = max(p.bottom for p in every) - top, max(p.right for p in every) - left
    whole = Patch(top, left, np.zeros(size, np.bool_))
    for patch in every:
        shifted = Patch(patch.top - top, patch.left - left, patch.marked)
        shifted.within(whole.marked)[patch.marked] = True
    return whole


def lay_out(
    patches: Mapping[int, Patch],
    category_of: Mapping[int, str],
    categories: Iterable[str],
    shape: tuple[int, int],
) -> Int32[np.ndarray, "plane height width"]:
    """Return label maps that hold all patches, in the order of their categories.

    Each patch goes into the first map of its category in which it overlaps no other.
    patches: of each label, by its number. shape: height and width of the maps.
    """
    of_categories: dict[str, list[dict[int, Patch]]] = {}
    for number, patch in patches.items():
        planes = of_categories.setdefault(category_of[number], [])
        free = next((p for p in planes if not any(map(patch.overlaps, p.values()))), None)
        if free is None:
            free = {}
            planes.append(free)
        free[number] = patch
    laid = [plane for category in categories for plane in of_categories.get(category, [])]
    maps = np.zeros((len(laid), *shape), np.int32)
    for plane, held in zip(maps, laid, strict=True):
        for number, patch in held.items():
            patch.within(plane)[patch.marked] = number
    return maps
