"""How many of a table's units are interpretable, and how many concepts do they stand for?"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Int64

from prunescope.base.errors import ConfigError, DataError
from prunescope.base.text import counted

IOUS = tuple(step / 200 for step in range(61))
"""Thresholds of curves, from 0 to 0.3."""
UNIT_NUMBERS, UNNUMBERED = "unit_numbers", "unnumbered"
"""Keys of a layer's summary where its network has lost units: the numbers of those left, and
whether these are not known."""


def unit_numbers(
    layer: str, numbers: Sequence[int] | None, count: int
) -> Int64[np.ndarray, " unit"]:
    """Return the number of each unit of a layer: from 0, or in the network it was pruned from.

    numbers: of the units that are left, where some are not. Raises DataError where these are not
    so many numbers, each higher than the one before.
    """
    if numbers is None:
        return np.arange(count)
    stated = np.asarray(numbers, np.int64)
    if len(stated) != count or (np.diff(stated) <= 0).any() or (stated < 0).any():
        raise DataError(
            f"{layer} has {counted(count, 'unit')}, but {len(stated):,} numbers of units are "
            "said to be left, or not in order: what says so belongs to another network"
        )
    return stated


def rows_of(table: pd.DataFrame, units: int | Sequence[int], layer: str) -> list[int]:
    """Return the rows of units in a layer's table, given one number or several.

    Raises ConfigError for one that is not there, and for none.
    """
    chosen = [units] if isinstance(units, int | np.integer) else list(units)
    if not all(isinstance(unit, int | np.integer) for unit in chosen):
        raise ConfigError(f"units is {units!r}: give a number from 0, or several")
    row_of = {int(number): row for row, number in enumerate(table["unit"])}
    invalid = [unit for unit in chosen if int(unit) not in row_of]
    if invalid or not chosen:
        request = f"unit {invalid[0]} is asked for" if invalid else "no unit is asked for"
        highest, left = max(row_of), len(row_of)
        present = f"units 0 to {highest:,}"
        if highest >= left:
            present = f"{left:,} units left of a larger network, the highest {highest:,}"
        raise ConfigError(f"{request}, but {layer} has {present}")
    return [row_of[int(unit)] for unit in chosen]


def by_layer(counts: Mapping[str, Any]) -> dict[str, Any]:
    """Return `layers: {name: counts}`; where there is one layer, its counts at the top too."""
    return {"layers": counts} | (next(iter(counts.values())) if len(counts) == 1 else {})


def stacked(columns: Sequence[str], tables: Mapping[tuple[Any, ...], pd.DataFrame]) -> pd.DataFrame:
    """Concatenate tables, with the values of each one's key in the first columns."""
    keyed = [
        table.assign(**dict(zip(columns, key, strict=True)))[[*columns, *table.columns]]
        for key, table in tables.items()
    ]
    return pd.concat(keyed, ignore_index=True)


def categories_of(units: pd.DataFrame) -> tuple[str, ...]:
    """Return the categories with columns of best label and IoU in a table of units, in order."""
    columns = set(units.columns)
    names = (str(name).removesuffix("_iou") for name in units.columns if name != "iou")
    return tuple(name for name in names if {f"{name}_iou", f"{name}_label"} <= columns)


def threshold_curve(units: pd.DataFrame, ious: Sequence[float]) -> pd.DataFrame:
    """Return how many units and concepts are above each IoU: `iou`, `interpretable`, `concepts`.

    Each unit keeps its best label. ious: any, in any order.
    """
    best = units.groupby(["category", "label", "concept"], dropna=False)["iou"].max()
    return pd.DataFrame(
        {
            "iou": list(ious),
            "interpretable": [int((units["iou"] > iou).sum()) for iou in ious],
            "concepts": [int((best > iou).sum()) for iou in ious],
        }
    )


def count_units(
    units: pd.DataFrame, categories: Sequence[str] | None = None, *, iou: float | None = None
) -> dict[str, Any]:
    """Return a layer's counts: units, interpretable, concepts, dead, and the same by category.

    Concepts are the distinct labels of the interpretable units; a unit and a concept belong to the
    label's primary category. Categories without any have zeros.
    categories: those of the table when None. iou: a unit is interpretable if its best IoU is
    strictly above this; None keeps what the table says.
    """
    above = units["interpretable"].astype(bool) if iou is None else units["iou"] > iou
    interpretable = units.loc[above, ["category", "label", "concept"]]
    distinct = interpretable.drop_duplicates()
    units_of, concepts_of = (
        table["category"].value_counts() for table in (interpretable, distinct)
    )
    return {
        "units": len(units),
        "interpretable": len(interpretable),
        "concepts": len(distinct),
        "dead": int(units["dead"].sum()),
        "by_category": {
            category: {
                "units": int(units_of.get(category, 0)),
                "concepts": int(concepts_of.get(category, 0)),
            }
            for category in (categories_of(units) if categories is None else categories)
        },
    }


_INTERVAL = "interval"


def with_intervals(counts: Mapping[str, Any], intervals: Mapping[str, Any]) -> dict[str, Any]:
    """Return nested counts, each level of them with the `interval` of those that have any.

    intervals: nested as the counts are, a [lower, upper] in place of each count.
    """
    inner = {name: within for name, within in intervals.items() if isinstance(within, Mapping)}
    here = {name: ends for name, ends in intervals.items() if name not in inner}
    nested = {name: with_intervals(counts[name], within) for name, within in inner.items()}
    return {**counts, **nested, **({_INTERVAL: here} if here else {})}


def intervals_in(counts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the intervals that `with_intervals` put beside nested counts; empty without any."""
    inner = {
        name: intervals_in(within)
        for name, within in counts.items()
        if isinstance(within, Mapping) and name != _INTERVAL
    }
    nested = {name: within for name, within in inner.items() if within}
    return {**nested, **(counts.get(_INTERVAL) or {})}
