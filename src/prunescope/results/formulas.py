"""How well do the best formulas of each length fit the units of a layer?"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from prunescope.base.errors import DataError
from prunescope.results.layout import FORMULAS, FORMULAS_AS_TEXT
from prunescope.results.reading import read_table
from prunescope.results.schemas import FORMULA_COLUMNS
from prunescope.results.tables import write_csv, write_parquet

KEY = "formulas"
"""Of a layer's summary and counts, where formulas were searched for."""


def save_formulas(folder: Path, table: pd.DataFrame | None) -> None:
    """Write the best formulas of each length; nothing where none were searched for."""
    if table is not None:
        write_parquet(folder / FORMULAS, table, "zstd")
        write_csv(folder / FORMULAS_AS_TEXT, table)


def load_formulas(
    folder: Path, summary: Mapping[str, Any], units: pd.DataFrame
) -> pd.DataFrame | None:
    """Return the best formulas of each length of a layer; None where its summary states none.

    units: the layer's table. Raises DataError where they are missing, damaged or of other units.
    """
    if summary.get(KEY) is None:
        return None
    path = folder / FORMULAS
    table = read_table(path, FORMULA_COLUMNS)
    if table.duplicated(["unit", "length"]).any() or not table["unit"].isin(units["unit"]).all():
        raise DataError(f"{path} is damaged: its rows are not one for each unit and length")
    return table


def best_formulas(table: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each unit that has a formula: the one of highest IoU, of equal the shortest.

    `p`, if there are draws, is that of the whole search.
    """
    ordered = table.sort_values(["unit", "iou", "length"], ascending=[True, False, True])
    best = ordered.drop_duplicates("unit")
    if "p" in table:
        of_search = table.sort_values(["unit", "length"]).drop_duplicates("unit", keep="last")
        best = best.assign(p=of_search["p"].to_numpy())
    return best.reset_index(drop=True)


def formula_counts(
    table: pd.DataFrame, stated: Mapping[str, Any], above: float | None
) -> dict[str, Any]:
    """Return what longer formulas gain: `by_length`, and what the summary states of the search.

    `by_length` has for each `length` the units whose best formula has it (`best`), the mean over
    all units with a formula of the highest IoU up to it (`iou`), how much that is more than for one
    label (`gain`), and how many such IoUs are above a threshold (`interpretable`).
    stated: the search's settings and, with draws, what was `expected` by chance. above: the IoU.
    """
    ious = table.pivot(index="unit", columns="length", values="iou")
    upto = ious.cummax(axis=1).ffill(axis=1)
    lengths = best_formulas(table)["length"].value_counts()
    means = upto.mean()
    return {
        **stated,
        "by_length": [
            {
                "length": int(length),
                "best": int(lengths.get(length, 0)),
                "iou": float(means[length]),
                "gain": float(means[length] - means.iloc[0]),
                **({} if above is None else {"interpretable": int((upto[length] > above).sum())}),
            }
            for length in upto.columns
        ],
    }


def formulas_of(table: pd.DataFrame | None, unit: int) -> list[dict[str, Any]]:
    """Return the best formulas of a unit as plain values, the shortest first."""
    if table is None:
        return []
    rows = table[table["unit"] == unit].sort_values("length")
    return [
        {
            "length": int(row["length"]),
            "formula": str(row["formula"]),
            "iou": float(row["iou"]),
            **({"p": float(row["p"])} if "p" in row else {}),
        }
        for row in rows.to_dict("records")
    ]
