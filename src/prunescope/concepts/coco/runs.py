"""Which pixels does a run-length encoding mark?

COCO counts pixels column by column: the first number of unmarked ones, then of marked ones, and so
in turns (`maskApi.c` of pycocotools). A compressed string stores each count from the fourth on as
the difference from the one before the last, in groups of five bits, the lowest first; a sixth bit
says that another group follows, and each character is the group plus 48. It is decoded here, and
not by pycocotools, which takes counts that are too short and leaves the other pixels as they happen
to be in memory.
"""

import numpy as np
from jaxtyping import Int64

from prunescope.concepts.patches import Patch

_MOST_GROUPS = 7


def read_counts(stored: object, height: int, width: int) -> Int64[np.ndarray, " run"]:
    """Return the lengths of the runs of an encoding, compressed or not.

    Raises ValueError, which says why, where they are not those of a mask of height x width.
    """
    if isinstance(stored, str):
        counts = _decompressed(stored)
    elif isinstance(stored, list) and all(type(count) is int for count in stored):
        if not all(0 <= count <= height * width for count in stored):
            raise ValueError("a count is negative or larger than the image")
        counts = np.array(stored, np.int64)
    else:
        raise ValueError("its counts must be a string or a list of whole numbers")
    if (counts < 0).any():
        raise ValueError("a count is negative")
    if (total := int(counts.sum())) != height * width:
        raise ValueError(
            f"its counts add up to {total:,} pixels, but the image has {height * width:,} "
            f"({height} x {width})"
        )
    return counts


def patch_of_counts(counts: Int64[np.ndarray, " run"], height: int) -> Patch | None:
    """Return the marked pixels of runs; None where no pixel is marked."""
    bounds = counts.cumsum()
    starts, ends = bounds[: len(counts) // 2 * 2 : 2], bounds[1::2]
    held = starts < ends
    if not held.any():
        return None
    turns = np.stack([starts[held], ends[held]], axis=1).ravel()
    left, right = int(turns[0]) // height, (int(turns[-1]) - 1) // height + 1
    runs = np.diff(turns, prepend=left * height, append=right * height)
    columns = np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(right - left, height)
    rows = np.flatnonzero(columns.any(axis=0))
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    return Patch(top=top, left=left, marked=columns[:, top:bottom].T)


def _decompressed(text: str) -> Int64[np.ndarray, " run"]:
    if not text.isascii():
        raise ValueError("its counts are no compressed run lengths")
    groups = np.frombuffer(text.encode(), np.uint8).astype(np.int64) - 48
    if not len(groups) or groups.min() < 0 or groups.max() > 63:
        raise ValueError("its counts are no compressed run lengths")
    ends = np.flatnonzero(groups < 32)
    if not len(ends) or ends[-1] != len(groups) - 1:
        raise ValueError("its counts end too early")
    lengths = np.diff(ends, prepend=-1)
    if lengths.max() > _MOST_GROUPS:
        raise ValueError("its counts are no compressed run lengths")
    starts = ends - lengths + 1
    position = np.arange(len(groups)) - np.repeat(starts, lengths)
    stored = np.add.reduceat((groups & 31) << (5 * position), starts)
    stored -= np.where(groups[ends] & 16, np.int64(1) << (5 * lengths), 0)
    for offset in (1, 2):  # the first count stands alone, the others are differences
        stored[offset::2] = stored[offset::2].cumsum()
    return stored
