"""Which labelled images does a source hold?"""

import csv
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch

from prunescope.base.errors import ConfigError, DataError, nearest
from prunescope.base.paths import require_file
from prunescope.base.progress import SILENT, Progress
from prunescope.data.columns import find_columns
from prunescope.data.decode import EncodedImage, UnequalSizes, decode_all, open_image
from prunescope.data.labelled import Images, LabelledImages, StoredImages, StreamedImages
from prunescope.data.sizing import AS_STORED, Sizing
from prunescope.data.sources import ParquetFolder, Rows, Source, match_split, open_source
from prunescope.data.stored import Cell, Reader

DEFAULT_MEMORY = 4 << 30
_GIB = 1 << 30


def load_images(
    source: str,
    split: str,
    *,
    sizing: Sizing | None = None,
    resolution: int | None = None,
    cropped: bool = False,
    memory: int = DEFAULT_MEMORY,
    progress: Progress = SILENT,
) -> Images:
    """Open a split: decoded in memory where it fits, else to be decoded as it is needed.

    source: a folder of parquet files, an image folder (train/CLASS/x.png, or CLASS/x.png), or a
    name on the Hugging Face hub. Local folders are read without the network.
    split: as the source names it; see `find_split`.
    resolution: side in pixels that images are squashed to (antialiased bilinear); None keeps
    their size, which must be one. sizing: instead of it, any way to bring images to one size.
    cropped: random parts of the images as they are stored will be shown, so that these are kept
    in memory only where they have one size.
    memory: budget in bytes for the decoded pixels; it changes no pixel that is shown.
    classes: the names in classes.csv beside the parquet files, else those of the label column,
    else the numbers up to the largest label of any split; an image folder's class folders, sorted.
    Raises DataError for a source, a split, a row or an image that cannot be used, naming it.
    """
    if resolution is not None and resolution < 1:
        raise ConfigError(f"the resolution is {resolution}, but must be at least 1 pixel")
    sizing = sizing or Sizing(resolution=resolution)
    opened = _open_with(source, split)
    where, rows = f"the split {split} of {source}", opened.rows(split)
    if not rows.count:
        raise DataError(f"{where} has no images")
    columns = find_columns(rows.features, where)
    labels = _read_labels(rows, columns.label, where)
    classes = _stored_classes(opened) or columns.classes or _numbers(opened, columns.label)
    _check_labels(labels, classes, where)
    kept = AS_STORED if cropped else sizing
    encoded = _encoded(rows, columns.image, where)
    size = _size_of(next(_encoded(rows, columns.image, where)), kept, memory, where)
    if rows.count * size[0] * size[1] * 3 <= memory:
        try:
            pixels = decode_all(
                encoded, count=rows.count, size=size, sizing=kept, where=where, progress=progress
            )
        except UnequalSizes:
            if not cropped or sizing.resolution is None:
                raise
        else:
            known = torch.from_numpy(labels)
            rest = sizing if cropped else AS_STORED
            return LabelledImages(pixels=pixels, labels=known, classes=classes, sizing=rest)
    side = sizing.resolution
    return StreamedImages(
        stored=_stored(rows, columns.image, where),
        labels=torch.from_numpy(labels),
        classes=classes,
        sizing=sizing,
        size=size if side is None else (side, side),
    )


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


def _size_of(first: EncodedImage, kept: Sizing, memory: int, where: str) -> tuple[int, int]:
    """Return the height and width to keep. Raises DataError where not one image has room."""
    side = kept.resolution
    width, height = (side, side) if side is not None else open_image(first).size
    need = height * width * 3
    if need > memory:
        raise DataError(
            f"{where}: one image of {height} x {width} pixels alone needs {need / _GIB:.2f} GiB, "
            f"but the budget for decoded images is {memory / _GIB:.2f} GiB: lower the "
            "resolution (data.resolution of a study) or raise the budget (data.memory)"
        )
    return height, width


def _encoded(rows: Rows, column: str, where: str) -> Iterator[EncodedImage]:
    cells = (cell for table in rows.tables(column) for cell in table[column].to_pylist())
    for row, cell in enumerate(cells):
        yield _as_image(cell, row, where)


def _stored(rows: Rows, column: str, where: str) -> StoredImages:
    def naming(read: Reader) -> Callable[[int], EncodedImage]:
        return lambda row: _as_image(read(row), row, where)

    return StoredImages(
        lambda: _encoded(rows, column, where),
        naming(rows.in_order(column)),
        lambda progress: naming(rows.in_any_order(column, progress)),
    )


def _as_image(cell: Cell, row: int, where: str) -> EncodedImage:
    content, name = (cell["bytes"], cell["path"]) if cell else (None, None)
    path = Path(name) if name else None
    called = f"row {row} of {where}" + (f" ({name})" if name else "")
    return EncodedImage(content=content, path=path, where=called)


def _stored_classes(source: Source) -> tuple[str, ...] | None:
    if not isinstance(source, ParquetFolder):
        return None
    path = source.folder / "classes.csv"
    if not path.exists():
        return None
    require_file(path)
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
