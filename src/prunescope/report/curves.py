"""Which lines does a table of levels hold: of replicates, and of means over them?"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from prunescope.report.settings import Lines
from prunescope.results.layout import DENSE
from prunescope.statistics.equivalence import student_interval

_ALPHA = 0.05
_FEWEST = 3  # replicates; of two, the interval would say nothing


@dataclass(frozen=True, kw_only=True)
class Curve:
    """The levels of one replicate under one strategy, level 0 first."""

    replicate: int
    strategy: str
    rows: pd.DataFrame


@dataclass(frozen=True, kw_only=True)
class Means:
    """One column of a strategy's levels, in the mean over replicates.

    keep: the fraction of weights left. low, high: the 95 % Student interval of the mean; nan where
    there are fewer than three replicates, whose interval would say nothing.
    """

    keep: np.ndarray
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray


def strategies_of(levels: pd.DataFrame) -> list[str]:
    """Return the strategies in their order; only "dense", level 0's, if there is no other."""
    return [str(name) for name in levels["strategy"].unique() if name != DENSE] or [DENSE]


def curves_of(levels: pd.DataFrame) -> Iterator[Curve]:
    """Yield the curve of each strategy and replicate; all strategies start from level 0."""
    for strategy in strategies_of(levels):
        for replicate in replicates_of(levels):
            rows = _of_strategy(levels, strategy)
            rows = rows[rows["replicate"] == replicate].sort_values("level")
            yield Curve(replicate=replicate, strategy=strategy, rows=rows)


def replicates_of(levels: pd.DataFrame) -> list[int]:
    """Return the replicates, ascending."""
    return sorted(int(number) for number in levels["replicate"].unique())


def means_of(levels: pd.DataFrame, strategy: str, column: str) -> Means:
    """Return the means of a column over the replicates in which it is defined, level by level."""
    by_level = _of_strategy(levels, strategy).groupby("level")
    values = [group.dropna().to_numpy(float) for _, group in by_level[column]]
    ends = [_interval(each) for each in values]
    return Means(
        keep=by_level["keep"].mean().to_numpy(float),
        mean=np.array([each.mean() if len(each) else math.nan for each in values]),
        low=np.array([low for low, _ in ends]),
        high=np.array([high for _, high in ends]),
    )


def has_bands(levels: pd.DataFrame, lines: Lines) -> bool:
    """Return whether there are enough replicates for bands, and they are asked for."""
    return lines == "means" and len(replicates_of(levels)) >= _FEWEST


def _of_strategy(levels: pd.DataFrame, strategy: str) -> pd.DataFrame:
    """Return the rows of a strategy, and of level 0, from which all start."""
    return levels[levels["strategy"].isin([DENSE, strategy])]


def _interval(values: np.ndarray) -> tuple[float, float]:
    if len(values) < _FEWEST:
        return math.nan, math.nan
    error = float(values.std(ddof=1)) / math.sqrt(len(values))
    return student_interval(float(values.mean()), error, len(values), _ALPHA)
