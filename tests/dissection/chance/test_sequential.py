"""Is it decided when it is said to be, and are few enough of the discoveries false?"""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prunescope.dissection.chance.draws import Draws, Observed
from prunescope.dissection.chance.sequential import (
    ENOUGH,
    RATE,
    decided,
    discoveries,
    looks,
    most_draws,
    standing,
    undecided,
)


@pytest.fixture(scope="module")
def oracle():
    path = Path(__file__).parent.parent.parent / "oracle" / "chance.py"
    spec = importlib.util.spec_from_file_location("oracle_of_sequences", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_it_is_asked_at_doubling_numbers_and_at_the_most():
    assert most_draws(510) == 10_199
    assert list(looks(10_199))[:4] == [64, 128, 256, 512]
    assert list(looks(10_199))[-2:] == [8192, 10_199]
    assert list(looks(19)) == [19]
    assert list(looks(64)) == [64]


def test_a_unit_stops_with_the_tenth_draw_that_is_as_good():
    as_good = np.zeros((3, 100), np.bool_)
    as_good[0, 3:30] = True  # the tenth is draw 13
    as_good[1, [1, 2]] = True
    state = standing(as_good, 64)
    assert state.made.tolist() == [13, 64, 64]
    assert state.as_good.tolist() == [ENOUGH, 2, 0]
    assert state.open.tolist() == [False, True, True]
    assert state.highest(999) == pytest.approx([10 / 13, 10 / 72, 10 / 74])
    assert state.lowest(999) == pytest.approx([10 / 13, 3 / 1000, 1 / 1000])
    assert state.highest(70)[2] == pytest.approx(10 / 71)  # no more draws than that are made


def worlds(source, units=60, interpretable=25, related=10):
    """Whether draws are as good for units of which some are related to their labels.

    A unit that is not has a p of uniform distribution, and is interpretable where that is low.
    """
    most = most_draws(units)
    chance = source.uniform(size=units)
    chance[:related] = source.uniform(0, 0.004, related)
    candidates = np.zeros(units, np.bool_)
    candidates[np.argsort(chance)[:interpretable]] = True
    as_good = source.uniform(size=(units, most)) < chance[:, None]
    return candidates, as_good


@pytest.mark.parametrize("seed", range(6))
def test_drawing_ends_where_the_oracle_ends_with_the_same_units(oracle, seed):
    candidates, as_good = worlds(np.random.default_rng(seed))
    everything = np.full(len(candidates), True)
    when, passing = oracle.draw_until_decided(
        as_good.T.tolist(), everything.tolist(), candidates.tolist(), RATE
    )
    most = most_draws(len(candidates))
    ends = next(
        look for look in looks(most) if decided(standing(as_good, look), candidates, everything)
    )
    assert ends == when
    state = standing(as_good, ends)
    p = state.lowest(most) if ends == most else state.highest(most)
    assert discoveries(p, candidates).tolist() == passing


def test_what_is_decided_early_is_what_all_draws_would_say():
    early = 0
    for seed in range(40):
        candidates, as_good = worlds(np.random.default_rng(100 + seed), related=20)
        everything, most = np.full(len(candidates), True), most_draws(len(candidates))
        ends = next(
            look for look in looks(most) if decided(standing(as_good, look), candidates, everything)
        )
        full = discoveries(standing(as_good, most).lowest(most), candidates)
        state = standing(as_good, ends)
        for p in (state.highest(most), state.lowest(most)):
            assert ends == most or np.array_equal(discoveries(p, candidates), full)
        early += ends < most
    assert early > 10


@pytest.mark.long
def test_few_of_the_units_found_are_false_and_most_related_ones_are_found():
    """300 worlds of 120 units, of which 15 are related to their labels, by a known truth."""
    false_share, power = [], []
    for seed in range(300):
        source = np.random.default_rng(1000 + seed)
        chance = source.uniform(size=120)
        chance[:15] = 0.0  # no draw is ever as good
        candidates = np.zeros(120, np.bool_)
        candidates[np.argsort(chance)[:50]] = True
        most, everything = most_draws(120), np.full(120, True)
        as_good = source.uniform(size=(120, most)) < chance[:, None]
        as_good[~candidates] = False
        ends = next(
            look for look in looks(most) if decided(standing(as_good, look), candidates, everything)
        )
        state = standing(as_good, ends)
        found = discoveries(state.lowest(most) if ends == most else state.highest(most), candidates)
        false_share.append(found[15:].sum() / max(1, found.sum()))
        power.append(found[:15].mean())
    error = np.std(false_share) / np.sqrt(len(false_share))
    assert np.mean(false_share) < float(RATE) + 2 * error
    assert np.mean(false_share) > 0.02  # the rate is used, not far from it
    assert np.mean(power) > 0.99


def test_to_test_the_interpretable_units_alone_would_find_too_many():
    """Why the others take part: chosen for being good, interpretable ones look beyond chance."""
    false_share = []
    for seed in range(100):
        source = np.random.default_rng(seed)
        p = source.uniform(size=200)
        candidates = p < 0.05
        found = discoveries(np.where(candidates, p, np.nan), candidates)
        false_share.append(bool(found.any()))
        assert not discoveries(p, candidates).any() or p.min() < 0.05 * candidates.sum() / 200
    assert np.mean(false_share) > 0.9


@given(
    counts=st.lists(st.integers(0, 25), min_size=1, max_size=12),
    mark=st.integers(0, 2**12),
    draws=st.integers(25, 400),
)
def test_undecided_units_are_those_of_the_oracle(oracle, counts, mark, draws):
    chosen = [bool(mark >> unit & 1) for unit in range(len(counts))]
    p = [(1 + count) / (1 + draws) for count in counts]
    expected = oracle.undecided(p, counts, chosen, draws, RATE)
    found = undecided(np.array(p), np.array(counts), np.array(chosen), draws)
    assert found.tolist() == expected


def test_nothing_is_undecided_with_the_most_draws():
    chosen = np.array([True, True])
    assert undecided(np.array([1 / 39, 0.9]), np.array([0, 34]), chosen, 38).tolist() == [
        True,
        False,
    ]
    assert not undecided(np.array([2 / 40, 0.9]), np.array([1, 35]), chosen, 39).any()


def drawing(as_good, observed):
    """Make what draws ask for, as one who counts would; return them and what was asked."""
    asked = []

    def go_on(draws, number):
        while (request := draws.next(number, observed)) is not None:
            asked.append((request.first, request.last, len(request.units)))
            for draw in range(request.first, request.last):
                good = as_good[request.units, draw]
                ious = np.where(good, observed.iou[request.units] + 0.1, 0.0)[:, None]
                draws.take(draw, request.units, ious, observed, 0.05)
        return draws

    return go_on, asked


def test_only_units_that_are_open_are_drawn_on():
    source = np.random.default_rng(3)
    candidates, as_good = worlds(source)
    units = len(candidates)
    observed = Observed(
        iou=np.full(units, 0.2),
        label_index=np.zeros(units, np.int64),
        interpretable=candidates,
        labels=1,
    )
    go_on, asked = drawing(as_good, observed)
    draws = go_on(Draws(units), "auto")
    assert asked[0] == (0, 64, units)
    assert [first for first, _, _ in asked[1:]] == [64 << place for place in range(len(asked) - 1)]
    assert all(count <= candidates.sum() for _, _, count in asked[1:])
    counts = [count for _, _, count in asked[1:]]
    assert counts == sorted(counts, reverse=True)
    assert len(draws.false_units) == 64
    ends = asked[-1][1]
    assert draws.looked_at(observed) == ends

    # Begun with a fixed number and continued, the same units stand at the same place.
    go_on, _ = drawing(as_good, observed)
    later = go_on(go_on(Draws(units), 100), "auto")
    assert later.looked_at(observed) == ends
    one, other = (standing(each.as_good, ends) for each in (draws, later))
    assert np.array_equal(one.made[candidates], other.made[candidates])
    assert np.array_equal(one.as_good[candidates], other.as_good[candidates])


def test_draws_survive_being_written_as_arrays():
    source = np.random.default_rng(4)
    observed = Observed(
        iou=np.full(5, 0.2),
        label_index=np.zeros(5, np.int64),
        interpretable=np.full(5, True),
        labels=1,
    )
    go_on, _ = drawing(source.uniform(size=(5, 99)) < 0.3, observed)
    draws = go_on(Draws(5), 13)
    read = Draws.of_arrays(draws.as_arrays())
    for name, value in vars(draws).items():
        assert np.array_equal(getattr(read, name), value), name
