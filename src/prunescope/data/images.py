"""Which labelled images does a source hold?"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int64

from prunescope.base.errors import DataError, nearest
from prunescope.base.paths import IMAGE_SUFFIXES, find_files
from prunescope.base.progress import SILENT, Progress
from prunescope.data.choice import ClassChoice, shown
from prunescope.data.classes import Chosen, choose
from prunescope.data.columns import Columns, find_columns
from prunescope.data.decode import EncodedImage, UnequalSizes, decode_all, open_image
from prunescope.data.labelled import Images, LabelledImages, StoredImages, StreamedImages
from prunescope.data.labels import check_labels, classes_of, read_labels
from prunescope.data.rows import Rows
from prunescope.data.sources import Source, open_source
from prunescope.data.splits import match_split, split_folders, subfolders
from prunescope.data.stored import Cell, Reader
from prunescope.data.subset import balanced_subset, noisy_labels
from prunescope.imaging.sizing import AS_STORED, Sizing

DEFAULT_MEMORY = 4 << 30
_GIB = 1 << 30


@dataclass(frozen=True, kw_only=True)
class ForTraining:
    """How the images of a split are made a training set.

    limit: how many are used, see `balanced_subset`; None takes all. label_noise: share of the
    labels that are replaced by wrong ones, see `noisy_labels`.
    """

    limit: int | None = None
    label_noise: float = 0.0

    def apply(self, chosen: Chosen, count: int, where: str) -> Chosen:
        """Return the images of a split to train on, with their labels. count: its rows."""
        rows, labels = chosen.rows, chosen.labels
        if self.limit is not None:
            within = balanced_subset(labels, self.limit, where)
            rows, labels = rows[within], labels[within]
        if self.label_noise:
            labels = noisy_labels(
                labels,
                rows=rows,
                count=count,
                classes=len(chosen.classes),
                share=self.label_noise,
            )
        return replace(chosen, rows=rows, labels=labels)


AS_LABELLED = ForTraining()
"""All images, each with the label that it has."""


def load_images(
    source: str,
    split: str,
    *,
    sizing: Sizing = AS_STORED,
    cropped: bool = False,
    classes: ClassChoice | None = None,
    limit: int | None = None,
    training: ForTraining = AS_LABELLED,
    memory: int = DEFAULT_MEMORY,
    progress: Progress = SILENT,
) -> Images:
    """Open a split: decoded in memory where it fits, else to be decoded as it is needed.

    source: a folder of parquet files, an image folder (train/CLASS/x.png, or CLASS/x.png), or a
    name on the Hugging Face hub. Local folders are read without the network.
    split: as the source names it; see `find_split`.
    sizing: how images are brought to one size; `AS_STORED` requires that they have one already.
    cropped: random crops of the images as they are stored will be shown. Such images are kept in
    memory only where all have one size.
    classes: which are used, and in which order (see `choose`). None takes the classes of all
    splits: the names in classes.csv beside the parquet files, else those of the label column, else
    the numbers up to the largest label; of an image folder its class folders, sorted as text.
    limit: use only this many of these images, the first in the order of the split.
    training: what is changed of a split that is trained on.
    memory: budget in bytes for the decoded pixels; it changes no pixel that is shown.
    Raises DataError for a source, a split, a row or an image that cannot be used, naming it.
    """
    where = _called(source, split)
    rows, columns, chosen = _choose_rows(source, split, classes, limit)
    chosen = training.apply(chosen, rows.count, where)
    kept = AS_STORED if cropped else sizing
    encoded = _encoded(rows, columns.image, chosen.rows, where)
    size = _size_of(next(_encoded(rows, columns.image, chosen.rows, where)), kept, memory, where)
    count, labels = len(chosen.rows), torch.from_numpy(chosen.labels)
    if count * size[0] * size[1] * 3 <= memory:
        try:
            pixels = decode_all(
                encoded, count=count, size=size, sizing=kept, where=where, progress=progress
            )
        except UnequalSizes:
            if not cropped or sizing.resolution is None:
                raise
        else:
            rest = sizing if cropped else AS_STORED
            return LabelledImages(pixels=pixels, labels=labels, classes=chosen.classes, sizing=rest)
    side = sizing.resolution
    return StreamedImages(
        stored=_stored(rows, columns.image, chosen.rows, where),
        labels=labels,
        classes=chosen.classes,
        sizing=sizing,
        size=size if side is None else (side, side),
    )


def count_images(source: str, split: str, classes: ClassChoice | None = None) -> int:
    """Return how many images a split holds of these classes, without decoding one.

    Raises DataError for a source or a split that is not there, and as `load_images` for classes.
    """
    if classes is None:
        return _open_with(source, split).count(split)
    return len(_choose_rows(source, split, classes)[2].rows)


def count_classes(source: str, split: str, classes: ClassChoice | None = None) -> int:
    """Return how many classes the images have, without decoding one. Raises as `load_images`."""
    return len(_choose_rows(source, split, classes)[2].classes)


def passed_over(source: str) -> str | None:
    """Say which folders beside the splits have the same classes but are not read, if any."""
    folder = Path(source).expanduser()
    splits = split_folders(folder) if folder.is_dir() else {}
    classes = {path.name for split in splits.values() for path in subfolders(split)}
    beside = (path for path in subfolders(folder) if path.name not in splits) if splits else ()
    alike = (path for path in beside if classes & {inside.name for inside in subfolders(path)})
    unread = [path.name for path in alike if find_files(path, IMAGE_SUFFIXES)]
    if not unread:
        return None
    return (
        f"{source} is read by its splits, {', '.join(splits)}: the images in "
        f"{shown(unread)} beside them are not used"
    )


def find_split(source: str, *wanted: str) -> str:
    """Return the source's own name for the first wanted split it has.

    "val", "validation", "valid" and "dev" mean one thing; where a test split is wanted and there
    is none, a validation split does, and the reverse. Raises DataError naming the splits there are.
    """
    splits = open_source(source).splits
    split = match_split(splits, wanted)
    if split is None:
        raise DataError(_no_split(source, " or ".join(wanted), splits))
    return split


def _open_with(source: str, split: str) -> Source:
    opened = open_source(source)
    if split not in opened.splits:
        raise DataError(_no_split(source, split, opened.splits))
    return opened


def _no_split(source: str, split: str, splits: tuple[str, ...]) -> str:
    return f"{source} has no split {split}{nearest(split, splits)}: it has {shown(splits)}"


def _called(source: str, split: str) -> str:
    return f"the split {split} of {source}"


def _choose_rows(
    source: str, split: str, classes: ClassChoice | None, limit: int | None = None
) -> tuple[Rows, Columns, Chosen]:
    """Return a split's rows and columns, and which rows to use with their labels.

    Raises DataError where there is none.
    """
    where = _called(source, split)
    opened = _open_with(source, split)
    rows = opened.rows(split)
    columns = find_columns(rows.features, where)
    if not rows.count:
        raise DataError(f"{where} has no images")
    labels, stored = read_labels(rows, columns.label, where), classes_of(opened, split, columns)
    check_labels(labels, stored, where)
    chosen = choose(labels, stored, classes, where)
    return rows, columns, replace(chosen, rows=chosen.rows[:limit], labels=chosen.labels[:limit])


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


def _encoded(
    rows: Rows, column: str, chosen: Int64[np.ndarray, " image"], where: str
) -> Iterator[EncodedImage]:
    cells = (cell for table in rows.tables(column) for cell in table[column].to_pylist())
    wanted = iter(chosen.tolist())
    following = next(wanted, None)
    for row, cell in enumerate(cells):
        if following is None:
            return
        if row == following:
            yield _as_image(cell, row, where)
            following = next(wanted, None)


def _stored(
    rows: Rows, column: str, chosen: Int64[np.ndarray, " image"], where: str
) -> StoredImages:
    def naming(read: Reader) -> Callable[[int], EncodedImage]:
        def image(number: int) -> EncodedImage:
            row = int(chosen[number])
            return _as_image(read(row), row, where)

        return image

    return StoredImages(
        naming(rows.in_order(column)),
        lambda progress: naming(rows.in_any_order(column, progress)),
    )


def _as_image(cell: Cell, row: int, where: str) -> EncodedImage:
    content, name = (cell["bytes"], cell["path"]) if cell else (None, None)
    path = Path(name) if name else None
    called = f"row {row} of {where}" + (f" ({name})" if name else "")
    return EncodedImage(content=content, path=path, where=called)
