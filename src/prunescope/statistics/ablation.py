"""What do some units of a layer do for accuracy, class by class, beside as many random ones?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from prunescope.base.hooks import Shown
from prunescope.results.evaluation import Evaluation, plain_number
from prunescope.statistics.class_changes import class_changes, overall_change

_CHANGE = ("difference", "low", "high")


@dataclass(frozen=True, kw_only=True, repr=False)
class Ablation(Shown):
    """A network with all its units, and without some of one layer.

    counts: everything that is counted, as `summary()` returns it.
    classes: a row per class: `class`, `images`, the accuracies `whole` and `without` the units,
        their `difference` with its 95 % interval from `low` to `high`, for other images, and
        `control`, `control_low` and `control_high`: the mean difference without as many random
        units, and its interval, for other draws and other images; nan where nothing was drawn.
    """

    counts: Mapping[str, Any]
    classes: pd.DataFrame

    def summary(self) -> dict[str, Any]:
        """Return all counts as plain values, with those of `classes`; undefined is None."""
        rows = self.classes.to_dict("records")
        classes = [{str(name): plain_number(value) for name, value in row.items()} for row in rows]
        return {**self.counts, "classes": classes}


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
    return Ablation(counts=counts, classes=classes)
