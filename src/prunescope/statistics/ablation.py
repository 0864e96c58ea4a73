"""What do some units of a layer do for accuracy, class by class, beside as many random ones?"""

from collections.abc import Mapping, Sequence
from typing import Any

from prunescope.results.ablation import Ablation
from prunescope.results.evaluation import Evaluation, plain_number
from prunescope.statistics.class_changes import class_changes, overall_change

_CHANGE = ("difference", "low", "high")


def count_ablation(
    whole: Evaluation,
    without: Evaluation,
    controls: Sequence[Evaluation],
    about: Mapping[str, Any],
) -> Ablation:
    """Return what a network loses without some units.

    controls: without as many random units, draw by draw. about: what was evaluated, and how.
    """
    pairs = [([whole.predictions], [without.predictions])]
    if controls:
        drawn = [each.predictions for each in controls]
        pairs.append(([whole.predictions] * len(drawn), drawn))
    tables = [class_changes(before, after) for before, after in pairs]
    changes = [overall_change(before, after) for before, after in pairs]
    undefined = dict.fromkeys(("control", "control_low", "control_high"), float("nan"))
    renamed = dict(zip(_CHANGE, undefined, strict=True))
    classes = tables[0].rename(columns={"before": "whole", "after": "without"})
    if controls:
        classes = classes.join(tables[1][list(_CHANGE)].rename(columns=renamed))
        undefined = {renamed[name]: value for name, value in changes[1].items()}
    else:
        classes = classes.assign(**undefined)
    counts = {
        **about,
        "images": whole.images,
        "whole": whole.top1,
        "without": without.top1,
        **changes[0],
        **{name: plain_number(value) for name, value in undefined.items()},
        "controls": len(controls),
        "controls_as_bad": sum(each.top1 <= without.top1 for each in controls),
    }
    predictions = {"whole": whole.predictions, "without": without.predictions}
    return Ablation(counts=counts, classes=classes, predictions=predictions)
