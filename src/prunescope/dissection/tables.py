"""How are a dissection's tables kept on disk?"""

import io
from pathlib import Path

import pandas as pd
import pyarrow as pa

from prunescope.base.errors import DataError


def parquet_bytes(table: pd.DataFrame) -> bytes:
    """Return a table as a parquet file."""
    content = io.BytesIO()
    table.to_parquet(content, index=False, compression="zstd")
    return content.getvalue()


def read_table(path: Path) -> pd.DataFrame:
    """Read a parquet file. Raises DataError where it is missing or damaged."""
    try:
        return pd.read_parquet(path)
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{path} cannot be read: {error}") from None
