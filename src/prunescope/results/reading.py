"""How is a saved table or JSON object read, and checked in case it was changed?"""

import warnings
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from prunescope.base.errors import DataError
from prunescope.base.paths import is_there, require_file
from prunescope.results.cells import original, original_texts
from prunescope.results.columns import Columns, check_columns
from prunescope.results.forms import Each, Fields, in_a_line, read_object
from prunescope.results.manifest import check_recorded

# what a damaged parquet file raises: it may state absurd sizes, or hold text that is not UTF-8
_DAMAGED = (
    *(OSError, pa.ArrowException, ValueError, TypeError, KeyError, OverflowError, MemoryError),
    RuntimeWarning,
)


def read_parquet(path: Path) -> pd.DataFrame:
    """Read a table. Raises DataError, in one line, where it is missing or damaged."""
    require_file(path)
    try:
        return pd.read_parquet(path)
    except _DAMAGED as error:
        raise DataError(f"{path} cannot be read as a table: {in_a_line(error)}") from None


def read_table(path: Path, columns: Columns) -> pd.DataFrame:
    """Read a table and check its columns.

    Raises DataError, in one line, where it is missing, damaged, or not as it was recorded.
    """
    check_recorded(path)
    table = read_parquet(path)
    check_columns(table, columns, path)
    return table


def read_if_there(path: Path, columns: Columns) -> pd.DataFrame:
    """Read a table that results of earlier versions lack: an empty one if it was never written.

    Raises DataError as `read_table` does, and where it was recorded but is gone.
    """
    check_recorded(path)
    return read_table(path, columns) if is_there(path) else pd.DataFrame()


def read_csv(path: Path, **options: Any) -> pd.DataFrame:
    """Read what `csv_bytes` or another tool wrote, with options of `pandas.read_csv`.

    Options name columns by their original names, not as `csv_bytes` writes them.
    Raises DataError as `read_parquet` does.
    """
    require_file(path)
    try:
        return _read_csv(path, options)
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 (byte {error.start + 1:,}): save it so") from None
    except _DAMAGED as error:
        raise DataError(f"{path} cannot be read as a CSV: {in_a_line(error)}") from None


def _read_csv(path: Path, options: dict[str, Any]) -> pd.DataFrame:
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)  # about numbers that do not fit their type
        written = [str(name) for name in pd.read_csv(path, nrows=0).columns]
        names = [original(name) for name in written]
        if names != written:
            options = options | {"names": names, "header": 0}
        return original_texts(pd.read_csv(path, **options))


def read_form(path: Path, form: Fields | Each) -> dict[str, Any]:
    """Read a JSON object as `read_object` does. Raises DataError also if it is not as recorded."""
    check_recorded(path)
    return read_object(path, form)
