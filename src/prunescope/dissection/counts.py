"""What follows from a layer's counts, whoever counted them?"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float64, Int64

from prunescope.base.text import agreeing, counted


def by_layer(counts: Mapping[str, Any]) -> dict[str, Any]:
    """Return `layers: {name: counts}`; where there is one layer, its counts at the top too."""
    return {"layers": counts} | (next(iter(counts.values())) if len(counts) == 1 else {})


def categories_of(units: pd.DataFrame) -> tuple[str, ...]:
    """Return the categories whose best label and IoU a table of units holds, in its order."""
    columns = set(units.columns)
    names = (str(name).removesuffix("_iou") for name in units.columns if name != "iou")
    return tuple(name for name in names if {f"{name}_iou", f"{name}_label"} <= columns)


def count_units(units: pd.DataFrame, categories: Sequence[str]) -> dict[str, Any]:
    """Return a layer's counts: units, interpretable, concepts, dead, and the same by category.

    Concepts are the distinct labels of the interpretable units; a unit and a concept belong to the
    label's primary category. Categories without any stand with zeros.
    """
    found = units.loc[units["interpretable"].astype(bool), ["category", "label", "concept"]]
    distinct = found.drop_duplicates()
    units_of, concepts_of = (table["category"].value_counts() for table in (found, distinct))
    return {
        "units": len(units),
        "interpretable": len(found),
        "concepts": len(distinct),
        "dead": int(units["dead"].sum()),
        "by_category": {
            category: {
                "units": int(units_of.get(category, 0)),
                "concepts": int(concepts_of.get(category, 0)),
            }
            for category in categories
        },
    }


def iou_of_counts(
    intersection: Int64[np.ndarray, "unit label"],
    activation: Int64[np.ndarray, "unit category"],
    truth: Int64[np.ndarray, " label"],
    category_of: Int64[np.ndarray, " label"],
) -> Float64[np.ndarray, "unit label"]:
    """Return I / (A + G - I) of every unit and label, in float64 (docs/method.md).

    category_of: for every label, the column of `activation` of its primary category.
    nan for a unit that never fires, and where both the label and the unit's masks are nowhere in
    the images of the label's category.
    """
    union = activation[:, category_of] + truth - intersection
    fires = np.any(activation > 0, axis=1, keepdims=True)
    ratio = np.full(union.shape, np.nan)
    np.divide(intersection, union, out=ratio, where=(union > 0) & fires)
    return ratio


def counts_in_words(counts: Mapping[str, Any], iou: float | None) -> str:
    """Say how many of a layer's units are interpretable, of how many concepts, and how many dead.

    counts: as `count_units` makes them. iou: above which units are interpretable, if it is known.
    """
    found, dead = counts["interpretable"], counts["dead"]
    above = "" if iou is None else f" (IoU > {iou:g})"
    return (
        f"{found:,} of {counted(counts['units'], 'unit')} {agreeing(found, 'is', 'are')} "
        f"interpretable{above}, of {counted(counts['concepts'], 'concept')}; "
        f"{dead:,} never {agreeing(dead, 'fires', 'fire')}"
    )
