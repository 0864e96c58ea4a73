"""How is a saved table or JSON object read, whoever may have touched it since?"""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from prunescope.base.cells import original, original_texts
from prunescope.base.errors import DataError
from prunescope.base.paths import require_file

# a damaged parquet file may state absurd sizes, and hold text that is no UTF-8
_DAMAGED = (OSError, pa.ArrowException, ValueError, TypeError, KeyError, OverflowError, MemoryError)


def read_parquet(path: Path) -> pd.DataFrame:
    """Read a table. Raises DataError, in one line, where it is missing or damaged."""
    require_file(path)
    try:
        return pd.read_parquet(path)
    except _DAMAGED as error:
        raise DataError(f"{path} cannot be read as a table: {in_a_line(error)}") from None


def read_csv(path: Path, **options: Any) -> pd.DataFrame:
    """Read what `csv_bytes` or another tool wrote, with options of `pandas.read_csv`.

    Options name columns as they are called, not as they are written.
    Raises DataError as `read_parquet` does.
    """
    require_file(path)
    try:
        written = [str(name) for name in pd.read_csv(path, nrows=0).columns]
        names = [original(name) for name in written]
        if names != written:
            options = options | {"names": names, "header": 0}
        table: pd.DataFrame = original_texts(pd.read_csv(path, **options))
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 (byte {error.start + 1:,}): save it so") from None
    except _DAMAGED as error:
        raise DataError(f"{path} cannot be read as a CSV: {in_a_line(error)}") from None
    return table


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object. Raises DataError, in one line, where it is missing or damaged."""
    require_file(path)
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path} cannot be read: {in_a_line(error)}") from None
    if not isinstance(values, dict):
        raise DataError(f"{path} holds no JSON object")
    return values


def in_a_line(error: BaseException) -> str:
    """Return what a library says of a damaged file, in one short line."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(text.split())[:200]
