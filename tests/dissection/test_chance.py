"""Do p-values, discoveries and the smallest number of draws follow from the definitions?"""

import importlib.util
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prunescope.dissection.chance import (
    RATE,
    describe_chance,
    discoveries,
    judge,
    p_values,
    smallest_draws,
)


@pytest.fixture(scope="module")
def oracle():
    path = Path(__file__).parent.parent / "oracle" / "chance.py"
    spec = importlib.util.spec_from_file_location("oracle_of_chance", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def table(ious, threshold=0.05):
    ious = np.array(ious, float)
    return pd.DataFrame(
        {
            "label": pd.array(np.arange(len(ious)) // 2, dtype="Int64"),
            "iou": ious,
            "interpretable": ious > threshold,
            "dead": np.isnan(ious),
            "color_iou": ious,
        }
    )


def test_p_counts_the_draws_that_do_as_well():
    observed = np.array([0.3, 0.1, 0.0, np.nan])
    null = np.array([[0.1, 0.1, 0.0, np.nan], [0.2, 0.05, 0.0, np.nan], [0.3, 0.2, 0.1, np.nan]])
    assert np.array_equal(p_values(observed, null), [2 / 4, 3 / 4, 1, np.nan], equal_nan=True)


def test_nothing_but_candidates_is_found_and_dead_units_are_not_tested():
    p = np.array([0.01, 0.02, 0.01, np.nan, 0.9])
    found = discoveries(p, np.array([True, True, False, False, True]))
    assert found.tolist() == [True, True, False, False, False]


def test_a_p_at_its_bound_passes_exactly():
    # 3 / 60 = 0.05 x 7 / 7, and 1 / 20 in floating point need not be 3 / 60.
    for count in range(1, 60):
        for draws in (19, 39, 59):
            p = np.full(count, (1 + draws // 20) / (1 + draws))
            assert discoveries(p, np.full(count, True)).all()


@given(
    counts=st.lists(st.integers(1, 60), min_size=1, max_size=12),
    candidates=st.lists(st.booleans(), min_size=12, max_size=12),
    dead=st.sets(st.integers(0, 11)),
)
def test_discoveries_are_those_of_the_oracle(oracle, counts, candidates, dead):
    p = [float("nan") if unit in dead else count / 60 for unit, count in enumerate(counts)]
    chosen = [own and unit not in dead for unit, own in enumerate(candidates[: len(p)])]
    found = discoveries(np.array(p), np.array(chosen))
    assert found.tolist() == oracle.discoveries(p, chosen, RATE)


@pytest.mark.parametrize(
    ("tested", "candidates", "least"),
    [(2048, 1019, 40), (2, 2, 19), (100, 5, 399), (100, 0, None), (512, 512, 19)],
)
def test_the_smallest_number_of_draws_can_reach_the_rate_and_one_less_cannot(
    tested, candidates, least
):
    assert smallest_draws(tested, candidates) == least
    if least is None:
        return
    for draws, passes in ((least, True), (least - 1, False)):
        assert (Fraction(1, draws + 1) <= RATE * candidates / tested) == passes
        p = np.where(np.arange(tested) < candidates, 1 / (draws + 1), 1.0)
        assert discoveries(p, np.arange(tested) < candidates).any() == passes


def test_a_layer_is_judged_by_its_draws():
    units = table([0.3, 0.2, 0.06, 0.04, np.nan])
    null = np.tile([0.1, 0.1, 0.07, 0.05, np.nan], (19, 1))
    null[0, 0], null[1, 3] = 0.2, 0.051
    judged, chance = judge(units, null, iou=0.05)
    assert judged["p"].tolist()[:4] == [0.05, 0.05, 1, 1]
    assert np.isnan(judged["p"].iloc[4])
    assert list(judged.columns) == [
        *("label", "iou", "interpretable", "dead", "p", "discovery", "color_iou")
    ]
    # 1 / 20 is more than 0.05 x 2 / 4.
    assert not judged["discovery"].any()
    assert chance == {
        "draws": 19,
        "rate": 0.05,
        "expected_false": (19 * 3 + 1) / 19,
        "discoveries": 0,
        "concepts": 0,
        "smallest_draws": 26,
    }
    judged, chance = judge(units, np.concatenate([null, null, null[:1]]), iou=0.05)
    assert judged["discovery"].tolist() == [True, True, False, False, False]
    assert (chance["discoveries"], chance["concepts"]) == (2, 1)


def test_the_line_says_what_is_due_to_chance_or_that_the_draws_are_too_few():
    chance = {
        "draws": 39,
        "rate": 0.05,
        "expected_false": 3.25,
        "discoveries": 12,
        "concepts": 7,
        "smallest_draws": 39,
    }
    assert describe_chance(chance) == (
        "by chance: 3.2 units (39 draws); at a false discovery rate of 5 %: 12 units, of 7 concepts"
    )
    few = describe_chance(chance | {"smallest_draws": 40})
    assert few.endswith("too few for a false discovery rate of 5 %, which takes at least 40")
    assert describe_chance(chance | {"smallest_draws": None}).endswith("no unit to test")
