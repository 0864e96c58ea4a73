"""Which pixels stand for all pixels of a label map?"""

import functools
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64, Shaped

from prunescope.dissection.regions import Regions

PARTS = 192
"""Into how many parts of equal size a label map is divided, at least."""


@dataclass(frozen=True, kw_only=True)
class SamplePoints:
    """A few pixels of an image, each of which stands for some that carry the same labels.

    pixels: their indices in the label map. counts: how many pixels each stands for, itself too.
    points, label_indices: a pair for every label of every point: the point's position among
        `pixels`, and the index of the label among those of the set.
    """

    pixels: Int64[np.ndarray, " point"]
    counts: Int64[np.ndarray, " point"]
    points: Int64[np.ndarray, " pair"]
    label_indices: Int64[np.ndarray, " pair"]


def sample_points(regions: Regions, parts: int = PARTS) -> SamplePoints:
    """Return a point for every part of a label map.

    The pixels that carry exactly the same labels are divided, along a Z-order curve, into parts of
    at most pixels / parts pixels, all of nearly one size; the point is the one in the middle of its
    part. So the points of a label stand for exactly the pixels that carry it, and a map of no more
    than `parts` pixels is represented by every one of them.
    """
    order = _z_order(*regions.shape)
    kinds = _kinds_of_pixels(regions)[order]
    by_kind = kinds.argsort(kind="stable")
    sizes = np.bincount(kinds)
    most = max(1, regions.pixels // parts)
    parts_of = -(-sizes // most)
    kind = np.repeat(np.arange(len(sizes)), parts_of)
    number = np.arange(len(kind)) - np.repeat(parts_of.cumsum() - parts_of, parts_of)
    first = (sizes.cumsum() - sizes)[kind]
    start = first + number * sizes[kind] // parts_of[kind]
    end = first + (number + 1) * sizes[kind] // parts_of[kind]
    pixels = order[by_kind[(start + end - 1) // 2]]
    points, label_indices = _pairs(regions, pixels)
    return SamplePoints(
        pixels=pixels, counts=end - start, points=points, label_indices=label_indices
    )


def _kinds_of_pixels(regions: Regions) -> Shaped[np.ndarray, " pixel"]:
    """Number the combinations of codes that occur in the planes, pixel by pixel."""
    kinds = np.zeros(regions.pixels, np.uint16)  # which NumPy sorts by radix
    for plane in regions.codes:
        combined = kinds.astype(np.int64) * (len(regions.label_indices) + 1) + plane
        occurs = np.zeros(int(combined.max()) + 1, bool)
        occurs[combined] = True
        numbers = occurs.cumsum() - 1
        kinds = numbers.astype(np.uint16 if numbers[-1] < 1 << 16 else np.int64)[combined]
    return kinds


def _pairs(
    regions: Regions, pixels: Int64[np.ndarray, " point"]
) -> tuple[Int64[np.ndarray, " pair"], Int64[np.ndarray, " pair"]]:
    """Return every label of every point, once."""
    carried = np.zeros((len(regions.label_indices) + 1, len(pixels)), bool)
    for plane in regions.codes:
        carried[plane[pixels], np.arange(len(pixels))] = True
    carried[list(regions.whole)] = True
    codes, points = carried[1:].nonzero()
    return points, regions.label_indices[codes]


@functools.lru_cache(maxsize=16)
def _z_order(height: int, width: int) -> Int64[np.ndarray, " pixel"]:
    """Return the pixels of a map along a curve on which neighbours are mostly near each other."""
    row, column = _square_in_z_order((max(height, width) - 1).bit_length())
    within = (row < height) & (column < width)
    pixels: Int64[np.ndarray, " pixel"] = row[within] * width + column[within]
    return pixels


@functools.lru_cache(maxsize=2)
def _square_in_z_order(
    bits: int,
) -> tuple[Int64[np.ndarray, " pixel"], Int64[np.ndarray, " pixel"]]:
    """Return row and column of the pixels of a square whose side has so many bits.

    The bits of row and column take turns in a pixel's position on the curve.
    """
    position = np.arange(1 << 2 * bits)
    row, column = (np.zeros(len(position), np.int64) for _ in range(2))
    for bit in range(bits):
        column |= (position >> 2 * bit & 1) << bit
        row |= (position >> 2 * bit + 1 & 1) << bit
    return row, column
