"""What does a layer's table say of labels that were checked on other images?"""

from collections.abc import Mapping
from typing import Any

import pandas as pd

KEY = "label_check"
"""Of a layer's summary and counts, where labels were checked."""

CONCEPT, IOU = "concept_labelled", "iou_labelled"
"""The label of highest IoU on the images on which labels are chosen, and that IoU."""
HELD_OUT_CONCEPT, HELD_OUT_IOU = "concept_held_out", "iou_held_out"
"""The label of highest IoU on the images on which they are checked; the IoU of the one above."""
LABEL_CONFIRMED, SCORE_CONFIRMED = "label_confirmed", "score_confirmed"
"""Whether both labels are one; whether its IoU on the latter images is above the threshold."""


def were_checked(units: pd.DataFrame) -> bool:
    """Return whether a table of units says what was found."""
    return {*_TEXTS, *_NUMBERS, *_TRUTHS} <= set(units.columns)


def label_check_counts(
    units: pd.DataFrame, stated: Mapping[str, Any], above: float
) -> dict[str, Any]:
    """Return how many interpretable units were confirmed, and how much their IoUs fell.

    `interpretable`: units whose IoU is above a threshold on the images on which labels are chosen;
    `label_confirmed`, `score_confirmed`, `confirmed` (both): of these; `iou`, `iou_held_out`: their
    mean IoUs, None without any.
    stated: what the summary says of the check. above: the IoU.
    """
    tested = units[units[IOU] > above]
    score = tested[HELD_OUT_IOU] > above
    label = tested[LABEL_CONFIRMED].astype(bool)
    means = tested[[IOU, HELD_OUT_IOU]].fillna(0.0).mean()
    return {
        **stated,
        "interpretable": len(tested),
        "label_confirmed": int(label.sum()),
        "score_confirmed": int(score.sum()),
        "confirmed": int((label & score).sum()),
        "iou": float(means[IOU]) if len(tested) else None,
        "iou_held_out": float(means[HELD_OUT_IOU]) if len(tested) else None,
    }


def label_check_of(row: "pd.Series[Any]") -> dict[str, Any] | None:
    """Return what was found of one unit, as plain values; None where nothing was checked.

    row: of the table of units.
    """
    if not {*_TEXTS, *_NUMBERS, *_TRUTHS} <= set(row.index):
        return None
    texts = {name: None if pd.isna(row[name]) else str(row[name]) for name in _TEXTS}
    numbers = {name: None if pd.isna(row[name]) else float(row[name]) for name in _NUMBERS}
    return texts | numbers | {name: bool(row[name]) for name in _TRUTHS}


_TEXTS = (CONCEPT, HELD_OUT_CONCEPT)
_NUMBERS = (IOU, HELD_OUT_IOU)
_TRUTHS = (LABEL_CONFIRMED, SCORE_CONFIRMED)
