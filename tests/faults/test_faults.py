"""Does a study end with the same bytes after kills and faults of every kind? A few of each here.

`make soak` goes on for hours (test_soak.py).
"""

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from faults.campaign import Campaign
from faults.cluster import fragile_cluster
from faults.plays import play, play_on_small_disk
from faults.records import Record
from faults.small_disk import why_no_disk
from faults.watching import wait_for
from faults.world import World, world_in
from prunescope.results.layout import CHECKPOINT


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


@pytest.mark.slow
def test_a_cluster_that_loses_its_head_is_told_and_costs_no_finished_work(world: World) -> None:
    pytest.importorskip("ray", reason="Ray is not installed (extra: ray)")
    with fragile_cluster() as cluster:
        campaign = Campaign(world, 3, 2, "new", engine="ray", options=cluster.options)

        def kill(chance: Random) -> bool:
            return wait_for(lambda: any(campaign.run.rglob(CHECKPOINT)), 60) and cluster.kill_head(
                chance
            )

        campaign.lose("Ray head", kill, 0.0, times=1)
        cluster.end()
        cluster.begin()
        campaign.options = cluster.options
        campaign.resume(whole=False)
    assert [each.outcome for each in campaign.records] == ["told"]
    assert "has not answered for 20 s" in campaign.records[0].note
