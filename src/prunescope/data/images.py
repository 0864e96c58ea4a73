"""Which labelled images does a source hold, decoded and ready in memory?"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int64, UInt8
from torch import Tensor

from prunescope.base.errors import ConfigError, DataError, nearest
from prunescope.base.progress import SILENT, Progress
from prunescope.data.columns import find_columns
from prunescope.data.decode import EncodedImage, decode_all
from prunescope.data.sources import ParquetFolder, Rows, Source, match_split, open_source

DEFAULT_MEMORY = 4 << 30


@dataclass(frozen=True, kw_only=True)
class LabelledImages:
    """Images of one size, each with the number of its class.

    pixels: RGB, 0 to 255. labels: index into classes.
    """

    pixels: UInt8[Tensor, "image height width 3"]
    labels: Int64[Tensor, " image"]
    classes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)


def load_images(
    source: str,
    split: str,
    *,
    resolution: int | None = None,
    memory: int = DEFAULT_MEMORY,
    progress: Progress = SILENT,
) -> LabelledImages:
    """Read a split whole and decode it, once, to RGB in the order it is stored.

    source: a folder of parquet files, an image folder (train/CLASS/x.png, or CLASS/x.png), or a
    name on the Hugging Face hub. Local folders are read without the network.
    split: as the source names it; see `find_split`.
    resolution: side in pixels that images are squashed to (antialiased bilinear); None keeps
    their size, which must be one. memory: budget in bytes for the decoded pixels.
    classes: the names in classes.csv beside the parquet files, else those of the label column,
    else the numbers up to the largest label of any split; an image folder's class folders, sorted.
    Raises DataError for a source, a split, a row or an image that cannot be used, naming it.
    """
    if resolution is not None and resolution < 1:
        raise ConfigError(f"the resolution is {resolution}, but must be at least 1 pixel")
    opened = _open_with(source, split)
    where, rows = f"the split {split} of {source}", opened.rows(split)
    if not rows.count:
        raise DataError(f"{where} has no images")
    columns = find_columns(rows.features, where)
    labels = _read_labels(rows, columns.label, where)
    classes = _stored_classes(opened) or columns.classes or _numbers(opened, columns.label)
    _check_labels(labels, classes, where)
    pixels = decode_all(
        _encoded(rows, columns.image, where),
        count=rows.count,
        resolution=resolution,
        memory=memory,
        where=where,
        progress=progress,
    )
    return LabelledImages(pixels=pixels, labels=torch.from_numpy(labels), classes=classes)


def count_images(source: str, split: str) -> int:
    """Return how many images a split holds, without decoding or even reading one.

    Raises DataError for a source or a split that is not there.
    """
    return _open_with(source, split).count(split)


def find_split(source: str, *wanted: str) -> str:
    """Return the source's own name for the first wanted split it has.

    "val", "validation", "valid" and "dev" mean one thing; where a test split is wanted and there
    is none, a validation split does, and the reverse. Raises DataError naming the splits there are.
    """
    splits = open_source(source).splits
    found = match_split(splits, wanted)
    if found is None:
        raise DataError(_no_split(source, " or ".join(wanted), splits))
    return found


def source_fingerprint(source: str) -> str:
    """Return a hash of the content of all splits: equal for a copy, other for a change."""
    return open_source(source).fingerprint()


def _open_with(source: str, split: str) -> Source:
    opened = open_source(source)
    if split not in opened.splits:
        raise DataError(_no_split(source, split, opened.splits))
    return opened


def _no_split(source: str, split: str, splits: tuple[str, ...]) -> str:
    return f"{source} has no split {split}{nearest(split, splits)}: it has {', '.join(splits)}"


def _read_labels(rows: Rows, column: str, where: str) -> np.ndarray:
    parts = []
    for table in rows.tables(column):
        values = table[column]
        if values.null_count:
            raise DataError(f"{where} has images without a label (in its column {column})")
        parts.append(values.to_numpy().astype(np.int64))
    return np.concatenate(parts)


def _check_labels(labels: np.ndarray, classes: tuple[str, ...], where: str) -> None:
    wrong = np.flatnonzero((labels < 0) | (labels >= len(classes)))
    if len(wrong):
        raise DataError(
            f"row {wrong[0]} of {where} has the label {labels[wrong[0]]}, but labels run from 0 "
            f"to {len(classes) - 1} ({len(wrong)} rows are so)"
        )


def _encoded(rows: Rows, column: str, where: str) -> Iterator[EncodedImage]:
    row = 0
    for table in rows.tables(column):
        for image in table[column].to_pylist():
            content, name = (image["bytes"], image["path"]) if image else (None, None)
            path = Path(name) if name else None
            called = f"row {row} of {where}" + (f" ({name})" if name else "")
            yield EncodedImage(content=content, path=path, where=called)
            row += 1


def _stored_classes(source: Source) -> tuple[str, ...] | None:
    if not isinstance(source, ParquetFolder):
        return None
    path = source.folder / "classes.csv"
    if not path.is_file():
        return None
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            names = sorted((int(row["label"]), row["names"]) for row in csv.DictReader(file))
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise DataError(f"{path} needs the columns label (a number) and names: {error}") from error
    if [label for label, _ in names] != list(range(len(names))):
        raise DataError(f"{path}: its labels must be 0, 1, 2, ... without a gap or a repeat")
    return tuple(name for _, name in names)


def _numbers(source: Source, column: str) -> tuple[str, ...]:
    largest = 0
    for split in source.splits:
        labels = _read_labels(source.rows(split), column, f"the split {split}")
        largest = max(largest, int(labels.max(initial=0)))
    return tuple(str(label) for label in range(largest + 1))
