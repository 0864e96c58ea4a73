"""How do two networks differ on the same labelled images, and how sure is that?"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from prunescope.results.evaluation import Evaluation, plain_number
from prunescope.results.evaluation_pair import EvaluationPair
from prunescope.results.predictions import check_same_images
from prunescope.statistics.calibration import calibration_error
from prunescope.statistics.class_changes import class_changes, is_right, overall_change


def compare_evaluations(
    a: Evaluation,
    b: Evaluation,
    *,
    about: Mapping[str, Any],
    costs: tuple[Mapping[str, Any], Mapping[str, Any]],
    latency: Mapping[str, Any] | None,
) -> EvaluationPair:
    """Return how B differs from A on the images that both saw.

    about: `data` and `split`. costs: of A and of B, with its `name`. latency: how it was timed.
    Raises DataError where the two did not see the same images.
    """
    tables = {"a": a.predictions, "b": b.predictions}
    check_same_images({letter.upper(): table for letter, table in tables.items()})
    classes = class_changes([a.predictions], [b.predictions]).rename(
        columns={"before": "accuracy_a", "after": "accuracy_b"}
    )
    same = _codes(a.predictions) == _codes(b.predictions)
    counts = {
        **about,
        "images": a.images,
        "a": _side(a, costs[0]),
        "b": _side(b, costs[1]),
        **overall_change([a.predictions], [b.predictions]),
        "agreement": float(same.mean()),
        **_flips(a.predictions, b.predictions),
        "worse": int((classes["high"] < 0).sum()),
        "better": int((classes["low"] > 0).sum()),
        "latency": None if latency is None else dict(latency),
        "classes": [_plain_row(row) for row in classes.to_dict("records")],
    }
    return EvaluationPair(counts=counts, predictions=tables)


def _side(found: Evaluation, cost: Mapping[str, Any]) -> dict[str, Any]:
    scores = found.as_dict()
    del scores["per_class"], scores["images"]
    return {
        "name": cost["name"],
        **scores,
        "calibration_error": plain_number(calibration_error(found.predictions)),
        **{name: value for name, value in cost.items() if name != "name"},
    }


def _flips(a: pd.DataFrame, b: pd.DataFrame) -> dict[str, Any]:
    """Return on how many images only A is right, or only B, and how likely that is by chance.

    `p` is that of McNemar's exact test: were each such image equally likely to be right in either,
    so uneven a split, or a more uneven one, would occur with this probability.
    """
    from scipy.stats import binomtest  # slow to import

    lost = int((is_right(a) & ~is_right(b)).sum())
    gained = int((~is_right(a) & is_right(b)).sum())
    p = float(binomtest(lost, lost + gained).pvalue) if lost + gained else 1.0
    return {"flips": {"lost": lost, "gained": gained, "p": p}}


def _codes(predictions: pd.DataFrame) -> np.ndarray:
    codes: np.ndarray = predictions["prediction"].cat.codes.to_numpy()
    return codes


def _plain_row(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(name): plain_number(value) for name, value in row.items()}
