"""How many units are interpretable, and of how many concepts, at other quantiles?"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float64, Int64

from prunescope.base.errors import DataError
from prunescope.base.paths import is_there
from prunescope.results.columns import check_columns
from prunescope.results.layout import LEVEL_QUANTILES, QUANTILES
from prunescope.results.manifest import check_recorded
from prunescope.results.reading import read_csv, read_table
from prunescope.results.schemas import LEVEL_QUANTILE_COLUMNS, QUANTILE_COLUMNS
from prunescope.results.tables import write_parquet
from prunescope.results.units import categories_of

LABEL, IOU = "_label", "_iou"
"""How the columns of each category end."""
_NO_LABEL = np.iinfo(np.int64).max


def save_quantiles(folder: Path, table: pd.DataFrame | None) -> None:
    """Write what was counted at other quantiles; nothing where there are none."""
    if table is not None:
        write_parquet(folder / QUANTILES, table, "zstd")


def load_quantiles(folder: Path, summary: Mapping[str, Any]) -> pd.DataFrame | None:
    """Return the table of a layer's other quantiles; None where its summary states none.

    Raises DataError where it is missing, damaged, or not of these quantiles.
    """
    stated = (summary.get("settings") or {}).get("quantiles")
    if not stated:
        return None
    table = read_table(folder / QUANTILES, QUANTILE_COLUMNS)
    if sorted(table["quantile"].unique()) != sorted(stated):
        raise DataError(
            f"{folder / QUANTILES} is damaged: it is not of the quantiles "
            f"{', '.join(f'{quantile:g}' for quantile in stated)}"
        )
    return table


def read_level_quantiles(tables: Path) -> pd.DataFrame | None:
    """Return the counts of a run's levels at each quantile; None where there is but one.

    tables: the folder of its tables. Raises DataError where they are damaged.
    """
    path = tables / LEVEL_QUANTILES
    check_recorded(path)
    if not is_there(path):
        return None
    table = read_csv(path, dtype={"strategy": str, "layer": str})
    check_columns(table, LEVEL_QUANTILE_COLUMNS, path)
    return table


def quantile_curve(
    units: pd.DataFrame, table: pd.DataFrame, settings: Mapping[str, Any], iou: float | None
) -> pd.DataFrame:
    """Return how many units and concepts a layer has at each quantile, ascending.

    units: at the quantile of the settings. table: at the others. iou: interpretable is strictly
    above it; that of the settings when None. As in `units`, concepts are labels of its categories.
    """
    above = settings["iou"] if iou is None else iou
    here = units[units["iou"] > above]
    rows = [(float(settings["quantile"]), len(here), here["label"].nunique())]
    for quantile in table["quantile"].unique():
        labels, ious = _best(table[table["quantile"] == quantile], categories_of(units))
        labels = labels[ious > above]
        rows.append((float(quantile), len(labels), len(np.unique(labels))))
    return pd.DataFrame(sorted(rows), columns=["quantile", "interpretable", "concepts"])


def _best(
    table: pd.DataFrame, categories: Sequence[str]
) -> tuple[Int64[np.ndarray, " row"], Float64[np.ndarray, " row"]]:
    """Return the number of each row's best label among some categories, and its IoU.

    Of equal IoUs it is the label of lowest number.
    """
    ious = table[[f"{name}{IOU}" for name in categories]].fillna(0).to_numpy(float)
    columns = (table[f"{name}{LABEL}"] for name in categories)
    numbers = np.column_stack(
        [column.astype("Int64").to_numpy(np.int64, na_value=_NO_LABEL) for column in columns]
    )
    best = ious.max(axis=1)
    return np.where(ious == best[:, None], numbers, _NO_LABEL).min(axis=1), best
