"""What do the result tables of Network Dissection (2017) and NetDissect-Lite hold?"""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from prunescope.base.errors import DataError
from prunescope.results.checksums import check_against_record
from prunescope.results.columns import COUNTS, SHARES, Columns, check_columns
from prunescope.results.reading import read_csv

OF_A_UNIT = ("unit", "category", "label", "score")
OF_A_CATEGORY = ("label", "truth", "activation", "intersect", "iou")
_NUMBERS = tuple(f"-{field}" for field in OF_A_CATEGORY if field != "label")
_KINDS: Columns = {
    **{"unit": COUNTS, "score": SHARES, "*-iou": SHARES},
    **dict.fromkeys(("*-truth", "*-activation", "*-intersect"), COUNTS),
}
TABLE_IOU = 0.05
"""IoU above which a unit of a table is interpretable, as in Frankle & Bau (2019)."""


def netdissect_columns(categories: Sequence[str]) -> list[str]:
    """Return the columns of such a table, in their order."""
    return [
        *OF_A_UNIT,
        *(f"{category}-{field}" for category in categories for field in OF_A_CATEGORY),
    ]


def read_netdissect(path: Path) -> pd.DataFrame:
    """Return such a table's units in the form of our own, see `open_dissection`.

    Raises DataError where it is no such table, or not as the checksum beside it says.
    """
    check_against_record(path)
    try:
        # As text first: a concept may be called "none", and a score counts to its last digit.
        table = read_csv(path, dtype=str, keep_default_na=False, na_values=[""])
        names = [str(name) for name in table.columns]
        for name in names:
            if name == "score" or name.endswith("-iou"):
                table[name] = table[name].astype("float64")
            elif name == "unit" or name.endswith(_NUMBERS):
                table[name] = pd.to_numeric(table[name])
    except ValueError as error:
        raise DataError(f"{path} cannot be read as a CSV of units: {error}") from error
    require_columns(table, OF_A_UNIT, path)
    categories = [name.removesuffix("-label") for name in names if name.endswith("-label")]
    if not categories:
        raise DataError(f"{path} is no result of Network Dissection: it has no CATEGORY-label")
    for category in categories:
        require_columns(table, [f"{category}{field}" for field in _NUMBERS], path)
    check_columns(table, _KINDS, path)
    return _as_ours(table, categories)


def require_columns(table: pd.DataFrame, columns: Sequence[str], path: Path) -> None:
    """Raise DataError naming the columns that a table of units lacks. path: its file."""
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise DataError(f"{path} is no table of units: it has no column {', '.join(missing)}")


def _as_ours(table: pd.DataFrame, categories: list[str]) -> pd.DataFrame:
    activation = table[[f"{category}-activation" for category in categories]].sum(axis="columns")
    dead = activation == 0
    named = (table["score"] > 0) & ~dead
    counts = {
        ours: _of_best_category(table, theirs)
        for ours, theirs in (
            ("intersection", "intersect"),
            ("activation", "activation"),
            ("truth", "truth"),
        )
    }
    by_category = {
        f"{category}_{field}": table[f"{category}-{field}"]
        for category in categories
        for field in ("label", "iou")
    }
    return pd.DataFrame(
        {
            "unit": table["unit"] - 1,
            "label": pd.array([pd.NA] * len(table), dtype="Int64"),
            "concept": table["label"].where(named),
            "category": table["category"].where(named),
            "iou": table["score"].mask(dead),
            "threshold": float("nan"),
            **counts,
            "interpretable": named & (table["score"] > TABLE_IOU),
            "dead": dead,
            **by_category,
        }
    )


def _of_best_category(table: pd.DataFrame, field: str) -> list[int]:
    """Return, per row, the count of its best label's category; 0 where it has none."""
    columns = set(table.columns)
    names = [f"{category}-{field}" for category in table["category"]]
    return [int(table[name].iloc[row]) if name in columns else 0 for row, name in enumerate(names)]
