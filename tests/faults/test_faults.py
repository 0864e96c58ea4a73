"""Does a study end with the same bytes after kills and faults of every kind? A few of each here.

`make soak` goes on for hours (test_soak.py).
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from faults.campaign import Campaign, play, play_on_small_disk
from faults.records import Record
from faults.small_disk import why_no_disk
from faults.world import World, world_in


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world_in(tmp_path_factory.mktemp("faults") / "world", drawn=False) as made:
        yield made


def check(records: list[Record], faults: int) -> None:
    assert len(records) >= faults
    assert [each for each in records if each.outcome not in ("identical", "told")] == []
    assert [each for each in records if each.redone] == []


def test_a_study_that_is_killed_and_damaged_ends_with_the_same_bytes(world: World) -> None:
    campaign = Campaign(world, 1, 1, "new")
    check(play(campaign, [], steps=4), faults=4)


def test_whatever_is_damaged_in_a_finished_study_is_made_again(world: World) -> None:
    campaign = Campaign(world, 2, 1, "finished")
    check(play(campaign, [], steps=4), faults=4)


@pytest.mark.parametrize("seed", [2, pytest.param(1, marks=pytest.mark.long)])  # bytes, files
def test_a_full_disk_is_told_and_costs_nothing_but_room(
    world: World, tmp_path: Path, seed: int
) -> None:
    if reason := why_no_disk(tmp_path):
        pytest.skip(reason)
    check(play_on_small_disk(Campaign(world, seed, 1, "new")), faults=1)
