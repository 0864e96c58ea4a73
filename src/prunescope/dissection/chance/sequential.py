"""How many draws of chance does it take to decide which units are beyond chance?

Method: Besag & Clifford, "Sequential Monte Carlo p-values", 1991; Benjamini & Hochberg,
"Controlling the false discovery rate", 1995 (docs/method.md).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from jaxtyping import Bool, Float64, Int64

RATE = Fraction(1, 20)
"""Share of the discoveries that may be false, in expectation."""

ENOUGH = 10
"""A unit's p is final after this number of draws that do as well as its labels."""

FIRST_LOOK = 64
"""The first decision is tried after this number of draws, the next whenever it has doubled."""


def most_draws(tested: int) -> int:
    """Return the number of draws that decide everything: the lowest p is then RATE / tested."""
    return max(1, math.ceil(tested / RATE) - 1)


def looks(max_draws: int) -> Iterator[int]:
    """Yield the numbers of draws after which a decision is tried: 64, 128, ..., the maximum."""
    draws = FIRST_LOOK
    while draws < max_draws:
        yield draws
        draws *= 2
    yield max_draws


@dataclass(frozen=True, kw_only=True)
class Standing:
    """The state of the units after a number of draws.

    draws: how many were made. made: how many of them count for each unit: all, or those up to its
    10th as good a draw (ENOUGH). as_good: how many of these do as well as its labels or better.
    """

    draws: int
    made: Int64[np.ndarray, " unit"]
    as_good: Int64[np.ndarray, " unit"]

    @property
    def open(self) -> Bool[np.ndarray, " unit"]:
        """Whether further draws may change a unit's p."""
        is_open: Bool[np.ndarray, " unit"] = self.as_good < ENOUGH
        return is_open

    def p(self) -> Float64[np.ndarray, " unit"]:
        """Return the p of units that have stopped; nan for open ones."""
        return np.where(self.open, np.nan, ENOUGH / self.made)

    def highest(self, max_draws: int) -> Float64[np.ndarray, " unit"]:
        """Return the highest p still possible for each unit after max_draws draws."""
        soonest = np.minimum(self.draws + ENOUGH - self.as_good, max_draws + 1)
        return np.where(self.open, ENOUGH / soonest, self.p())

    def lowest(self, max_draws: int) -> Float64[np.ndarray, " unit"]:
        """Return the lowest p still possible for each unit after max_draws draws."""
        return np.where(self.open, (self.as_good + 1) / (max_draws + 1), self.p())


def standing(as_good: Bool[np.ndarray, "unit draw"], draws: int) -> Standing:
    """Return the state of units, each of which stops after ENOUGH draws as good as its labels.

    as_good: whether each draw is as good; draws after the one that stops a unit do not count.
    """
    so_far = as_good[:, :draws]
    counts = so_far.sum(axis=1)
    made = np.full(len(as_good), draws, np.int64)
    for unit in np.flatnonzero(counts >= ENOUGH).tolist():
        made[unit] = np.flatnonzero(so_far[unit])[ENOUGH - 1] + 1
    return Standing(draws=draws, made=made, as_good=np.minimum(counts, ENOUGH).astype(np.int64))


def discoveries(
    p: Float64[np.ndarray, " unit"], candidates: Bool[np.ndarray, " unit"]
) -> Bool[np.ndarray, " unit"]:
    """Mark the candidates that pass, by Benjamini and Hochberg, over all units whose p is not nan.

    In expectation at most RATE of them are false.
    """
    tested = int((~np.isnan(p)).sum())
    ascending = np.sort(p[candidates])
    bounds = float(RATE) * np.arange(1, len(ascending) + 1) / max(1, tested)
    passing = np.flatnonzero(ascending <= bounds * (1 + 1e-12))  # p and bound are quotients
    if len(passing) == 0:
        return np.zeros(len(p), np.bool_)
    discovered: Bool[np.ndarray, " unit"] = candidates & (p <= ascending[passing[-1]])
    return discovered


def decided(
    state: Standing, candidates: Bool[np.ndarray, " unit"], tested: Bool[np.ndarray, " unit"]
) -> bool:
    """Return whether the same units pass, whatever the remaining draws give."""
    max_draws = most_draws(int(tested.sum()))
    high, low = (
        discoveries(np.where(tested, p, np.nan), candidates)
        for p in (state.highest(max_draws), state.lowest(max_draws))
    )
    return state.draws >= max_draws or bool(np.array_equal(high, low))


def undecided(
    p: Float64[np.ndarray, " unit"],
    as_good: Int64[np.ndarray, " unit"],
    candidates: Bool[np.ndarray, " unit"],
    draws: int,
) -> Bool[np.ndarray, " unit"]:
    """Mark the units that do not pass after a fixed number of draws, but may after more.

    These would pass if the p of every open candidate were 0. p: nan for units that are not tested.
    as_good: how many draws do as well as each unit's labels.
    """
    if draws >= most_draws(int((~np.isnan(p)).sum())):
        return np.zeros(len(p), np.bool_)
    at_best = np.where(candidates & (as_good < ENOUGH), 0.0, p)
    might: Bool[np.ndarray, " unit"] = discoveries(at_best, candidates)
    might &= ~discoveries(p, candidates)
    return might
