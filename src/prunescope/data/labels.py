"""Which class does each image of a source have, and which classes are there?"""

import csv

import numpy as np
from jaxtyping import Int64

from prunescope.base.errors import DataError
from prunescope.base.paths import require_file
from prunescope.data.classes import Classes
from prunescope.data.columns import Columns, names_of
from prunescope.data.rows import Rows
from prunescope.data.sources import ParquetFolder, Source

_MOST = 1_000_000


def read_labels(rows: Rows, column: str, where: str) -> Int64[np.ndarray, " image"]:
    """Return the label of every row. Raises DataError where one has none."""
    parts = [np.zeros(0, np.int64)]
    for table in rows.tables(column):
        values = table[column]
        if values.null_count:
            raise DataError(f"{where} has images without a label (in its column {column})")
        parts.append(values.to_numpy().astype(np.int64))
    return np.concatenate(parts)


def classes_of(source: Source, split: str, columns: Columns) -> Classes:
    """Return the classes of a source, those of all its splits together.

    They are the names in classes.csv beside the parquet files, else those of the label column, else
    the numbers up to the largest label of any split. split, columns: where the images are.
    Raises DataError where two splits give the classes different names.
    """
    listed = _listed(source)
    if listed is not None:
        return Classes(names=listed)
    names_in = {
        name: names_of(source.rows(name).features.get(columns.label))
        for name in source.splits
        if name != split
    } | {split: columns.classes}
    stated = {name: names for name, names in names_in.items() if names is not None}
    if not stated:
        return _numbers(source, columns.label)
    first = next(iter(stated))
    for name, names in stated.items():
        if names != stated[first]:
            raise DataError(
                f"the splits {first} and {name} name their classes otherwise, so that a label is "
                "not one class: write classes.csv (label,names) beside the parquet files"
            )
    return Classes(names=stated[first])


def check_labels(labels: Int64[np.ndarray, " image"], classes: Classes, where: str) -> None:
    """Raise DataError for a label that is no class."""
    count = len(classes.names)
    wrong = np.flatnonzero((labels < 0) | (labels >= count))
    if not len(wrong):
        return
    hidden = (
        " -1 marks images whose label is withheld: take another split."
        if all(labels[wrong] == -1)
        else ""
    )
    rows = "1 row is" if len(wrong) == 1 else f"{len(wrong):,} rows are"
    raise DataError(
        f"row {wrong[0]} of {where} has the label {labels[wrong[0]]}, but labels run from 0 to "
        f"{count - 1} ({rows} so).{hidden}"
    )


def _listed(source: Source) -> tuple[str, ...] | None:
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


def _numbers(source: Source, column: str) -> Classes:
    largest = 0
    for split in source.splits:
        rows = source.rows(split)
        if column not in rows.features:
            continue
        for table in rows.tables(column):
            labels = table[column].drop_null().to_numpy().astype(np.int64)
            largest = max(largest, int(labels.max(initial=0)))
    if largest >= _MOST:
        raise DataError(
            f"the column {column} goes up to {largest:,}, which numbers no classes: labels must be "
            "0, 1, 2, ..."
        )
    return Classes(names=tuple(map(str, range(largest + 1))), numbered=True)
