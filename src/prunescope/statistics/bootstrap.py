"""How often is each image drawn when images are resampled, and how sure is a count then?

Method: docs/method.md, "Resampling images", after Efron & Tibshirani, An Introduction to the
Bootstrap, 1993.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Bool, Int64, Real, UInt16

from prunescope.base.seeding import derive_seed
from prunescope.comparison.outcomes import KEPT, LOST, RELABELLED
from prunescope.statistics.settings import ResamplingSettings

LEVEL = 0.95
"""Of intervals."""
CHANGE = "change"
"""How the name of a number ends that may be negative."""
_SMALLEST_SET = 20

_SHARES = {"still_interpretable", "same_concept", "kept_share"}
"""Which of the numbers that are resampled are shares; the others are counts, or `change`."""

Interval = tuple[float, float]


def strata_of(carries: Bool[np.ndarray, "image category"]) -> Int64[np.ndarray, " image"]:
    """Return for each image the set from which it is drawn, a number from 0.

    carries: whether an image carries a label of each category. Images that carry the same
    categories are a set; all sets of fewer than 20 images are one.
    """
    _, sets, sizes = np.unique(carries, axis=0, return_inverse=True, return_counts=True)
    merged = np.where(sizes < _SMALLEST_SET, len(sizes), np.arange(len(sizes)))
    strata: Int64[np.ndarray, " image"] = np.unique(merged[sets], return_inverse=True)[1]
    return strata


def draw_images(
    strata: Int64[np.ndarray, " image"], settings: ResamplingSettings
) -> UInt16[np.ndarray, "image draw"]:
    """Return how often each image is drawn: as many as there are, with replacement, set by set.

    More draws from one seed begin with the same ones.
    """
    random = np.random.default_rng(derive_seed(settings.seed, "resampling images"))
    weights = np.zeros((settings.draws, len(strata)), np.uint16)
    members = [np.flatnonzero(strata == number) for number in range(strata.max(initial=-1) + 1)]
    for drawn in weights:
        for images in members:
            chosen = random.integers(len(images), size=len(images))
            drawn[images] = np.bincount(chosen, minlength=len(images))
    return np.ascontiguousarray(weights.T)


def interval(
    observed: float,
    drawn: Real[np.ndarray, " draw"],
    *,
    least: float = 0.0,
    most: float = math.inf,
) -> Interval:
    """Return the 95 % interval of a count or a share, given its values in draws.

    It runs from the lower of the percentile and the basic (reflected) lower ends to the higher of
    the upper ends, since each alone covers too little, within what is possible (least, most).
    Draws in which a share is undefined (nan) do not count. nan where nothing is defined.
    """
    defined = drawn[~np.isnan(drawn)]
    if math.isnan(observed) or not len(defined):
        return math.nan, math.nan
    low, high = np.quantile(defined, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]).tolist()
    lower, upper = min(low, 2 * observed - high), max(high, 2 * observed - low)
    return max(least, lower), min(most, upper)


def intervals_of(
    observed: Mapping[str, Any], drawn: Mapping[str, Any], units: tuple[int, int]
) -> dict[str, Any]:
    """Return the interval of each of several numbers, [lower, upper], nested as these are.

    drawn: the values of each in the draws. None for a number that is undefined.
    units: how many units there are before and after, interpretable or not: counts of units, and of
        concepts, cannot be larger.
    """
    found: dict[str, Any] = {}
    for name, values in drawn.items():
        if isinstance(values, Mapping):
            found[name] = intervals_of(observed[name], values, units)
            continue
        value = math.nan if observed[name] is None else float(observed[name])
        least, most = _limits(name, *map(float, units))
        ends = interval(value, values, least=least, most=most)
        found[name] = None if math.isnan(value) else list(ends)
    return found


def _limits(name: str, before: float, after: float) -> Interval:
    """Return between which values a number lies, given how many units there are."""
    if name in _SHARES:
        return 0.0, 1.0
    if name.endswith(CHANGE):
        return -before, after
    both = min(before, after)
    return 0.0, {"a": before, LOST: before, KEPT: both, RELABELLED: both}.get(name, after)
