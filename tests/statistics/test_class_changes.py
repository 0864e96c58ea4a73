"""Is the change of a class's accuracy as counted by hand, and does its interval cover the truth?"""

import math

import numpy as np
import pandas as pd
import pytest

from predicted import CLASSES, said
from prunescope.base.errors import DataError
from prunescope.statistics.class_changes import class_changes

ZEBRA, ANT, MOA, DODO = range(4)


def of_class(changes: pd.DataFrame, number: int) -> dict[str, float]:
    return changes.iloc[number].to_dict()


def lost_and_gained(lost: int, gained: int, images: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return predictions of two networks on zebras, of which the second loses and gains some."""
    right, wrong = ZEBRA, ANT
    same = images - lost - gained
    before = [right] * lost + [wrong] * gained + [right] * same
    after = [wrong] * lost + [right] * gained + [right] * same
    return said([ZEBRA] * images, before), said([ZEBRA] * images, after)


def test_accuracies_are_means_over_replicates_and_the_difference_is_in_pairs() -> None:
    labels = [ZEBRA] * 4 + [MOA] * 2
    before = [said(labels, each) for each in ([0, 0, 0, 1, 2, 2], [0, 0, 1, 1, 2, 0])]
    after = [said(labels, each) for each in ([0, 1, 1, 1, 2, 2], [0, 0, 1, 1, 2, 2])]
    changes = class_changes(before, after)
    assert list(changes["class"]) == list(CLASSES)
    assert list(changes["images"]) == [4, 0, 2, 0]
    zebra = of_class(changes, ZEBRA)
    assert (zebra["before"], zebra["after"]) == (pytest.approx(5 / 8), pytest.approx(3 / 8))
    assert zebra["difference"] == pytest.approx(-1 / 4)
    assert of_class(changes, MOA)["difference"] == pytest.approx(1 / 4)


def test_what_one_replicate_loses_and_another_gains_is_no_change() -> None:
    right, wrong = [ZEBRA], [ANT]
    before = [right * 4 + wrong * 2, right * 1 + wrong * 5, right * 6]
    after = [right * 5 + wrong * 1, wrong * 6, right * 6]
    sides = ([said([ZEBRA] * 6, each) for each in side] for side in (before, after))
    assert of_class(class_changes(*sides), ZEBRA)["difference"] == 0


def test_a_class_without_images_has_no_change() -> None:
    ant = of_class(class_changes([said([ZEBRA], [ZEBRA])], [said([ZEBRA], [ANT])]), ANT)
    assert ant["images"] == 0
    assert all(math.isnan(ant[name]) for name in ("before", "after", "difference", "low", "high"))


def test_the_interval_of_one_replicate_is_the_published_one() -> None:
    """21 patients, of whom 1 gains and 7 lose (Bentur et al. 2009; Fagerland et al. 2014)."""
    before, after = lost_and_gained(7, 1, 21)
    zebra = of_class(class_changes([before], [after]), ZEBRA)
    assert zebra["difference"] == pytest.approx(-6 / 21)
    middle, variance = -6 / 23, (10 / 23 - (6 / 23) ** 2) / 23
    ends = [middle + sign * 1.959964 * math.sqrt(variance) for sign in (-1, 1)]
    assert [zebra["low"], zebra["high"]] == pytest.approx(ends, abs=1e-6)
    assert ends == pytest.approx([-0.508, -0.013], abs=5e-4)


def test_an_interval_never_leaves_what_is_possible() -> None:
    zebra = of_class(class_changes([said([ZEBRA], [ZEBRA])], [said([ZEBRA], [ANT])]), ZEBRA)
    assert zebra["low"] == -1.0


def test_replicates_that_agree_exactly_are_no_certainty_about_ten_images() -> None:
    before, after = lost_and_gained(1, 0, 10)
    zebra = of_class(class_changes([before] * 3, [after] * 3), ZEBRA)
    assert zebra["difference"] == pytest.approx(-0.1)
    assert zebra["low"] < -0.2
    assert zebra["high"] > 0


def test_replicates_that_disagree_widen_the_interval_to_students() -> None:
    pairs = [lost_and_gained(lost, 0, 1000) for lost in (0, 100, 200)]
    zebra = of_class(class_changes(*zip(*pairs, strict=True)), ZEBRA)
    half = 4.302653 * 0.1 / math.sqrt(3)
    assert [zebra["low"], zebra["high"]] == pytest.approx([-0.1 - half, -0.1 + half], abs=1e-6)


def test_networks_that_saw_other_images_are_refused() -> None:
    with pytest.raises(DataError, match="not evaluated on the same test images"):
        class_changes([said([ZEBRA], [ZEBRA])], [said([ANT], [ANT])])


@pytest.mark.parametrize(
    ("replicates", "images", "spread"), [(1, 50, 0.0), (3, 50, 0.3), (5, 50, 0.3), (5, 200, 0.3)]
)
def test_intervals_cover_the_true_change_in_at_least_95_percent(
    replicates: int, images: int, spread: float
) -> None:
    """600 classes of images of unequal difficulty; spread: of trainings, in log odds."""
    rng, classes = np.random.default_rng(0), 600
    names = tuple(map(str, range(classes)))
    labels = np.repeat(np.arange(classes), images)
    difficulty = rng.normal(1.5, 2.0, (classes, images))

    def trained(shift: float) -> pd.DataFrame:
        odds = difficulty + shift + rng.normal(0, spread, (classes, 1))
        right = rng.random(odds.shape) < 1 / (1 + np.exp(-odds))
        return said(labels, np.where(right.ravel(), labels, (labels + 1) % classes), classes=names)

    before, after = ([trained(shift) for _ in range(replicates)] for shift in (0.0, -1.0))
    found = class_changes(before, after)
    many = rng.normal(1.5, 2.0, 200_000) + rng.normal(0, spread, 200_000)
    true = (1 / (1 + np.exp(1.0 - many)) - 1 / (1 + np.exp(-many))).mean()
    covered = ((found["low"] <= true) & (true <= found["high"])).mean()
    assert covered >= 0.95 - 2 * math.sqrt(0.95 * 0.05 / classes)
