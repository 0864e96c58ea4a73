"""Which units of two layers correspond to each other?"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float64, Int64

from prunescope.base.errors import ConfigError
from prunescope.base.text import counted
from prunescope.results.overlap import Overlap


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """Units of A and B that correspond, one to one.

    a, b: their rows in the two tables. distance: between their IoU profiles; nan where units
    were not matched by them.
    """

    a: Int64[np.ndarray, " pair"]
    b: Int64[np.ndarray, " pair"]
    distance: Float64[np.ndarray, " pair"]


def no_pairs() -> Pairs:
    """Return no pairs."""
    no_rows = np.empty(0, np.int64)
    return Pairs(a=no_rows, b=no_rows, distance=np.empty(0))


def pair_by_number(a: pd.DataFrame, b: pd.DataFrame, *, partly: bool = False) -> Pairs:
    """Pair the units of equal number.

    partly: whether units may be on one side alone, because they were removed from the network of
    the other. Otherwise raises ConfigError where the layers differ in units.
    """
    numbers_a, numbers_b = (np.asarray(table["unit"], np.int64) for table in (a, b))
    alike = len(numbers_a) == len(numbers_b) and set(numbers_a.tolist()) == set(numbers_b.tolist())
    if not alike and not partly:
        raise ConfigError(
            f"A has {counted(len(numbers_a), 'unit')} and B {len(numbers_b):,}, so their numbers "
            "do not say which is which: compare with --match concept, or --match profile"
        )
    _, first, second = np.intersect1d(numbers_a, numbers_b, assume_unique=True, return_indices=True)
    return Pairs(a=first, b=second, distance=np.full(len(first), np.nan))


def pair_by_profile(a: Overlap, b: Overlap) -> Pairs:
    """Pair units so that their IoU profiles differ least: the best one-to-one assignment.

    A unit's profile is its IoU with every label of the set, 0 where it is undefined. Raises
    ConfigError where the counts are not of the same labels.
    """
    if not np.array_equal(a.label_numbers, b.label_numbers):
        raise ConfigError(
            f"the counts of A are of {counted(len(a.label_numbers), 'label')} and those of B of "
            f"{len(b.label_numbers):,} others: units cannot be matched by their profiles"
        )
    return assign(*(np.nan_to_num(overlap.iou, nan=0.0) for overlap in (a, b)))


def assign(a: Float64[np.ndarray, "unit label"], b: Float64[np.ndarray, "other label"]) -> Pairs:
    """Return the assignment of profiles with the least sum of squared Euclidean distances.

    If the layers differ in size, the surplus units of the larger one have no partner and count as
    if paired with units whose IoU is 0 everywhere; so units without any IoU never change a pair. A
    unit that fits its labels well weighs more than one that fits none (docs/comparing.md).
    """
    from scipy.optimize import linear_sum_assignment  # slow to import

    # In |p - q|^2 = |p|^2 + |q|^2 - 2 pq the squares are the same for every assignment. Without
    # them the search is also faster: 0.7 s instead of 3.6 s for 2,048 unlike units.
    first, second = linear_sum_assignment(a @ b.T, maximize=True)
    apart = a[first] - b[second]
    return Pairs(a=first, b=second, distance=np.sqrt((apart * apart).sum(axis=1)))
