"""How is a table of text read from a CSV file?"""

from collections.abc import Iterator
from csv import Error, reader
from pathlib import Path

import pyarrow as pa
from pyarrow import csv

from prunescope.base.errors import DataError, nearest
from prunescope.base.paths import require_file
from prunescope.base.text import shortened
from prunescope.results.forms import in_a_line

FIRST_ROW = 2
"""Number of the first row below the header, as editors and spreadsheets count."""


def read_header(path: Path) -> list[str]:
    """Return the names of a table's columns; DataError where it cannot be read."""
    require_file(path)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return next(reader(file), [])
    except UnicodeDecodeError:
        raise _not_utf8(path) from None
    except (OSError, Error) as error:
        raise DataError(f"{path} cannot be read as CSV: {in_a_line(error)}") from error


def read_columns(path: Path, columns: list[str]) -> dict[str, list[str]]:
    """Return columns as text, an empty cell as an empty one; errors as of `read_batches`."""
    texts: dict[str, list[str]] = {column: [] for column in columns}
    for batch in read_batches(path, columns):
        for column in columns:
            texts[column] += batch[column].to_pylist()
    return texts


def read_batches(path: Path, columns: list[str]) -> Iterator[pa.RecordBatch]:
    """Read columns as text, a piece at a time: a large index need not fit in memory twice.

    Raises DataError where a column is missing or double, and naming the row that cannot be read.
    """
    header = read_header(path)
    for column in columns:
        if header.count(column) != 1:
            fault = "has twice" if column in header else "lacks"
            raise DataError(
                f'{path} {fault} the column "{column}"{nearest(column, header)}; '
                f"its columns are {shortened(', '.join(header))}"
            )
    try:
        yield from csv.open_csv(
            path,
            read_options=csv.ReadOptions(use_threads=False),  # errors name the row only then
            parse_options=csv.ParseOptions(newlines_in_values=True),
            convert_options=csv.ConvertOptions(
                include_columns=columns, column_types=dict.fromkeys(columns, pa.string())
            ),
        )
    except (OSError, pa.ArrowInvalid) as error:
        if "UTF8" in str(error):
            raise _not_utf8(path) from None
        raise DataError(f"{path} cannot be read as CSV: {in_a_line(error)}") from error


def _not_utf8(path: Path) -> DataError:
    """Return the error for a table in another encoding, with the first line that is."""
    content, number = path.read_bytes(), 1
    try:
        content.decode()
    except UnicodeDecodeError as error:
        number += content.count(b"\n", 0, error.start)
    return DataError(
        f"{path} is not UTF-8 (line {number}): save it again in that encoding, which spreadsheets "
        'call "CSV UTF-8"'
    )
