"""Which concept is each unit's, and how well does it fit?"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float64, Int64

from prunescope.base.errors import DataError
from prunescope.concepts.protocol import Label
from prunescope.dissection.counts import iou_of_counts
from prunescope.dissection.overlap import Overlap

NO_LABEL = -1


def iou_matrix(overlap: Overlap) -> Float64[np.ndarray, "unit label"]:
    """Return I / (A + G - I) of every unit and label; nan as `iou_of_counts` says."""
    return iou_of_counts(
        overlap.intersection.numpy(),
        overlap.activation.numpy(),
        overlap.truth.numpy(),
        overlap.category_of.numpy(),
    )


def iou_table(overlap: Overlap) -> pd.DataFrame:
    """Return `iou_matrix` with a row per unit, its columns under the labels' names.

    Columns are in the order of the label numbers. Where two labels have one name, all columns are
    (category, concept). Raises DataError where the counts do not say what their labels are called.
    """
    if len(overlap.label_names) != len(overlap.label_numbers):
        raise DataError(
            "these counts were saved without the names of their labels, by an earlier version: "
            "dissect again"
        )
    names = pd.Index(overlap.label_names, name="concept")
    if names.has_duplicates:
        homes = [overlap.categories[place] for place in overlap.category_of.tolist()]
        names = pd.MultiIndex.from_arrays([homes, names], names=["category", "concept"])
    units = pd.RangeIndex(len(overlap.thresholds), name="unit")
    return pd.DataFrame(iou_matrix(overlap), index=units, columns=names)


def score_units(
    overlap: Overlap,
    labels: Sequence[Label],
    *,
    iou: float,
    categories: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Return one row per unit: its concept, its IoU, the counts behind it, interpretable, dead.

    labels: of the columns of the overlap. iou: interpretable is strictly above it.
    categories: only their labels may be a concept; all of the overlap when None.
    A tie goes to the lower label number. `label`, `concept`, `category` and the counts are NA
    where the unit has no concept: it is dead (`iou` is nan) or its best IoU is 0. For every
    category C, `C_label` and `C_iou` are its best label and IoU; nan if C has no label to compare.
    """
    chosen = tuple(overlap.categories if categories is None else categories)
    category_of = overlap.category_of.numpy()
    names = np.array([label.name for label in labels], object)
    ious = iou_matrix(overlap)
    best, best_iou = best_labels(ious, overlap.allowed(chosen))
    columns: dict[str, Any] = {
        "unit": np.arange(len(ious)),
        "label": _pick(overlap.label_numbers.numpy(), best, "Int64"),
        "concept": _pick(names, best, "string"),
        "category": _pick(np.array(overlap.categories, object)[category_of], best, "string"),
        "iou": best_iou,
        "threshold": overlap.thresholds.numpy(),
        **_counts(overlap, category_of, best),
        "interpretable": best_iou > iou,
        "dead": overlap.dead.numpy(),
    }
    for name in chosen:
        within, within_iou = best_labels(ious, category_of == overlap.categories.index(name))
        columns[f"{name}_label"] = _pick(names, within, "string")
        columns[f"{name}_iou"] = within_iou
    return pd.DataFrame(columns)


def best_labels(
    ious: Float64[np.ndarray, "unit label"], allowed: np.ndarray
) -> tuple[Int64[np.ndarray, " unit"], Float64[np.ndarray, " unit"]]:
    """Return the place and the value of the highest IoU among the allowed labels.

    The first of equal ones; NO_LABEL where the highest is 0 or, with nan, where none is defined.
    """
    candidates = np.where(allowed & ~np.isnan(ious), ious, -1.0)
    candidates = np.column_stack([candidates, np.full(len(ious), -1.0)])
    place = candidates.argmax(axis=1)
    value = candidates.max(axis=1)
    return np.where(value > 0, place, NO_LABEL), np.where(value < 0, np.nan, value)


def _counts(
    overlap: Overlap, category_of: Int64[np.ndarray, " label"], best: Int64[np.ndarray, " unit"]
) -> dict[str, Any]:
    units = np.arange(len(best))
    counts = {
        "intersection": overlap.intersection.numpy(),
        "activation": overlap.activation.numpy()[:, category_of],
        "truth": np.broadcast_to(overlap.truth.numpy(), overlap.intersection.shape),
    }
    return {name: _mask(table[units, best], best, "Int64") for name, table in counts.items()}


def _pick(values: np.ndarray, places: Int64[np.ndarray, " unit"], kind: str) -> Any:
    return _mask(values[places], places, kind)


def _mask(values: np.ndarray, places: Int64[np.ndarray, " unit"], kind: str) -> Any:
    array: Any = pd.array(values.tolist(), dtype=kind)
    array[places == NO_LABEL] = pd.NA
    return array
