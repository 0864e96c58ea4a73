"""How is it shown whether labels that some images give hold on others?"""

from collections.abc import Mapping
from typing import Any

from prunescope.base.text import counted
from prunescope.report.document import UNDEFINED
from prunescope.results.label_check import (
    CONCEPT,
    HELD_OUT_CONCEPT,
    HELD_OUT_IOU,
    IOU,
    LABEL_CONFIRMED,
    SCORE_CONFIRMED,
)


def label_check_text(check: Mapping[str, Any]) -> str:
    """Write in a line how many labels of a layer hold. check: of its counts."""
    where = (
        f"label check: chosen on {check['label_on']} ({counted(check['label_images'], 'image')}), "
        f"checked on {check['check_on']} ({counted(check['check_images'], 'image')}): "
    )
    if not check["interpretable"]:
        return f"{where}no unit is interpretable on the former"
    score, label = check["score_confirmed"], check["label_confirmed"]
    return (
        f"{where}of {counted(check['interpretable'], 'interpretable unit')} {score:,} stay so with "
        f"their label, for {label:,} it is still the best, for {check['confirmed']:,} both; "
        f"mean IoU {check['iou']:.3f}, then {check['iou_held_out']:.3f}"
    )


def unit_check_text(check: Mapping[str, Any]) -> str:
    """Write what was found of one unit, as `label_check_of` returns it."""
    if check[CONCEPT] is None:
        return "no label on the images on which labels are chosen"
    best = check[HELD_OUT_CONCEPT] or UNDEFINED
    label = "still the best label" if check[LABEL_CONFIRMED] else f"the best is {best}"
    score = "above" if check[SCORE_CONFIRMED] else "not above"
    held_out = UNDEFINED if check[HELD_OUT_IOU] is None else f"{check[HELD_OUT_IOU]:.3f}"
    return (
        f"{check[CONCEPT]}, IoU {check[IOU]:.3f}; on held-out images {held_out} "
        f"({score} the threshold), {label}"
    )
