"""Does a study survive a thousand kills and a thousand faults? (make soak)

Environment variables: FAULTS and SECONDS end it when either is reached. SEED begins another
sequence. RECORDS is the file to which what came of each fault is added. SOAK is the folder it works
in.
"""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from faults.campaign import Campaign
from faults.cluster import fragile_cluster
from faults.plays import play, play_on_cluster, play_on_small_disk
from faults.records import Record, append, table
from faults.small_disk import why_no_disk
from faults.world import World, world_in

pytestmark = pytest.mark.soak


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    stated = os.environ.get("SOAK")
    return Path(stated) if stated else tmp_path_factory.mktemp("soak")


@pytest.fixture(scope="module")
def world(folder: Path) -> Iterator[World]:
    shutil.rmtree(folder / "world", ignore_errors=True)
    with world_in(folder / "world") as made:
        yield made


Play = Callable[[int], Campaign]


@pytest.fixture
def soak(folder: Path, capsys: pytest.CaptureFixture[str]) -> Callable[[Play], None]:
    """Return a function that plays campaigns, one for each seed, until it has been enough."""

    def soak(play: Play) -> None:
        records: list[Record] = []
        faults, seconds = _number("FAULTS", 2_000), _number("SECONDS", 10**9)
        seed, begun = _number("SEED", time.time_ns() % 10**9), time.monotonic()
        while len(records) < faults and time.monotonic() - begun < seconds:
            campaign = play(seed)
            append(Path(os.environ.get("RECORDS", folder / "records.jsonl")), campaign.records)
            if any(each.outcome in ("lost", "wrong") or each.redone for each in campaign.records):
                kept = folder / "failed" / str(seed)
                shutil.rmtree(kept, ignore_errors=True)
                shutil.copytree(campaign.place, kept, symlinks=True)
            records += campaign.records
            seed += 1
        with capsys.disabled():
            print(f"\n{table(records)}")  # noqa: T201
        assert [each for each in records if each.outcome in ("lost", "wrong")] == []
        assert [each for each in records if each.redone] == []

    return soak


def _number(name: str, default: int) -> int:
    return int(os.environ.get(name, str(default)))


def test_no_fault_loses_a_study_on_this_machine(
    world: World, folder: Path, soak: Callable[[Play], None]
) -> None:
    unfinished: list[Path] = []
    no_disk = why_no_disk(folder)

    def play_one(seed: int) -> Campaign:
        chance = Random(seed)
        state = chance.choice(["new", "unfinished", "unfinished", "finished"])
        campaign = Campaign(world, seed, chance.choice([1, 1, 2]), state)
        if chance.random() < 0.3 and not no_disk:
            campaign.state = "new"
            play_on_small_disk(campaign)
        else:
            play(campaign, unfinished, steps=chance.randint(4, 10))
        return campaign

    soak(play_one)


def test_no_fault_loses_a_study_on_a_ray_cluster(
    world: World, soak: Callable[[Play], None]
) -> None:
    pytest.importorskip("ray", reason="Ray is not installed (extra: ray)")
    with fragile_cluster() as cluster:

        def play_one(seed: int) -> Campaign:
            campaign = Campaign(world, seed, 2, "new", engine="ray", options=cluster.options)
            play_on_cluster(campaign, cluster)
            return campaign

        soak(play_one)
