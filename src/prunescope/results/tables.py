"""How is a table written as parquet or CSV, and an object as JSON?"""

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from prunescope.base.files import write_atomically
from prunescope.results.cells import csv_bytes


def write_parquet(
    path: Path, table: pd.DataFrame, compression: Literal["snappy", "zstd"] = "snappy"
) -> None:
    """Write a table as a parquet file; equal tables give equal bytes."""
    content = io.BytesIO()
    table.to_parquet(content, index=False, compression=compression)
    write_atomically(path, content.getvalue())


def write_csv(path: Path, table: pd.DataFrame, *, na_rep: str = "") -> None:
    """Write a table as `csv_bytes` encodes it."""
    write_atomically(path, csv_bytes(table, na_rep=na_rep))


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write an object in readable form: indented, without escapes of letters."""
    text = json.dumps(values, indent=2, ensure_ascii=False) + "\n"
    write_atomically(path, text.encode())
