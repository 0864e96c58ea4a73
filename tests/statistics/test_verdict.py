"""Does a verdict say A, B or C just where the truth is, and nothing where it cannot?"""

import math

import numpy as np
import pandas as pd
import pytest

from prunescope.statistics.equivalence import judge
from prunescope.statistics.settings import VerdictSettings
from prunescope.statistics.verdict import CountByLevel, verdict_on, verdicts

SETTINGS = VerdictSettings()


def course(counts, accuracy=None, twins=()):
    counts = np.array(counts, float)
    accuracy = np.full(counts.shape, 0.7) if accuracy is None else np.array(accuracy, float)
    twins = np.array(twins, float) if len(twins) else np.empty((len(counts), 0))
    return CountByLevel(counts=counts, accuracy=accuracy, twins=twins)


def rates(change, *, replicates, spread, twins=0, studies=2000, levels=4):
    """Return how often each verdict falls in simulated studies with a known change.

    spread: of the logarithm of a count from one training to another.
    """
    draw = np.random.default_rng(0)
    found = dict.fromkeys(("A", "B", "C", "not enough evidence"), 0)
    for _ in range(studies):
        pruned = change + draw.normal(0, spread, (replicates, levels))
        dense = draw.normal(0, spread, (replicates, 1 + twins))
        counts = np.exp(np.column_stack([dense[:, :1], pruned]) + math.log(300))
        of_twins = np.exp(dense[:, 1:] + math.log(300))
        made = CountByLevel(counts=counts, accuracy=np.full(counts.shape, 0.7), twins=of_twins)
        found[verdict_on(made, SETTINGS)["verdict"]] += 1
    return {name: count / studies for name, count in found.items()}


@pytest.mark.long
@pytest.mark.parametrize("spread", [0.03, 0.06, 0.12])
@pytest.mark.parametrize("twins", [0, pytest.param(2, marks=pytest.mark.slow)])
def test_at_the_edge_of_the_margin_wrong_verdicts_are_as_rare_as_they_may_be(spread, twins):
    fewer = rates(math.log(0.9), replicates=5, spread=spread, twins=twins)
    more = rates(-math.log(0.9), replicates=5, spread=spread, twins=twins)
    allowed = 3 * math.sqrt(0.05 * 0.95 / 2000)  # of sampling
    assert fewer["A"] <= 0.05 + allowed
    assert more["A"] <= 0.05 + allowed
    assert fewer["C"] <= 0.025 + allowed
    assert more["B"] <= 0.025 + allowed
    assert fewer["B"] == more["C"] == 0


@pytest.mark.long
@pytest.mark.parametrize("change", ["unchanged", "a quarter fewer"])
@pytest.mark.parametrize(
    ("replicates", "twins", "spread", "unchanged", "fewer"),
    [
        *((3, 0, 0.03, 0.91, 0.99), (3, 0, 0.06, 0.36, 0.68), (3, 0, 0.12, 0.07, 0.29)),
        *((5, 0, 0.03, 1.00, 1.00), (5, 0, 0.06, 0.79, 0.99), (5, 0, 0.12, 0.12, 0.63)),
        *((10, 0, 0.03, 1.00, 1.00), (10, 0, 0.06, 1.00, 1.00), (10, 0, 0.12, 0.48, 0.97)),
        *((5, 2, 0.06, 0.99, 1.00), (5, 2, 0.12, 0.44, 0.91)),
    ],
)
def test_verdicts_are_found_as_often_as_the_method_says(
    replicates, twins, spread, unchanged, fewer, change
):
    """docs/method.md has these numbers."""
    letter, share, true = ("A", unchanged, 0.0)
    if change != "unchanged":
        letter, share, true = ("C", fewer, math.log(0.75))
    found = rates(true, replicates=replicates, spread=spread, twins=twins, studies=500)[letter]
    assert found == pytest.approx(share, abs=0.005 + 3 * math.sqrt(share * (1 - share) / 500))


@pytest.mark.long
def test_twins_make_an_unchanged_count_more_often_certain():
    without = rates(0.0, replicates=5, spread=0.06)["A"]
    assert rates(0.0, replicates=5, spread=0.06, twins=2)["A"] > without > 0.7


def test_an_interval_is_students():
    found = judge([0.1, 0.2, 0.3], margin=0.1, alpha=0.05)
    half = 4.302652729911275 * 0.1 / math.sqrt(3)  # t of 2 degrees of freedom at 0.975
    assert found.mean == pytest.approx(0.2)
    assert found.interval == pytest.approx((0.2 - half, 0.2 + half))
    narrower = half * 2.919985580355516 / 4.302652729911275  # at 0.95
    assert found.within == pytest.approx((0.2 - narrower, 0.2 + narrower))


def test_needed_is_the_first_number_of_replicates_that_decides():
    changes = [math.log(0.8) - 0.1, math.log(0.8) + 0.1]
    found = judge(changes, margin=0.1, alpha=0.05)
    assert found.letter is None
    spread, mean = np.std(changes, ddof=1), np.mean(changes)

    def with_as_much_spread(count):
        values = np.linspace(-1, 1, count)
        return (mean + spread * values / values.std(ddof=1)).tolist()

    assert judge(with_as_much_spread(found.needed), margin=0.1, alpha=0.05).letter == "C"
    assert judge(with_as_much_spread(found.needed - 1), margin=0.1, alpha=0.05).letter is None


def test_the_effect_is_the_mean_change_of_the_levels_at_which_accuracy_holds():
    accuracy = [[0.70, 0.695, 0.69, 0.60], [0.72, 0.71, 0.70, 0.65]]
    found = verdict_on(course([[100, 50, 200, 1], [100, 50, 200, 1]], accuracy), SETTINGS)
    assert found["levels"] == [1]  # 2 loses 1.5 points in the mean
    assert found["effect"] == pytest.approx(-0.5)
    assert found["sparsest"] == {"level": 1, "effect": pytest.approx(-0.5)}
    assert found["accuracy_falls_at"] == 2
    assert found["count_falls_at"] == 1
    assert found["verdict"] == "C"


def test_one_replicate_that_loses_much_is_enough_for_accuracy_not_to_hold():
    accuracy = [[0.70, 0.679], [0.70, 0.72], [0.70, 0.72]]
    assert course([[9, 9]] * 3, accuracy).holding(SETTINGS) == []
    assert course([[9, 9]] * 3, accuracy).holding(VerdictSettings(largest_loss=2.2)) == [1]


def test_an_accuracy_that_is_no_number_does_not_hold():
    assert course([[9, 9]] * 2, [[0.7, math.nan], [0.7, 0.7]]).holding(SETTINGS) == []


def test_a_loss_of_just_as_many_points_as_may_be_holds():
    accuracy = [[0.70, 0.69, 0.68], [0.70, 0.69, 0.70], [0.91, 0.90, 0.90]]
    assert course([[9, 9, 9]] * 3, accuracy).holding(SETTINGS) == [1, 2]


@pytest.mark.parametrize("counts", [(100, 90), (90, 100), (70, 63), (50, 45), (45, 50)])
def test_a_change_of_just_the_margin_is_within_it(counts):
    found = verdict_on(course([counts] * 2), SETTINGS)
    assert (found["verdict"], found["count_falls_at"]) == ("A", None)


def test_accuracy_does_not_fall_at_a_level_of_which_it_is_unknown():
    accuracy = [[0.7, math.nan, 0.7, 0.6], [0.7, 0.7, 0.7, 0.6]]
    found = verdict_on(course([[9, 9, 9, 9]] * 2, accuracy), SETTINGS)
    assert (found["levels"], found["accuracy_falls_at"]) == ([2], 3)
    found = verdict_on(course([[9, 9]] * 2, [[0.7, math.nan], [0.7, 0.7]]), SETTINGS)
    assert found["accuracy_falls_at"] is None
    assert found["reason"] == "accuracy holds at no pruned level of which it is known"


def test_twins_of_some_replicates_alone_are_no_ceiling():
    found = verdict_on(course([[9, 9]] * 2, twins=[[math.nan], [9]]), SETTINGS)
    assert found["twins"] is found["effect"] is None
    assert found["reason"] == "dense twins are missing"


def test_the_baseline_is_the_geometric_mean_of_level_0_and_its_twins():
    found = verdict_on(course([[100, 200], [100, 200]], twins=[[400], [400]]), SETTINGS)
    assert found["effect"] == pytest.approx(0.0)
    assert found["twins"] == {"effect": pytest.approx(3.0), "interval": pytest.approx([3.0, 3.0])}
    assert found["verdict"] == "A"


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (course([[100, 90]]), "one replicate shows no spread"),
        (course([[100, 90]] * 2, [[0.7, 0.5]] * 2), "accuracy holds at no pruned level"),
        (course([[0, 90], [5, 90]]), "a count of 0 at level 0"),
        (course([[9, 9]] * 2, twins=[[0], [9]]), "a count of 0 at level 0"),
        (course([[5, 0], [5, 90]]), "the count is 0 at level 1 in 1 replicate"),
        (course([[100, 80], [100, 130]]), "the interval is too wide"),
    ],
)
def test_where_there_is_not_enough_evidence_the_reason_is_said(made, words):
    found = verdict_on(made, SETTINGS)
    assert found["verdict"] == "not enough evidence"
    assert words in found["reason"]


def test_an_unfinished_study_has_no_verdict_yet():
    found = verdict_on(course([[9, 9]] * 2), SETTINGS, unfinished="3 of 6 levels")
    assert (found["verdict"], found["reason"]) == ("not enough evidence", "3 of 6 levels")


def test_more_replicates_are_planned_at_the_risk_of_the_next_verdict():
    changes = np.exp([[0, math.log(0.8) - 0.1], [0, math.log(0.8) + 0.1]]) * 100
    found = verdict_on(course(changes), SETTINGS)
    logarithms = np.log(changes[:, 1] / changes[:, 0]).tolist()
    at_once = judge(logarithms, margin=0.1, alpha=0.05).needed
    assert (
        found["needed"] == judge(logarithms, margin=0.1, alpha=0.05, later=0.025).needed > at_once
    )


def test_every_further_look_takes_a_smaller_risk():
    changes = np.exp([[0, math.log(0.8) - 0.04], [0, math.log(0.8) + 0.04], [0, math.log(0.8)]])
    first, third = (verdict_on(course(changes * 100), SETTINGS, looks=n) for n in (1, 3))
    assert first["alpha"] == 0.05
    assert third["alpha"] == pytest.approx(0.05 / 3)
    assert third["interval"][0] < first["interval"][0]


def test_for_new_images_the_interval_is_as_wide_as_they_make_it():
    changes = np.exp([[0, math.log(0.8) - 0.04], [0, math.log(0.8) + 0.04]]) * 100
    asked = []
    for variance in (0.0, 0.09):
        found = verdict_on(
            course(changes),
            SETTINGS,
            image_variance=lambda levels, variance=variance: asked.append(levels) or variance,
        )
        low, high = found["interval_for_new_images"]
        error = max(0.04, math.sqrt(variance))
        assert low == pytest.approx(0.8 * math.exp(-12.706204736432095 * error) - 1)
        assert high == pytest.approx(0.8 * math.exp(12.706204736432095 * error) - 1)
    assert asked == [[1], [1]]
    for variance in (math.inf, math.nan):
        found = verdict_on(course(changes), SETTINGS, image_variance=lambda _, v=variance: v)
        assert found["interval_for_new_images"] is None


def test_a_run_has_a_verdict_for_each_layer_and_strategy():
    rows = [
        {
            **{"replicate": replicate, "strategy": strategy, "level": level, "layer": layer},
            **{"interpretable": count, "concepts": count // 2, "accuracy": 0.7},
        }
        for replicate in (0, 1)
        for layer in ("b", "a")
        for strategy, level, count in (
            *(("dense", 0, 100), ("lottery", 1, 100), ("lottery", 2, 100)),
            ("random", 1, 50 if layer == "a" else 200),
        )
    ]
    found = verdicts(pd.DataFrame(rows), None, SETTINGS)
    letters = {
        (layer, strategy): on["units"]["verdict"] + on["concepts"]["verdict"]
        for layer, strategies in found.items()
        for strategy, on in strategies.items()
    }
    assert letters == {
        ("b", "lottery"): "AA",
        ("b", "random"): "BB",
        ("a", "lottery"): "AA",
        ("a", "random"): "CC",
    }
    assert found["a"]["random"]["units"]["twins"] is None
