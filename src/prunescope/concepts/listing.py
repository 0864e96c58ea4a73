"""What do the CSV files of a Broden folder say, and is it consistent?"""

import math
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from jaxtyping import Int32, Int64

from prunescope.base.errors import DataError
from prunescope.concepts.protocol import Label
from prunescope.concepts.tables import FIRST_ROW, read_batches, read_columns, read_header

LARGEST_NUMBER = 65535  # a map's pixel is R + 256 G
_SIZES = ("ih", "iw", "sh", "sw")
_LARGEST_SIZE = 65535
_LEAVES = r"^[/\\]|^[A-Za-z]:|(^|[/\\])\.\.([/\\]|$)"


def entries_in(cells: str) -> list[str]:
    """Return the PNG paths and label numbers in a row's cells, without 0 and empty ones."""
    entries = (entry.strip() for entry in cells.split(";"))
    return [entry for entry in entries if entry.strip("0")]


def leaves_folder(path: str) -> bool:
    """Return whether a path in a file leads out of the folder it belongs to."""
    return re.search(_LEAVES, path) is not None


def read_categories(root: Path) -> tuple[str, ...]:
    """Return the categories of category.csv that have a column in index.csv, in its order."""
    path = root / "category.csv"
    names = read_columns(path, ["name"])["name"]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise DataError(f'{path} lists the category "{repeated[0]}" twice')
    columns = read_header(root / "index.csv")
    used = tuple(name for name in names if name in columns)
    if not used:
        raise DataError(
            f"{root / 'index.csv'} has no column for any category of {path} "
            f"({', '.join(names) or 'which lists none'}); its columns are {', '.join(columns)}"
        )
    return used


def read_labels(root: Path, categories: tuple[str, ...]) -> tuple[Label, ...]:
    """Return the labels of the categories, by ascending number.

    A label's primary category is the one in whose `c_<category>.csv` it has the largest coverage;
    of equals, the last in `categories`. A label of no such file is left out.
    """
    path = root / "label.csv"
    table = read_columns(path, ["number", "name"])
    names = dict(_numbered(path, table["number"], table["name"]))
    primary: dict[int, tuple[float, str]] = {}
    for category in categories:
        file = root / f"c_{category}.csv"
        for number, coverage in _read_coverage(file):
            if number not in names:
                raise DataError(f"{file} lists label {number}, which has no row in {path}")
            if number not in primary or coverage >= primary[number][0]:
                primary[number] = (coverage, category)
    return tuple(
        Label(number=number, name=names[number], category=category)
        for number, (_, category) in sorted(primary.items())
    )


def read_stated_totals(root: Path) -> dict[int, tuple[float, float]]:
    """Return frequency and coverage per label number from label.csv, nan where not given.

    frequency: images that hold the label; coverage: sum over images of its share of the pixels.
    """
    path = root / "label.csv"
    stated = [column for column in ("frequency", "coverage") if column in read_header(path)]
    table = read_columns(path, ["number", *stated])
    unknown = [""] * len(table["number"])
    columns = [
        [_number_or_nan(text) for text in table.get(column, unknown)]
        for column in ("frequency", "coverage")
    ]
    numbers = (int(text) for text in table["number"])
    return dict(zip(numbers, zip(*columns, strict=True), strict=True))


def read_rows(root: Path, categories: tuple[str, ...], labels: Iterable[Label]) -> pa.Table:
    """Return every row of index.csv that carries a label, each checked, in their order.

    Columns: image, split; cells: all label cells, joined with `;`; ih, iw, sh, sw in int32;
    number: that of the row in index.csv, whose header is row 1.
    A row whose label cells are all empty or 0 is not an image of the set. No file is looked for.
    """
    path = root / "index.csv"
    numbers = {"", *(str(label.number) for label in labels)}
    parts: list[pa.Table] = []
    above = 0
    for batch in read_batches(path, ["image", "split", *_SIZES, *categories]):
        part = _labelled_rows(path, batch, categories, above)
        _check_images(path, part)
        _check_entries(path, part, numbers)
        parts.append(part)
        above += len(batch)
    if not sum(map(len, parts)):
        raise DataError(f"{path} has no row with a label: the set is empty")
    return pa.concat_tables(parts)


def _labelled_rows(
    path: Path, batch: pa.RecordBatch, categories: tuple[str, ...], above: int
) -> pa.Table:
    cells = pc.binary_join_element_wise(*(batch[category] for category in categories), ";")
    labelled = np.flatnonzero(pc.match_substring_regex(cells, r"[^;0\s]"))
    kept = pa.array(labelled)
    numbers = labelled + above + FIRST_ROW
    columns = {name: batch[name].take(kept) for name in ("image", "split")}
    sizes = {name: _read_sizes(path, name, batch[name].take(kept), numbers) for name in _SIZES}
    return pa.table({**columns, "cells": cells.take(kept), **sizes, "number": numbers})


def _read_coverage(path: Path) -> list[tuple[int, float]]:
    table = read_columns(path, ["number", "coverage"])
    pairs = _numbered(path, table["number"], table["coverage"])
    for number, text in pairs:
        if math.isnan(_number_or_nan(text)):
            raise DataError(f'{path}: the coverage of label {number} is "{text}", not a number')
    return [(number, float(text)) for number, text in pairs]


def _numbered(path: Path, numbers: list[str], values: list[str]) -> list[tuple[int, str]]:
    """Pair label numbers with values; a row of number 0, which means none, is passed over."""
    pairs: dict[int, str] = {}
    for row, (text, value) in enumerate(zip(numbers, values, strict=True), start=FIRST_ROW):
        if not re.fullmatch(r"\s*[0-9]{1,5}\s*", text) or int(text) > LARGEST_NUMBER:
            raise DataError(
                f'{path}, row {row}: the label number is "{text}", '
                f"but must be a whole number up to {LARGEST_NUMBER}"
            )
        if int(text) in pairs:
            raise DataError(f"{path}, row {row}: label {int(text)} has a row already")
        if int(text):
            pairs[int(text)] = value
    return list(pairs.items())


def _number_or_nan(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _read_sizes(
    path: Path, name: str, column: pa.StringArray, numbers: Int64[np.ndarray, " row"]
) -> Int32[np.ndarray, " row"]:
    sound = pc.match_substring_regex(column, r"^\s*0*[1-9][0-9]{0,4}\s*$")
    texts = pc.if_else(sound, pc.utf8_trim_whitespace(column), "0")
    sizes: Int32[np.ndarray, " row"] = texts.cast(pa.int32()).to_numpy()
    wrong = np.flatnonzero((sizes == 0) | (sizes > _LARGEST_SIZE))
    if len(wrong):
        raise DataError(
            f'{path}, row {numbers[wrong[0]]}: {name} is "{column[int(wrong[0])]}", '
            f"but must be a whole number of pixels from 1 to {_LARGEST_SIZE}"
        )
    return sizes


def _check_images(path: Path, rows: pa.Table) -> None:
    images, numbers = rows["image"], rows["number"].to_numpy()
    _refuse(path, numbers, images, pc.equal(images, ""), "names no image")
    leaves = pc.match_substring_regex(images, _LEAVES)
    _refuse(path, numbers, images, leaves, "leaves the folder of images")


def _check_entries(path: Path, rows: pa.Table, labels: set[str]) -> None:
    cells = pc.split_pattern(rows["cells"], ";")
    entries = pc.utf8_trim_whitespace(pc.list_flatten(cells))
    numbers = rows["number"].to_numpy()[pc.list_parent_indices(cells).to_numpy()]
    leaves = pc.match_substring_regex(entries, _LEAVES)
    _refuse(path, numbers, entries, leaves, "leaves the folder of images")
    readable = pc.match_substring_regex(entries, r"^[0-9]*$|(?i:\.png)$")
    fault = "is neither a label number nor the path of a PNG"
    _refuse(path, numbers, entries, pc.invert(readable), fault)
    written = pc.unique(entries.filter(pc.match_substring_regex(entries, "^[0-9]+$"))).to_pylist()
    unlisted = pa.array([text for text in written if text.lstrip("0") not in labels], pa.string())
    fault = "is a label without a row in label.csv and a c_<category>.csv"
    _refuse(path, numbers, entries, pc.is_in(entries, value_set=unlisted), fault)


def _refuse(
    path: Path,
    numbers: Int64[np.ndarray, " value"],
    values: pa.ChunkedArray,
    wrong: pa.ChunkedArray,
    fault: str,
) -> None:
    positions = np.flatnonzero(wrong)
    if len(positions):
        first = int(positions[0])
        others = f" (and {len(positions) - 1} more like it)" if len(positions) > 1 else ""
        raise DataError(f'{path}, row {numbers[first]}: "{values[first]}" {fault}{others}')
