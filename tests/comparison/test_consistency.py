import math
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prunescope.comparison.levels import measure_consistency
from unit_tables import make_units


def test_both_shares_are_those_counted_by_hand() -> None:
    unpruned = make_units(("red", 0.2), ("cat", 0.2), ("dog", 0.2), ("red", 0.2), ("red", 0.01))
    pruned = make_units(("red", 0.1), ("dog", 0.2), ("dog", 0.01), None, ("red", 0.2))
    consistency = measure_consistency(unpruned, pruned)
    assert consistency["still_interpretable"] == 2 / 4
    assert consistency["still_interpretable_count"] == 2
    assert consistency["same_concept"] == 1 / 2
    assert consistency["same_concept_count"] == 1


def test_units_are_matched_by_number_not_by_place() -> None:
    unpruned = make_units(("red", 0.2), ("cat", 0.2), ("dog", 0.2))
    shuffled = unpruned.iloc[[2, 0, 1]].reset_index(drop=True)
    assert measure_consistency(unpruned, shuffled)["same_concept_count"] == 3


def test_a_removed_filter_is_no_longer_interpretable() -> None:
    unpruned = make_units(("red", 0.2), ("cat", 0.2), ("dog", 0.2))
    consistency = measure_consistency(unpruned, unpruned[unpruned["unit"] != 1])
    assert consistency["still_interpretable"] == 2 / 3
    assert consistency["same_concept"] == 1


def test_a_share_of_nothing_is_undefined() -> None:
    none, some = make_units(("red", 0.01)), make_units(("red", 0.2))
    assert math.isnan(measure_consistency(none, some)["still_interpretable"])
    lost = measure_consistency(some, none)
    assert lost["still_interpretable"] == 0
    assert math.isnan(lost["same_concept"])


def test_concepts_survive_whichever_unit_sees_them() -> None:
    unpruned = make_units(("red", 0.2), ("cat", 0.2), ("dog", 0.2), ("blue", 0.01))
    pruned = make_units(("dog", 0.2), ("red", 0.2), ("blue", 0.2), ("cat", 0.01))
    consistency = measure_consistency(unpruned, pruned)
    assert consistency["concept_survival"] == 2 / 3
    assert consistency["concept_survival_count"] == 2
    none = make_units(("red", 0.01))
    assert math.isnan(measure_consistency(none, none)["concept_survival"])


def test_chance_is_the_mean_over_all_orders_of_the_later_units() -> None:
    unpruned = make_units(("red", 0.2), ("cat", 0.2), ("red", 0.2), ("cat", 0.01))
    pruned = make_units(("red", 0.2), ("dog", 0.2), ("cat", 0.2), ("red", 0.01))
    permuted = [
        measure_consistency(unpruned, pruned.assign(unit=list(order)))
        for order in permutations(range(4))
    ]
    consistency = measure_consistency(unpruned, pruned)
    still = [each["still_interpretable"] for each in permuted]
    assert consistency["still_interpretable_chance"] == pytest.approx(sum(still) / 24)
    kept = sum(each["same_concept_count"] for each in permuted)
    both = sum(each["still_interpretable_count"] for each in permuted)
    assert consistency["same_concept_chance"] == pytest.approx(kept / both)


def test_of_removed_filters_chance_counts_all_places() -> None:
    unpruned = make_units(("red", 0.2), ("cat", 0.2), ("red", 0.2), ("cat", 0.2))
    left = unpruned[unpruned["unit"] < 2]
    assert measure_consistency(unpruned, left)["still_interpretable_chance"] == 2 / 4


units_strategy = st.lists(
    st.tuples(st.sampled_from(["red", "blue", "cat"]), st.sampled_from([0.01, 0.2])), min_size=1
)


@settings(max_examples=25, deadline=None)
@given(units=units_strategy)
def test_a_network_is_consistent_with_itself(units: list[tuple[str, float]]) -> None:
    table = make_units(*units)
    consistency = measure_consistency(table, table)
    count = int(table["interpretable"].sum())
    assert consistency["same_concept_count"] == consistency["still_interpretable_count"] == count


@settings(max_examples=25, deadline=None)
@given(
    pairs=st.lists(st.tuples(*[st.sampled_from(["red", "cat"]), st.sampled_from([0.01, 0.2])] * 2))
)
def test_the_counts_are_the_same_in_both_directions(
    pairs: list[tuple[str, float, str, float]],
) -> None:
    before = make_units(*[pair[:2] for pair in pairs])
    after = make_units(*[pair[2:] for pair in pairs])
    forward, backward = measure_consistency(before, after), measure_consistency(after, before)
    assert forward["still_interpretable_count"] == backward["still_interpretable_count"]
    assert forward["same_concept_count"] == backward["same_concept_count"]
    assert forward["same_concept_count"] <= forward["still_interpretable_count"]
    assert forward["still_interpretable_count"] <= before["interpretable"].sum()
