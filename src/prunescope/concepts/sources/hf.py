"""A data set of the Hugging Face Hub, or one on disk that `datasets` can read."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
from PIL import Image

from prunescope.base.cache import recall
from prunescope.base.errors import ConfigError, DataError, nearest
from prunescope.base.files import canonical_json, fingerprint, hash_file
from prunescope.concepts.contents import status_of
from prunescope.concepts.examination import Counts, Findings, left_aside
from prunescope.concepts.hub.classes import name_classes
from prunescope.concepts.hub.columns import Columns, choose_columns
from prunescope.concepts.hub.reading import RowReader, used_cells
from prunescope.concepts.protocol import Annotation, Label
from prunescope.concepts.request import Request, whole_number
from prunescope.concepts.selection import EVERY_SPLIT, select_images
from prunescope.data.first_rows import stream_hub
from prunescope.data.hub import HubChoice, is_hub_name, open_hub
from prunescope.data.sources import Source, open_source
from prunescope.data.stored import Reader

FORM = "hf:NAME"
PATHS = ("classes",)
HUB_NAMES = True
OPTIONS = {
    "image": "the column of images",
    "mask": "the column of masks: an image, several, or objects with a mask and a class",
    "boxes": "the column of objects with a bbox and a class",
    "label": "the column of classes of the whole image",
    "classes": "a file that names the values of masks: a names.csv, or id2label as JSON",
    "classes_of": "the column whose type names them",
    "corners": "true if a bbox is left, top, right, bottom",
    "split": "one split alone",
    "config": "a configuration of the Hub's set",
    "revision": "a branch, tag or commit of the Hub's set",
    "rows": "how many rows of each split are streamed, from the first",
}
_OF_THE_HUB = ("config", "revision", "rows")


def open_set(request: Request) -> "HubRows":
    """Open a folder that exists, else a set of the Hub."""
    source = _open_source(request)
    counts = {split: source.count(split) for split in _wanted(request, source)}
    splits = tuple(split for split, count in counts.items() for _ in range(count))
    if not splits:
        raise DataError(f"{request.place} has no rows, and so the set is empty")
    columns, reader = _read_types(request, source, [s for s in counts if counts[s]])
    rows = [row for count in counts.values() for row in range(count)]
    column = pa.array(splits, pa.string())
    chosen = select_images(request.path, column, request.split, request.limit).tolist()
    stored = {s: source.rows(s) for s in dict.fromkeys(splits[index] for index in chosen)}
    return HubRows(
        name=request.name,
        place=request.place,
        rows=tuple((splits[index], rows[index]) for index in chosen),
        reader=reader,
        cells={
            split: {column: stored[split].in_order(column) for column in columns.used}
            for split in stored
        },
        files=source.files,
        whole_set=len(chosen) == len(splits),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class HubRows:
    """A concept set whose images are the rows of a data set, in the order of its splits.

    rows: the split of each image, and its row there, from 0
    cells: of each split a reader of every used column
    files: those that hold the rows
    """

    name: str
    place: str
    rows: tuple[tuple[str, int], ...] = field(repr=False)
    reader: RowReader
    cells: Mapping[str, Mapping[str, Reader]] = field(repr=False)
    files: tuple[Path, ...] = field(repr=False)
    whole_set: bool

    @cached_property
    def images(self) -> tuple[str, ...]:
        """The split and the number of each row."""
        return tuple(f"{split}/{row:06}" for split, row in self.rows)

    @property
    def labels(self) -> tuple[Label, ...]:
        """Every label, by ascending number."""
        return self.reader.classes.labels

    @property
    def categories(self) -> tuple[str, ...]:
        """The categories in the order of their first labels."""
        return self.reader.categories

    @property
    def splits(self) -> tuple[str, ...]:
        """The split of every image."""
        return tuple(split for split, _ in self.rows)

    def image_path(self, index: int) -> Path:
        """Return a path that names a row; no file lies there."""
        return Path(self.place) / self.images[index]

    def read_image(self, index: int) -> Image.Image:
        """Return an image in RGB, turned upright according to its EXIF, as `datasets` does.

        Raises DataError where it cannot be read, or is not as large as its mask.
        """
        return self.reader.image(*self._row(index))

    def read_annotation(self, index: int) -> Annotation:
        """Return the labels of an image, in maps as large as its masks, or as the image.

        Raises one DataError with a line for everything that is wrong with the row.
        """
        return self.reader.annotation(*self._row(index))

    def part(self, indices: Sequence[int]) -> "HubRows":
        """Return the set of these images alone, as if the data set had no other row."""
        rows = tuple(self.rows[index] for index in indices)
        return replace(self, rows=rows, whole_set=False)

    def examine(self, counts: Counts) -> Findings:
        """Name the classes that no pixel carries."""
        rows = {label.number: f"number {label.number}" for label in self.labels}
        notes = left_aside(
            counts,
            without=(),
            lacking="",
            rows=rows if self.whole_set else None,
            listed="classes",
            advice="no image shows them",
        )
        return Findings(notes=notes)

    @cached_property
    def fingerprint(self) -> str:
        """The sha256 of all that can change a count, in hex.

        It covers the labels, and of each row the content of its image, masks, boxes and classes,
        wherever they are stored. Raises DataError where a file is missing.
        """
        return self._recalled()

    @property
    def tolerant_fingerprint(self) -> str:
        """The fingerprint, also where images cannot be read, which changes it."""
        try:
            return self._recalled()
        except DataError:
            return self._hash_rows(tolerant=True)

    def _recalled(self) -> str:
        files = [(path, status_of(path, "")) for path in self.files]
        stated = fingerprint([self._stated(), self.rows])
        return recall(f"hub rows 1 {stated}", files, lambda: self._hash_rows(tolerant=False))

    def _stated(self) -> list[object]:
        classes, columns = self.reader.classes, self.reader.columns
        labels = [[label.number, label.name, label.category] for label in classes.labels]
        maps = [] if classes.maps is None else [classes.maps.values, classes.maps.colors]
        codes = [sorted(map(list, table.items())) for table in (*maps, *classes.numbers.values())]
        parts = [columns.maps is not None, columns.masks is not None, columns.boxes is not None]
        return [self.categories, labels, codes, parts, self.reader.corners]

    def _hash_rows(self, *, tolerant: bool) -> str:
        digest = hashlib.sha256(canonical_json(self._stated()).encode())

        def hash_image(cell: Mapping[str, Any]) -> str:
            try:
                return _hash_stored(cell)
            except (DataError, OSError):
                if not tolerant:
                    raise
                return "unreadable"

        for index in range(len(self.rows)):
            row, _ = self._row(index)
            for column in self.reader.columns.used:
                digest.update(f"{used_cells(row(column), hash_image)!r}\n".encode())
        return digest.hexdigest()

    def _row(self, index: int) -> tuple[Any, str]:
        split, number = self.rows[index]
        cells = self.cells[split]
        return (
            lambda column: cells[column](number),
            f"{self.place}, row {number} of {split}",
        )


def _hash_stored(cell: Mapping[str, Any]) -> str:
    if cell["bytes"] is not None:
        return hashlib.sha256(cell["bytes"]).hexdigest()
    return "" if cell["path"] is None else hash_file(Path(cell["path"]))


def _open_source(request: Request) -> Source:
    if request.path.is_dir():
        for option in _OF_THE_HUB:
            if option in request.options:
                raise ConfigError(
                    f"{option} chooses on the Hub, but {request.place} is a folder here: leave it "
                    "out"
                )
        return open_source(request.place)
    if not is_hub_name(request.place):
        raise DataError(
            f"there is no folder {request.path}, and no name on the Hub is so written (OWNER/NAME)"
        )
    stated = request.options
    choice = HubChoice(config=stated.get("config"), revision=stated.get("revision"))
    rows = stated.get("rows")
    if rows is None:
        return open_hub(request.place, choice)
    count = whole_number(request.name, "rows", rows)
    return stream_hub(request.place, choice, count, stated.get("split"), request.progress)


def _wanted(request: Request, source: Source) -> tuple[str, ...]:
    """Return the splits that are read: the stated one, or all."""
    split = request.options.get("split", EVERY_SPLIT)
    if split in source.splits:
        return (split,)
    if split != EVERY_SPLIT:
        raise ConfigError(
            f'{request.place} has no split "{split}"{nearest(split, source.splits)}; it has '
            f"{', '.join(source.splits)}"
        )
    return source.splits


def _read_types(
    request: Request, source: Source, splits: Sequence[str]
) -> tuple[Columns, RowReader]:
    """Return which columns are read, and how, by the types that all splits have in common."""
    features = dict(source.rows(splits[0]).features)
    columns = choose_columns(request, features)
    for split in splits[1:]:
        others = source.rows(split).features
        for column in columns.used:
            if others.get(column) != features[column]:
                raise DataError(
                    f"{request.place} has the column {column} in {splits[0]} and {split} with "
                    "different types: choose one (split=)"
                )
    classes = name_classes(request, columns, features)
    categories = tuple(dict.fromkeys(label.category for label in classes.labels))
    corners = request.is_true("corners")
    return columns, RowReader(
        columns=columns, classes=classes, categories=categories, corners=corners
    )
