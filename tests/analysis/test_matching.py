"""Are units paired as their numbers or their profiles say?"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layers import make_layer
from oracle.comparison import best_assignment
from prunescope.analysis.matching import (
    Pairs,
    Profiles,
    no_pairs,
    pair_by_number,
    pair_by_profile,
    profiles_of,
)
from prunescope.base.errors import ConfigError, DataError
from prunescope.base.tensors import load_tensors, save_tensors


def profiles(ious: np.ndarray) -> Profiles:
    return Profiles(ious=ious, label_numbers=np.arange(ious.shape[1]))


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
    found = profiles_of(make_layer({"red": 200, "dog": 100}, {}).overlap)
    assert found.ious.tolist() == [[200 / 1800, 0, 0, 100 / 1900], [0, 0, 0, 0]]
    assert found.label_numbers.tolist() == [1, 2, 3, 4]


def test_saved_counts_give_the_same_profiles(tmp_path: Path) -> None:
    layer = make_layer({"red": 200, "dog": 100}, {"cat": 3})
    layer.save(tmp_path)
    saved, held = profiles_of(tmp_path / "overlap.safetensors"), profiles_of(layer.overlap)
    assert np.array_equal(saved.ious, held.ious)
    assert np.array_equal(saved.label_numbers, held.label_numbers)


def test_counts_without_the_labels_categories_are_refused(tmp_path: Path) -> None:
    make_layer({"red": 200}).save(tmp_path)
    path = tmp_path / "overlap.safetensors"
    tensors = load_tensors(path)
    del tensors["category_of"]
    save_tensors(path, tensors)
    with pytest.raises(DataError, match=r"overlap\.safetensors has no category_of.*dissect again"):
        profiles_of(path)


def test_a_table_of_network_dissection_has_no_profiles() -> None:
    with pytest.raises(ConfigError, match="best labels only"):
        profiles_of(None)


def test_profiles_of_other_labels_are_not_matched() -> None:
    with pytest.raises(ConfigError, match="the counts of A are of 3 labels"):
        pair_by_profile(profiles(np.eye(3)), profiles(np.ones((3, 2))))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), units=st.integers(1, 30), labels=st.integers(1, 20))
def test_permuted_units_are_found_again_exactly(seed: int, units: int, labels: int) -> None:
    random = np.random.default_rng(seed)
    ious = random.uniform(0, 0.4, (units, labels))
    order = random.permutation(units)
    pairs = pair_by_profile(profiles(ious), profiles(ious[order]))
    assert as_set(pairs) == {(int(place), index) for index, place in enumerate(order)}
    assert (pairs.distance == 0).all()


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), a=st.integers(1, 5), b=st.integers(1, 5))
def test_no_other_assignment_differs_less(seed: int, a: int, b: int) -> None:
    random = np.random.default_rng(seed)
    first, second = random.uniform(0, 1, (a, 3)), random.uniform(0, 1, (b, 3))
    pairs = pair_by_profile(profiles(first), profiles(second))
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
    expected = as_set(pair_by_profile(profiles(first), profiles(second)))
    assert as_set(pair_by_profile(profiles(more), profiles(second))) == expected


def test_without_pairs_there_is_none() -> None:
    assert as_set(no_pairs()) == set()
