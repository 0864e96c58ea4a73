"""Is what became of units and concepts what one counts by hand?"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oracle.comparison import Unit, concept_counts, unit_counts
from prunescope.comparison.levels import measure_consistency
from prunescope.comparison.outcomes import LayerComparison, compare_units, count_outcomes
from prunescope.comparison.pairing import Pairs, no_pairs, pair_by_number
from prunescope.results.units import count_units
from unit_tables import make_units

CATEGORIES = ("color", "object", "scene")


def compared(
    a: pd.DataFrame, b: pd.DataFrame, *, pairs: Pairs | None = None, match: str = "identity"
) -> LayerComparison:
    return compare_units(
        a,
        b,
        layers=("layer4", "layer4"),
        categories=CATEGORIES,
        pairs=pair_by_number(a, b) if pairs is None else pairs,
        match=match,
        iou=0.05,
    )


@pytest.fixture
def world() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Seven units: kept, relabelled twice, lost twice (one dies), gained, in neither."""
    a = make_units(
        *[("red", 0.2), ("cat", 0.2), ("dog", 0.2), ("cat", 0.2), ("blue", 0.3)],
        *[("dog", 0.01), (None, 0)],
    )
    b = make_units(
        *[("red", 0.1), ("dog", 0.2), ("red", 0.2), ("cat", 0.05), None],
        *[("cat", 0.06), ("blue", 0.04)],
    )
    return a, b


def test_each_unit_ends_as_counted_by_hand(world: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    outcomes = compared(*world).units["outcome"].tolist()
    assert outcomes == ["kept", "relabelled", "relabelled", "lost", "lost", "gained", "neither"]


def test_each_concept_ends_as_counted_by_hand(world: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    concepts = compared(*world).concepts
    rows = concepts[["category", "concept", "outcome", "units_a", "units_b"]].to_numpy().tolist()
    assert rows == [
        ["color", "blue", "lost", 1, 0],
        ["color", "red", "kept", 1, 2],
        ["object", "cat", "kept", 2, 1],
        ["object", "dog", "kept", 1, 1],
    ]


def test_counts_and_shares_are_those_counted_by_hand(
    world: tuple[pd.DataFrame, pd.DataFrame],
) -> None:
    counts = count_outcomes(compared(*world))
    assert counts["units"] == {
        **{"total_a": 7, "total_b": 7, "dead_a": 0, "dead_b": 1, "a": 5, "b": 4},
        **{"kept": 1, "relabelled": 2, "lost": 2, "gained": 1},
        **{"still_interpretable": 3 / 5, "same_concept": 1 / 3},
    }
    assert counts["concepts"] == {
        **{"a": 4, "b": 3, "kept": 3, "lost": 1, "gained": 0, "kept_share": 3 / 4}
    }


def test_a_unit_counts_in_the_category_it_had_and_a_gained_one_in_that_it_got(
    world: tuple[pd.DataFrame, pd.DataFrame],
) -> None:
    by_category = count_outcomes(compared(*world))["by_category"]
    assert list(by_category) == list(CATEGORIES)
    color, object_, scene = (by_category[name]["units"] for name in CATEGORIES)
    names = ("a", "b", "kept", "relabelled", "lost", "gained")
    assert [color[name] for name in names] == [2, 2, 1, 0, 1, 0]
    assert [object_[name] for name in names] == [3, 2, 0, 2, 1, 1]
    assert [scene[name] for name in names] == [0] * 6
    assert by_category["color"]["concepts"]["lost"] == 1
    assert by_category["object"]["concepts"]["kept_share"] == 1


def test_a_share_of_nothing_is_undefined() -> None:
    none, some = make_units(("red", 0.01)), make_units(("red", 0.2))
    nothing = count_outcomes(compared(none, some))
    assert nothing["units"]["still_interpretable"] is None
    assert nothing["concepts"]["kept_share"] is None
    lost = count_outcomes(compared(some, none))["units"]
    assert (lost["still_interpretable"], lost["same_concept"]) == (0, None)


def test_a_unit_at_the_iou_is_not_interpretable() -> None:
    at, above = make_units(("red", 0.05)), make_units(("red", np.nextafter(0.05, 1)))
    assert compared(at, above).units["outcome"].tolist() == ["gained"]


def test_labels_of_one_name_in_two_categories_are_two_concepts() -> None:
    colour = make_units(("red", 0.2))
    thing = colour.assign(category="object")
    both = compared(colour, thing)
    assert both.units["outcome"].tolist() == ["relabelled"]
    assert both.concepts["outcome"].tolist() == ["lost", "gained"]


def test_the_best_unit_of_a_concept_is_the_first_of_the_highest() -> None:
    a = make_units(("red", 0.2), ("red", 0.3), ("red", 0.3))
    [row] = compared(a, a).concepts.to_dict("records")
    assert (row["units_a"], row["best_unit_a"], row["best_iou_a"]) == (3, 1, 0.3)


def test_units_without_a_partner_are_lost_or_gained() -> None:
    a = make_units(("red", 0.2), ("cat", 0.2), ("dog", 0.01))
    b = make_units(("blue", 0.3), ("cat", 0.3))
    pairs = Pairs(a=np.array([1]), b=np.array([1]), distance=np.array([0.1]))
    units = compared(a, b, pairs=pairs, match="profile").units
    assert units["unit_a"].astype("object").where(units["unit_a"].notna(), None).tolist() == [
        *[0, 1, 2, None]
    ]
    assert units["outcome"].tolist() == ["lost", "kept", "neither", "gained"]
    assert units["distance"].tolist()[1] == 0.1
    assert units["distance"].isna().tolist() == [True, False, True, True]
    assert units["interpretable_b"].tolist() == [False, True, False, True]


def test_without_pairs_a_unit_has_no_outcome_but_concepts_have() -> None:
    a, b = make_units(("red", 0.2), ("cat", 0.2)), make_units(("red", 0.3))
    result = compared(a, b, pairs=no_pairs(), match="concept")
    assert len(result.units) == 3
    assert result.units["outcome"].isna().all()
    counts = count_outcomes(result)
    assert {name: counts["units"][name] for name in ("a", "b")} == {"a": 2, "b": 1}
    assert "kept" not in counts["units"]
    assert counts["by_category"]["color"]["units"] == {"a": 1, "b": 1}
    assert result.concepts["outcome"].tolist() == ["kept", "lost"]


units_lists = st.lists(
    st.tuples(
        *[
            st.sampled_from(["red", "blue", "cat", "dog"]),
            st.sampled_from([0.01, 0.05, 0.06, 0.2]),
        ]
        * 2
    ),
    min_size=1,
    max_size=12,
)


def split(drawn: Sequence[tuple[str, float, str, float]]) -> tuple[list[Unit], list[Unit]]:
    return [pair[:2] for pair in drawn], [pair[2:] for pair in drawn]


@pytest.mark.long
@settings(max_examples=30, deadline=None)
@given(drawn=units_lists)
def test_counts_are_those_of_a_naive_count(drawn: list[tuple[str, float, str, float]]) -> None:
    before, after = split(drawn)
    a, b = make_units(*before), make_units(*after)
    counts = count_outcomes(compared(a, b))
    expected = unit_counts(list(zip(before, after, strict=True)), 0.05)
    assert {name: counts["units"][name] for name in expected} == expected
    expected = concept_counts(before, after, 0.05)
    assert {name: counts["concepts"][name] for name in expected} == expected


@settings(max_examples=20, deadline=None)
@given(drawn=units_lists)
def test_the_shares_are_figure_4s_and_the_sizes_the_summarys(
    drawn: list[tuple[str, float, str, float]],
) -> None:
    before, after = split(drawn)
    a, b = make_units(*before), make_units(*after)
    counts = count_outcomes(compared(a, b))
    figure_4 = measure_consistency(a, b)
    units = counts["units"]
    assert units["kept"] + units["relabelled"] == figure_4["still_interpretable_count"]
    assert units["kept"] == figure_4["same_concept_count"]
    for side, table in (("a", a), ("b", b)):
        own = count_units(table, iou=0.05)
        assert (units[side], counts["concepts"][side]) == (own["interpretable"], own["concepts"])
        for category, inside in own["by_category"].items():
            found = counts["by_category"][category]
            assert found["units"][side] == inside["units"]
            assert found["concepts"][side] == inside["concepts"]


@settings(max_examples=20, deadline=None)
@given(drawn=units_lists)
def test_categories_add_up_to_the_whole(drawn: list[tuple[str, float, str, float]]) -> None:
    before, after = split(drawn)
    counts = count_outcomes(compared(make_units(*before), make_units(*after)))
    for kind in ("units", "concepts"):
        for name in ("a", "b", "kept", "lost", "gained"):
            inside = [own[kind][name] for own in counts["by_category"].values()]
            assert sum(inside) == counts[kind][name]


@settings(max_examples=20, deadline=None)
@given(drawn=units_lists)
def test_a_layer_keeps_all_of_itself(drawn: list[tuple[str, float, str, float]]) -> None:
    table = make_units(*split(drawn)[0])
    counts = count_outcomes(compared(table, table))
    for kind in ("units", "concepts"):
        own = counts[kind]
        assert own["kept"] == own["a"] == own["b"]
        assert own["lost"] == own["gained"] == own.get("relabelled", 0) == 0


@pytest.mark.long
@settings(max_examples=20, deadline=None)
@given(drawn=units_lists)
def test_swapping_the_sides_swaps_lost_and_gained(
    drawn: list[tuple[str, float, str, float]],
) -> None:
    before, after = split(drawn)
    a, b = make_units(*before), make_units(*after)
    forward, backward = count_outcomes(compared(a, b)), count_outcomes(compared(b, a))
    swapped = {"a": "b", "b": "a", "lost": "gained", "gained": "lost", "kept": "kept"}
    for kind in ("units", "concepts"):
        for name, other in swapped.items():
            assert forward[kind][name] == backward[kind][other]
    assert forward["units"]["relabelled"] == backward["units"]["relabelled"]
