"""Which images of a concept set do split and limit select?"""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Int64

from prunescope.base.errors import ConfigError, nearest
from prunescope.base.text import on_one_line

EVERY_SPLIT = "all"
"""Selects every image, unless a split has this name; needed where a split is the default."""


def select_images(
    where: Path, splits: pa.StringArray | pa.ChunkedArray, split: str | None, limit: int | None
) -> Int64[np.ndarray, " chosen"]:
    """Return the indices of the first `limit` images of a split; of all where None, or "all".

    splits: of each image, empty where it has none. where: the file or folder that states them.
    Raises ConfigError for an unknown split, or a limit below 1.
    """
    check_limit(limit)
    if split is None:
        return np.arange(len(splits), dtype=np.int64)[:limit]
    names = sorted(name for name in pc.unique(splits).to_pylist() if name)
    if split == EVERY_SPLIT and split not in names:
        return np.arange(len(splits), dtype=np.int64)[:limit]
    if split not in names:
        available = f"it has {on_one_line(', '.join(names))}" if names else "it has none"
        raise ConfigError(
            f'{where} has no split "{split}"{nearest(split, names)}; {available}, and '
            f'"{EVERY_SPLIT}" takes every image'
        )
    return np.flatnonzero(pc.equal(splits, split))[:limit]


def check_limit(limit: int | None) -> None:
    """Raise ConfigError for a limit below 1."""
    if limit is not None and limit < 1:
        raise ConfigError(f"limit is {limit}, but must be at least 1")
