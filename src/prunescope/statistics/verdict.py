"""Does pruning change what a network sees, for as long as its accuracy holds?"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from prunescope.base.text import counted
from prunescope.results.layout import DENSE
from prunescope.statistics.equivalence import (
    ROUNDING,
    Interval,
    Judged,
    judge,
    student_interval,
)
from prunescope.statistics.settings import VerdictSettings

COUNTS = {"units": "interpretable", "concepts": "concepts"}
"""What a verdict is on, and its column in the table of levels."""
OPEN = "not enough evidence"
_ROUNDING_OF_POINTS = 1e-9  # of accuracies: 100 * (0.7 - 0.69) is above 1
ImageVariance = Callable[[str, str, str, Sequence[int]], float]
"""Of a layer, a strategy, a column of the table of levels and pruned levels."""


@dataclass(frozen=True, kw_only=True)
class CountByLevel:
    """One count of one layer under one strategy, in every replicate (docs/method.md).

    counts, accuracy: a row per replicate, a column per level, level 0 first; accuracy is a share.
    twins: the count of each dense twin, a row per replicate; no columns where there are none.
    """

    counts: np.ndarray
    accuracy: np.ndarray
    twins: np.ndarray

    @property
    def replicates(self) -> int:
        """How many there are."""
        return len(self.counts)

    @property
    def pruned(self) -> range:
        """The numbers of the pruned levels."""
        return range(1, self.counts.shape[1])

    def holding(self, settings: VerdictSettings) -> list[int]:
        """Return the pruned levels at which accuracy holds."""
        lost = self._lost
        holds = (lost.mean(axis=0) <= settings.mean_loss + _ROUNDING_OF_POINTS) & (
            lost.max(axis=0) <= settings.largest_loss + _ROUNDING_OF_POINTS
        )
        return [int(level) for level in np.flatnonzero(holds) + 1]

    def falling(self, settings: VerdictSettings) -> list[int]:
        """Return the pruned levels at which accuracy is known, and does not hold."""
        finite = np.flatnonzero(np.isfinite(self._lost).all(axis=0)) + 1
        return [int(level) for level in np.setdiff1d(finite, self.holding(settings))]

    @property
    def _lost(self) -> np.ndarray:
        """Accuracy lost since level 0, in points: a row per replicate, a column per level."""
        lost: np.ndarray = 100 * (self.accuracy[:, :1] - self.accuracy[:, 1:])
        return lost

    def changes(self, levels: Sequence[int]) -> np.ndarray:
        """Return ln(count / baseline) of each replicate and of these levels.

        The baseline is level 0's count or, with twins, the geometric mean of all of them.
        """
        baseline = np.log(np.column_stack([self.counts[:, 0], self.twins])).mean(axis=1)
        changes: np.ndarray = np.log(self.counts[:, list(levels)]) - baseline[:, None]
        return changes


def verdicts(
    levels: pd.DataFrame,
    twins: pd.DataFrame | None,
    settings: VerdictSettings,
    *,
    looks: int = 1,
    unfinished: str = "",
    image_variance: ImageVariance | None = None,
) -> dict[str, dict[str, dict[str, Any]]]:
    """Return the verdict on units and on concepts, by layer and strategy.

    levels, twins: the tables of a run. looks: how many verdicts there were with this one, over
    different numbers of replicates. unfinished: what is missing, where the study is not finished;
    then there is none yet. image_variance: what other images add, as
    `ResampledLevels.change_variance`. Each verdict is as `verdict_on` returns it.
    """
    return {
        str(layer): {
            strategy: {
                name: verdict_on(
                    _count_by_level(of_layer, _of_layer(twins, layer), strategy, column),
                    settings,
                    looks=looks,
                    unfinished=unfinished,
                    image_variance=image_variance
                    and partial(image_variance, str(layer), strategy, column),
                )
                for name, column in COUNTS.items()
            }
            for strategy in map(str, of_layer["strategy"].unique())
            if strategy != DENSE
        }
        for layer, of_layer in levels.groupby("layer", sort=False)
    }


def verdict_on(
    by_level: CountByLevel,
    settings: VerdictSettings,
    *,
    looks: int = 1,
    unfinished: str = "",
    image_variance: Callable[[Sequence[int]], float] | None = None,
) -> dict[str, Any]:
    """Return a verdict as plain values; what is undefined is None.

    `verdict` is A (unchanged while accuracy holds), B (more), C (fewer) or "not enough evidence",
    and `reason` says why it is that; `effect` is the mean change, as a share of the baseline, its
    `interval` of 1 - alpha and `interval_of_a` of 1 - 2 alpha, over `replicates`, and
    `interval_for_new_images` of 1 - alpha, where `image_variance` is given; `levels` are
    those at which accuracy holds, `sparsest` the change at the last of them; `twins` is the change
    of dense twins against level 0 and its interval; `needed` is how many replicates would decide;
    `accuracy_falls_at` and `count_falls_at` are the first levels at which accuracy, where it is
    known of every replicate, does not hold, and the mean count is more than the margin below the
    baseline; `alpha` is that of each look.
    """
    alpha = settings.alpha / looks
    holding = by_level.holding(settings)
    undefined = _undefined(by_level, holding)
    reason = unfinished or undefined
    judged = None
    if by_level.replicates < 2:
        reason = reason or "one replicate shows no spread: a verdict takes two or more"
    elif not reason:
        changes = by_level.changes(holding).mean(axis=1)
        later = settings.alpha / (looks + 1)  # of a verdict over more replicates
        judged = judge(changes.tolist(), margin=settings.margin, alpha=alpha, later=later)
        reason = "" if judged.letter else "the interval is too wide to decide"
    return {
        "verdict": judged.letter if judged and judged.letter else OPEN,
        "reason": reason or None,
        "effect": None if undefined else _share(float(by_level.changes(holding).mean())),
        "interval": _shares(judged.interval) if judged else None,
        "interval_of_a": _shares(judged.within) if judged else None,
        "interval_for_new_images": _for_new_images(
            by_level, holding, judged, alpha, image_variance
        ),
        "sparsest": None if undefined else _sparsest(by_level, holding),
        "twins": _of_twins(by_level, alpha),
        "levels": holding,
        "replicates": by_level.replicates,
        "needed": judged.needed if judged else None,
        "accuracy_falls_at": min(by_level.falling(settings), default=None),
        "count_falls_at": _falls_at(by_level, settings.margin),
        "alpha": alpha,
        "looks": looks,
    }


def _undefined(by_level: CountByLevel, holding: Sequence[int]) -> str:
    """Return why there is no mean change; empty where there is one."""
    if not holding:
        is_known = np.isfinite(by_level.accuracy).all()
        return f"accuracy holds at no pruned level{'' if is_known else ' of which it is known'}"
    if (by_level.counts[:, 0] == 0).any() or (by_level.twins == 0).any():
        return "a count of 0 at level 0 leaves nothing to compare with"
    zeros = (by_level.counts == 0).sum(axis=0)
    empty = next((level for level in holding if zeros[level]), None)
    if empty is not None:
        return f"the count is 0 at level {empty} in {counted(int(zeros[empty]), 'replicate')}"
    if not np.isfinite(by_level.counts[:, [0, *holding]]).all():
        return "levels are missing"
    return "" if np.isfinite(by_level.twins).all() else "dense twins are missing"


def _for_new_images(
    by_level: CountByLevel,
    holding: Sequence[int],
    judged: Judged | None,
    alpha: float,
    image_variance: Callable[[Sequence[int]], float] | None,
) -> list[float] | None:
    """Return the interval whose standard error is at least what other images make of the mean."""
    if judged is None or image_variance is None:
        return None
    changes = by_level.changes(holding).mean(axis=1)
    of_training = float(changes.var(ddof=1)) / by_level.replicates
    of_images = image_variance(holding)
    if not math.isfinite(of_images):
        return None
    error = math.sqrt(max(of_training, of_images))
    return _shares(student_interval(judged.mean, error, by_level.replicates, alpha))


def _sparsest(by_level: CountByLevel, holding: Sequence[int]) -> dict[str, Any]:
    last = holding[-1]
    return {"level": last, "effect": _share(float(by_level.changes([last]).mean()))}


def _of_twins(by_level: CountByLevel, alpha: float) -> dict[str, Any] | None:
    """Return how much twins differ from level 0: the noise ceiling of the change."""
    counts = np.column_stack([by_level.counts[:, 0], by_level.twins])
    if by_level.twins.shape[1] == 0 or not (counts > 0).all():
        return None
    changes = (np.log(counts[:, 1:]) - np.log(counts[:, :1])).mean(axis=1)
    interval = None
    if by_level.replicates > 1:
        error = float(changes.std(ddof=1)) / math.sqrt(len(changes))
        interval = _shares(student_interval(float(changes.mean()), error, len(changes), alpha))
    return {"effect": _share(float(changes.mean())), "interval": interval}


def _falls_at(by_level: CountByLevel, margin: float) -> int | None:
    """Return the first level whose mean count, on a logarithmic scale, is below the margin."""
    if (by_level.counts[:, 0] == 0).any() or (by_level.twins == 0).any():
        return None
    with np.errstate(divide="ignore"):  # a count of 0 has fallen
        means = by_level.changes(by_level.pruned).mean(axis=0)
    pairs, lowest = zip(by_level.pruned, means, strict=True), math.log1p(-margin) - ROUNDING
    return next((level for level, mean in pairs if mean < lowest), None)


def _count_by_level(
    levels: pd.DataFrame, twins: pd.DataFrame | None, strategy: str, column: str
) -> CountByLevel:
    chosen = levels[levels["strategy"].isin([DENSE, strategy])]
    every = range(int(chosen["level"].max()) + 1)
    counts, accuracy = (
        chosen.pivot(index="replicate", columns="level", values=name).reindex(columns=every)
        for name in (column, "accuracy")
    )
    twin_counts = np.empty((len(counts), 0))
    if twins is not None:
        by_name = twins.pivot(index="replicate", columns="strategy", values=column)
        twin_counts = by_name.reindex(counts.index).to_numpy(float)
    return CountByLevel(
        counts=counts.to_numpy(float), accuracy=accuracy.to_numpy(float), twins=twin_counts
    )


def _of_layer(table: pd.DataFrame | None, layer: Any) -> pd.DataFrame | None:
    return None if table is None else table[table["layer"] == layer]


def _share(change: float) -> float:
    """Return a change in logarithms as a share of the baseline."""
    return math.expm1(change)


def _shares(interval: Interval) -> list[float]:
    return [_share(interval[0]), _share(interval[1])]
