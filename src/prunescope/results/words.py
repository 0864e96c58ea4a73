"""Which words does a layer's dissection give its units?"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from prunescope.base.errors import DataError
from prunescope.results.layout import WORDS
from prunescope.results.reading import read_table
from prunescope.results.schemas import WORD_COLUMNS
from prunescope.results.tables import write_parquet

OF_WORDS = "words"
"""The key of a layer's summary that says what its words are chosen from, and by which encoder."""


def is_unlabelled(summary: Mapping[str, Any]) -> bool:
    """Return whether a layer was dissected on images without labels: for words alone."""
    return bool(summary.get(OF_WORDS)) and not summary.get("by_category")


def save_words(folder: Path, table: pd.DataFrame | None) -> None:
    """Write the words of a layer's units; nothing where there are none."""
    if table is not None:
        write_parquet(folder / WORDS, table, "zstd")


def load_words(
    folder: Path, units: pd.DataFrame, summary: Mapping[str, Any]
) -> pd.DataFrame | None:
    """Return the words of a layer's units; None where its summary states none.

    Raises DataError where they are missing, damaged, or not of these units.
    """
    if not summary.get(OF_WORDS):
        return None
    table = read_table(folder / WORDS, WORD_COLUMNS)
    if table["unit"].tolist() != units["unit"].tolist():
        raise DataError(f"{folder / WORDS} is damaged: it is not of the units beside it")
    return table
