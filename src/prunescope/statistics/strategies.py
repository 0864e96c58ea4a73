"""Which of two ways to prune keeps more of what a network sees?"""

import math
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from prunescope.results.layout import DENSE
from prunescope.statistics.equivalence import student_interval
from prunescope.statistics.verdict import COUNTS

_SAME_KEEP = 0.01  # of the larger: two levels keep as many weights
_COLUMNS = (
    *("layer", "count", "strategy", "against", "levels", "replicates"),
    *("difference", "low", "high"),
)


def compare_strategies(levels: pd.DataFrame, alpha: float) -> pd.DataFrame:
    """Return how much more each strategy keeps than another, a row per layer, count and pair.

    levels: the table of levels. Two strategies are compared at the pairs of pruned levels that keep
    as many weights, up to 1 %. `difference` is the mean over replicates and these pairs of
    ln(count / count of the other), as a share: 0.1 is a tenth more. `low` and `high` bound its
    Student interval of 1 - alpha over the replicates that have both, in pairs. `levels` are those
    of the first strategy, as "1 2 3". nan where there is nothing to compare: no common level, a
    count of 0, or, for the interval, one replicate.
    """
    rows = [
        {"layer": layer, "count": name, **row}
        for layer, of_layer in levels.groupby("layer", sort=False)
        for name, column in COUNTS.items()
        for row in _pairs(of_layer, column, alpha)
    ]
    return pd.DataFrame(rows, columns=list(_COLUMNS))


def _pairs(levels: pd.DataFrame, column: str, alpha: float) -> Iterator[dict[str, Any]]:
    strategies = [str(name) for name in levels["strategy"].unique() if name != DENSE]
    for first, second in combinations(strategies, 2):
        common = _common(levels, first, second)
        changes = _changes(levels, first, second, common, column)
        row: dict[str, Any] = {
            "strategy": first,
            "against": second,
            "levels": " ".join(str(level) for level, _ in common),
            "replicates": len(changes),
        }
        yield row | _judged(changes, alpha)


def _common(levels: pd.DataFrame, first: str, second: str) -> list[tuple[int, int]]:
    """Return the pairs of levels of two strategies that keep as many weights."""
    means = [
        levels[levels["strategy"] == name].groupby("level", as_index=False)["keep"].mean()
        for name in (first, second)
    ]
    keeps = [
        list(zip(each["level"].tolist(), each["keep"].tolist(), strict=True)) for each in means
    ]
    return [
        (a, b)
        for a, keep_a in keeps[0]
        for b, keep_b in keeps[1]
        if abs(keep_a - keep_b) <= _SAME_KEEP * max(keep_a, keep_b)
    ]


def _changes(
    levels: pd.DataFrame, first: str, second: str, common: list[tuple[int, int]], column: str
) -> np.ndarray:
    """Return the mean over levels of ln(count / count of the other), of each replicate."""
    counts = [
        levels[levels["strategy"] == name].pivot(index="replicate", columns="level", values=column)
        for name in (first, second)
    ]
    shared = counts[0].index.intersection(counts[1].index)
    a, b = (
        table.loc[shared, [pair[side] for pair in common]].to_numpy(float)
        for side, table in enumerate(counts)
    )
    is_whole = ~np.isnan(a - b).any(axis=1)
    if not common or (a[is_whole] == 0).any() or (b[is_whole] == 0).any():
        return np.empty(0)
    changes: np.ndarray = (np.log(a[is_whole]) - np.log(b[is_whole])).mean(axis=1)
    return changes


def _judged(changes: np.ndarray, alpha: float) -> dict[str, float]:
    mean, (low, high) = math.nan, (math.nan, math.nan)
    if len(changes):
        mean = float(changes.mean())
    if len(changes) > 1:
        error = float(changes.std(ddof=1)) / math.sqrt(len(changes))
        low, high = student_interval(mean, error, len(changes), alpha)
    return {"difference": math.expm1(mean), "low": math.expm1(low), "high": math.expm1(high)}
