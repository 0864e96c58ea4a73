"""Are images drawn as the method says, and is an interval the wider of two?"""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracle import resampling as oracle
from prunescope.base.errors import ConfigError
from prunescope.statistics.bootstrap import draw_images, interval, intervals_of, strata_of
from prunescope.statistics.settings import ResamplingSettings


def carrying(*sizes_by_set: tuple[int, tuple[bool, ...]]) -> np.ndarray:
    return np.repeat(
        [flags for _, flags in sizes_by_set], [size for size, _ in sizes_by_set], axis=0
    )


def test_sets_of_fewer_than_twenty_images_are_one() -> None:
    carries = carrying((20, (True, False)), (19, (False, True)), (3, (True, True)))
    strata = strata_of(carries)
    first, second, third = strata[:20], strata[20:39], strata[39:]
    assert len({*first}) == 1
    assert {*second} == {*third} != {*first}


def test_every_set_gives_as_many_images_as_it_has() -> None:
    strata = strata_of(carrying((30, (True, False)), (25, (False, True)), (4, (True, True))))
    weights = draw_images(strata, ResamplingSettings(draws=50))
    assert weights.shape == (59, 50)
    for number in np.unique(strata):
        assert (weights[strata == number].sum(axis=0) == (strata == number).sum()).all()
    assert weights.max() > 2  # with replacement


def test_more_draws_begin_with_the_same_and_another_seed_gives_others() -> None:
    strata = np.zeros(40, np.int64)
    few, many, other = (
        draw_images(strata, ResamplingSettings(draws=draws, seed=seed))
        for draws, seed in ((5, 1), (9, 1), (5, 2))
    )
    assert (many[:, :5] == few).all()
    assert (other != few).any()


def test_every_image_is_as_likely() -> None:
    weights = draw_images(np.zeros(50, np.int64), ResamplingSettings(draws=4000))
    # a Poisson-like weight of mean 1 and variance 49/50, over 4,000 draws: sd 0.0157
    assert np.abs(weights.mean(axis=1) - 1).max() < 5 * 0.0157
    assert abs(weights.var() - 49 / 50) < 0.02


@given(
    st.floats(0, 100),
    st.lists(st.floats(0, 100), min_size=1, max_size=40),
)
def test_an_interval_is_the_wider_of_percentile_and_basic(
    observed: float, drawn: list[float]
) -> None:
    expected = oracle.interval(observed, drawn)
    found = interval(observed, np.array(drawn), least=-math.inf)
    assert found == pytest.approx(expected, abs=1e-9)
    assert interval(observed, np.array(drawn))[0] == pytest.approx(max(0, expected[0]), abs=1e-9)


def test_an_interval_stays_within_what_is_possible() -> None:
    drawn = np.linspace(0.7, 1.0, 101)
    assert interval(0.75, drawn, most=1.0) == pytest.approx((0.5075, 0.9925))
    assert interval(0.99, drawn, most=1.0)[1] == 1.0


def test_no_interval_counts_more_units_than_there_are() -> None:
    names = ("interpretable", "a", "b", "kept", "relabelled", "lost", "gained", "change")
    observed = dict.fromkeys(names, 4.0) | {"change": -4.0}
    drawn = {name: np.zeros(9) for name in names}
    ends = intervals_of(observed, drawn, (7, 5))
    highest = {"a": 7, "lost": 7, "change": 0}
    assert {name: high for name, (_, high) in ends.items()} == {
        name: highest.get(name, 5) for name in names
    }
    assert ends["change"][0] == -7
    of_small = intervals_of(observed, drawn, (5, 7))
    assert {name: high for name, (_, high) in of_small.items()} == dict.fromkeys(names, 5) | {
        **{"interpretable": 7, "b": 7, "gained": 7, "change": 0}
    }


def test_an_undefined_share_has_no_interval_and_an_undefined_draw_does_not_count() -> None:
    assert all(map(math.isnan, interval(math.nan, np.array([0.5, 0.6]))))
    assert all(map(math.isnan, interval(0.5, np.array([math.nan]))))
    assert interval(0.5, np.array([0.5, math.nan, 0.5])) == (0.5, 0.5)


@pytest.mark.parametrize("draws", [-1, 1.5, True, 10**9])
def test_a_wrong_number_of_draws_is_refused(draws: object) -> None:
    with pytest.raises(ConfigError, match="draws"):
        ResamplingSettings.validate_from({"draws": draws}, "compare")
