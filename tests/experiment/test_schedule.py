"""Is work done when a person with paper and pencil says it is?"""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prunescope.experiment.schedule import fewest_workers, makespan

CHAIN = {"a": 3.0, "b": 2.0, "c": 1.0}
ONE_BY_ONE: dict[str, tuple[str, ...]] = {"a": (), "b": ("a",), "c": ("b",)}
ALL_AT_ONCE: dict[str, tuple[str, ...]] = {"a": (), "b": (), "c": ()}


@pytest.mark.parametrize(
    ("after", "workers", "seconds"),
    [
        (ONE_BY_ONE, 1, 6.0),
        (ONE_BY_ONE, 3, 6.0),
        (ALL_AT_ONCE, 1, 6.0),
        (ALL_AT_ONCE, 2, 3.0),
        (ALL_AT_ONCE, 9, 3.0),
        ({"a": (), "b": (), "c": ("a", "b")}, 2, 4.0),
        ({"a": ("done",), "b": ("done",), "c": ("b",)}, 2, 3.0),
    ],
)
def test_pieces_wait_for_those_they_need_and_for_a_free_worker(
    after: Mapping[str, tuple[str, ...]], workers: int, seconds: float
) -> None:
    assert makespan(CHAIN, after, workers) == seconds


def test_the_first_of_those_that_can_be_begun_is() -> None:
    seconds = {"long": 5.0, "short": 1.0, "other": 5.0}
    after: dict[str, tuple[str, ...]] = dict.fromkeys(seconds, ())
    assert makespan(seconds, after, 2) == 6.0


def test_nothing_to_do_takes_no_time() -> None:
    assert makespan({}, {}, 4) == 0.0


@given(st.lists(st.tuples(st.floats(0, 10), st.sets(st.integers(0, 9))), max_size=10))
def test_the_end_lies_between_its_bounds(pieces: list[tuple[float, set[int]]]) -> None:
    """No sooner than the longest chain or an equal share; no later than Graham (1966) allows."""
    seconds = {str(number): taken for number, (taken, _) in enumerate(pieces)}
    after = {
        str(number): tuple(str(each) for each in sorted(needed) if each < number)
        for number, (_, needed) in enumerate(pieces)
    }
    ends: dict[str, float] = {}
    for name, taken in seconds.items():
        ends[name] = taken + max((ends[each] for each in after[name]), default=0.0)
    longest, work = max(ends.values(), default=0.0), sum(seconds.values())
    assert makespan(seconds, after, 1) == pytest.approx(work)
    for workers in (2, 3, 10):
        found = makespan(seconds, after, workers)
        least = max(longest, work / workers)
        assert least - 1e-9 <= found <= work / workers + longest * (1 - 1 / workers) + 1e-9


def test_workers_that_save_nothing_are_counted_off() -> None:
    assert fewest_workers(CHAIN, ONE_BY_ONE, 8) == 1
    assert fewest_workers(CHAIN, ALL_AT_ONCE, 8) == 2
