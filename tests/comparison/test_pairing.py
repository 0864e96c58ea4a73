"""Are units paired as their numbers or their profiles say?"""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layers import make_layer
from oracle.comparison import best_assignment
from prunescope.base.errors import ConfigError
from prunescope.comparison.pairing import (
    Pairs,
    assign,
    no_pairs,
    pair_by_number,
    pair_by_profile,
)


def as_set(pairs: Pairs) -> set[tuple[int, int]]:
    return set(zip(pairs.a.tolist(), pairs.b.tolist(), strict=True))


def test_units_of_equal_number_are_paired_wherever_they_stand() -> None:
    pairs = pair_by_number(pd.DataFrame({"unit": [2, 0, 1]}), pd.DataFrame({"unit": [0, 1, 2]}))
    assert as_set(pairs) == {(1, 0), (2, 1), (0, 2)}
    assert np.isnan(pairs.distance).all()


@pytest.mark.parametrize("other", [[0, 1], [0, 1, 3]])
def test_layers_of_other_units_are_not_paired_by_number(other: list[int]) -> None:
    with pytest.raises(ConfigError, match=r"A has 3 units and B \d.*--match concept"):
        pair_by_number(pd.DataFrame({"unit": [0, 1, 2]}), pd.DataFrame({"unit": other}))


def test_a_profile_is_the_iou_with_every_label_and_0_where_it_is_undefined() -> None:
    first = make_layer({"red": 200, "dog": 100}, {}, {"cat": 100}).overlap
    second = make_layer({"cat": 200}, {"red": 200, "dog": 100}).overlap
    pairs = pair_by_profile(first, second)
    assert as_set(pairs) == {(0, 1), (2, 0)}
    assert pairs.distance.tolist() == [0, pytest.approx(200 / 1800 - 100 / 1900)]


def test_profiles_of_other_labels_are_not_matched() -> None:
    overlap = make_layer({"red": 200}).overlap
    other = replace(overlap, label_numbers=overlap.label_numbers + 1)
    with pytest.raises(ConfigError, match="the counts of A are of 4 labels"):
        pair_by_profile(overlap, other)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), units=st.integers(1, 30), labels=st.integers(1, 20))
def test_permuted_units_are_found_again_exactly(seed: int, units: int, labels: int) -> None:
    random = np.random.default_rng(seed)
    ious = random.uniform(0, 0.4, (units, labels))
    order = random.permutation(units)
    pairs = assign(ious, ious[order])
    assert as_set(pairs) == {(int(row), index) for index, row in enumerate(order)}
    assert (pairs.distance == 0).all()


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), a=st.integers(1, 5), b=st.integers(1, 5))
def test_no_other_assignment_differs_less(seed: int, a: int, b: int) -> None:
    random = np.random.default_rng(seed)
    first, second = random.uniform(0, 1, (a, 3)), random.uniform(0, 1, (b, 3))
    pairs = assign(first, second)
    assert len(pairs.a) == min(a, b) == len({*pairs.a.tolist()}) == len({*pairs.b.tolist()})
    most = max(a, b)
    padded = [np.pad(ious, [(0, most - len(ious)), (0, 0)]) for ious in (first, second)]
    costs = [[float(((row - other) ** 2).sum()) for other in padded[1]] for row in padded[0]]
    alone = [np.delete(first, pairs.a, axis=0), np.delete(second, pairs.b, axis=0)]
    found = (pairs.distance**2).sum() + sum((ious**2).sum() for ious in alone)
    assert np.isclose(found, best_assignment(costs))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), silent=st.integers(1, 4))
def test_units_that_see_nothing_change_no_pair(seed: int, silent: int) -> None:
    random = np.random.default_rng(seed)
    first, second = random.uniform(0.01, 1, (5, 3)), random.uniform(0.01, 1, (3, 3))
    more = np.vstack([first, np.zeros((silent, 3))])
    expected = as_set(assign(first, second))
    assert as_set(assign(more, second)) == expected


def test_without_pairs_there_is_none() -> None:
    assert as_set(no_pairs()) == set()
