"""How are a dissection's tables kept on disk?"""

import io

import pandas as pd


def parquet_bytes(table: pd.DataFrame) -> bytes:
    """Return a table as a parquet file."""
    content = io.BytesIO()
    table.to_parquet(content, index=False, compression="zstd")
    return content.getvalue()
