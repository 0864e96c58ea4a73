"""Did a mean over replicates change, stay as it was, or is that open?"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np

Letter = Literal["A", "B", "C"]
Interval = tuple[float, float]

ROUNDING = 1e-12
"""Of logarithms of counts: ln(90) - ln(100) is below ln(0.9) in float64."""
MOST_REPLICATES = 100
"""Up to which more of them are planned."""


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A mean change, in natural logarithms of a ratio, and what may be said of it.

    interval: the Student interval of 1 - alpha. within: that of 1 - 2 alpha, which must lie within
    the margin for "unchanged". letter: A (unchanged), B (more) or C (less); None while it is open.
    needed: the smallest number of replicates that would decide at this mean and spread, at the risk
    of a later verdict; None where it is decided, or more than 100 would be needed.
    """

    mean: float
    interval: Interval
    within: Interval
    letter: Letter | None
    needed: int | None


def judge(
    changes: Sequence[float], *, margin: float, alpha: float, later: float | None = None
) -> Judged:
    """Judge the changes of two or more replicates (docs/method.md, "The verdict").

    A rests on two one-sided tests (Schuirmann 1987).
    changes: of each replicate, the logarithm of a ratio. margin: a share in (0, 1); ratios from
    1 - margin to 1 / (1 - margin) are unchanged. alpha: in (0, 0.5). later: that of a verdict over
    more replicates; the same when None.
    """
    mean, spread = float(np.mean(changes)), float(np.std(changes, ddof=1))
    count = len(changes)
    letter = _letter(mean, spread, count, margin, alpha)
    plan = (
        n for n in range(2, MOST_REPLICATES + 1) if _letter(mean, spread, n, margin, later or alpha)
    )
    return Judged(
        mean=mean,
        interval=student_interval(mean, spread / math.sqrt(count), count, alpha),
        within=student_interval(mean, spread / math.sqrt(count), count, 2 * alpha),
        letter=letter,
        needed=None if letter else next((n for n in plan if n > count), None),
    )


def student_interval(mean: float, error: float, count: int, alpha: float) -> Interval:
    """Return the interval of 1 - alpha about a mean of `count` values.

    error: its standard error.
    """
    half = _quantile(1 - alpha / 2, count - 1) * error
    return mean - half, mean + half


@cache
def _quantile(share: float, degrees: int) -> float:
    """Return a quantile of Student's distribution."""
    from scipy.special import stdtrit  # which scipy.stats calls, and takes seconds to import

    return float(stdtrit(degrees, share))


def _letter(mean: float, spread: float, count: int, margin: float, alpha: float) -> Letter | None:
    bound, error = -math.log1p(-margin) + ROUNDING, spread / math.sqrt(count)
    low, high = student_interval(mean, error, count, alpha)
    if low > bound:
        return "B"
    if high < -bound:
        return "C"
    low, high = student_interval(mean, error, count, 2 * alpha)
    return "A" if low >= -bound and high <= bound else None
