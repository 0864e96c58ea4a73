"""Do p-values, discoveries and the smallest number of draws follow from the definitions?"""

import importlib.util
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prunescope.dissection.chance.draws import Draws, Observed
from prunescope.dissection.chance.judging import COLUMNS, judge, smallest_draws
from prunescope.dissection.chance.sequential import RATE, discoveries


@pytest.fixture(scope="module")
def oracle():
    path = Path(__file__).parent.parent.parent / "oracle" / "chance.py"
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


def as_observed(units):
    """The units as they are tested; each is named after a label of its own."""
    named = np.where(units["iou"].isna(), -1, np.arange(len(units)))
    return Observed(
        iou=units["iou"].to_numpy(),
        label_index=named,
        interpretable=units["interpretable"].to_numpy(),
        labels=len(units),
    )


def drawn(units, null):
    """Draws in which each unit has its highest IoU with the label it is named after."""
    draws = Draws(len(units))
    for draw, best in enumerate(null):
        ious = np.diag(np.asarray(best, float))
        ious[:, np.isnan(best)] = np.nan
        draws.take(draw, np.arange(len(units)), ious, as_observed(units), 0.05)
    return draws


def judged(units, null, number):
    return judge(units, as_observed(units), drawn(units, null), number)


def test_a_layer_is_judged_by_its_draws():
    units = table([0.3, 0.2, 0.06, 0.04, np.nan])
    null = np.tile([0.1, 0.1, 0.07, 0.05, np.nan], (20, 1))
    null[0, 0], null[1, 3] = 0.2, 0.051
    few, chance = judged(units, null, 19)
    assert few["p"].tolist()[:4] == [0.05, 0.05, 1, 1]
    assert np.isnan(few["p"].iloc[4])
    assert list(few.columns) == [*("label", "iou", "interpretable", "dead", *COLUMNS, "color_iou")]
    # 1 / 20 is more than 0.05 x 2 / 4. Were the first two at 0, all three would have to be below
    # 0.05 x 3 / 4, which the third, at 1 with its p known, is not.
    assert not few["discovery"].any()
    assert few["undecided"].tolist() == [True, True, False, False, False]
    assert chance == {
        "draws": 19,
        "rate": 0.05,
        "expected_draws": 19,
        "expected_false": (19 * 3 + 1) / 19,
        "expected_false_sd": pytest.approx(np.sqrt((18 * (1 / 19) ** 2 + (18 / 19) ** 2) / 18)),
        "expected_concepts": (19 * 3 + 1) / 19,
        "expected_concepts_sd": pytest.approx(np.sqrt((18 * (1 / 19) ** 2 + (18 / 19) ** 2) / 18)),
        "discoveries": 0,
        "concepts": 0,
        "undecided": 2,
        "smallest_draws": 26,
        "advised_draws": 79,
        "most_draws": 79,
    }
    many, chance = judged(units, np.concatenate([null, null]), 39)
    assert many["discovery"].tolist() == [True, True, False, False, False]
    assert (chance["discoveries"], chance["concepts"], chance["undecided"]) == (2, 1, 0)
    assert chance["advised_draws"] is None


def test_a_label_has_a_p_of_its_own_and_one_adjusted_over_the_labels_tested():
    units = table([0.3, 0.06, np.nan])
    draws = Draws(3)
    for draw in range(9):
        # Another label always does as well as the one the second unit is named after.
        ious = np.array([[0.1, 0.0, 0.0], [0.2, 0.06 if draw < 2 else 0.0, 0.0], [np.nan] * 3])
        draws.take(draw, np.arange(3), ious, as_observed(units), 0.05)
    found, _ = judge(units, as_observed(units), draws, 9)
    assert found["p"].tolist()[:2] == [0.1, 1.0]
    assert found["label_p"].tolist()[:2] == [0.1, 0.3]
    assert found["label_p_adjusted"].tolist()[:2] == pytest.approx([0.3, 0.9])
    assert found["label_p"].isna().tolist() == [False, False, True]


@given(seed=st.integers(0, 10_000), draws=st.integers(1, 40), labels=st.integers(1, 6))
def test_a_labels_own_p_is_that_of_the_oracle(oracle, seed, draws, labels):
    source = np.random.default_rng(seed)
    units = 4
    # Few different values, so that ties between a draw and what was observed are common.
    observed_ious = source.integers(0, 4, (units, labels)) / 20
    null = source.integers(0, 4, (draws, units, labels)) / 20
    best = observed_ious.max(axis=1)
    named = [int(row.argmax()) if row.max() > 0 else None for row in observed_ious]
    best[[label is None for label in named]] = 0
    observed = Observed(
        iou=best,
        label_index=np.array([-1 if label is None else label for label in named]),
        interpretable=best > 0.05,
        labels=labels,
    )
    made = Draws(units)
    for draw, ious in enumerate(null):
        made.take(draw, np.arange(units), ious, observed, 0.05)
    found, _ = judge(table(best), observed, made, draws)
    expected = oracle.label_p_values(observed_ious.tolist(), null.tolist(), named)
    found_pairs = found[["label_p", "label_p_adjusted"]].to_numpy(float)
    assert np.allclose(found_pairs, np.array(expected), equal_nan=True, rtol=1e-12, atol=0)


def test_fewer_draws_than_were_made_give_what_they_would_alone():
    source = np.random.default_rng(0)
    units, null = table([0.3, 0.2, 0.1, 0.07, 0.06, 0.01]), source.uniform(0, 0.25, (300, 6))
    for number in (1, 64, 100, "auto"):
        alone = null[: number if number != "auto" else None]
        tables, chances = zip(
            judged(units, null, number), judged(units, alone, number), strict=True
        )
        assert tables[0].equals(tables[1])
        assert chances[0] == chances[1]


def test_a_layer_without_an_interpretable_unit_has_nothing_to_decide():
    units = table([0.01, 0.02])
    found, chance = judged(units, np.full((39, 2), 0.01), "auto")
    assert chance["undecided"] == chance["discoveries"] == 0
    assert chance["smallest_draws"] is None
    assert found["p"].tolist() == [1.0, 1 / 40]
