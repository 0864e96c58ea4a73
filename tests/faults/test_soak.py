"""Does a study survive a thousand kills and a thousand faults? (make soak)

Environment variables: FAULTS and SECONDS end it when either is reached. SEED begins another
sequence. RECORDS is the file to which what came of each fault is added. SOAK is the folder it works
in.
"""

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from faults.campaign import Campaign, play
from faults.records import Record, append, table
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


def test_no_fault_loses_a_study_on_this_machine(
    world: World, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    records: list[Record] = []
    faults, seconds = int(os.environ.get("FAULTS", "2000")), float(os.environ.get("SECONDS", "1e9"))
    seed, begun = int(os.environ.get("SEED", str(time.time_ns() % 10**9))), time.monotonic()
    unfinished: list[Path] = []
    while len(records) < faults and time.monotonic() - begun < seconds:
        chance = Random(seed)
        state = chance.choice(["new", "unfinished", "finished", "finished"])
        campaign = Campaign(world, seed, chance.choice([1, 1, 2]), state)
        made = play(campaign, unfinished, steps=chance.randint(4, 10))
        append(Path(os.environ.get("RECORDS", folder / "records.jsonl")), made)
        if any(record.outcome in ("lost", "wrong") or record.redone for record in made):
            kept = folder / "failed" / str(seed)
            shutil.rmtree(kept, ignore_errors=True)
            shutil.copytree(campaign.place, kept, symlinks=True)
        records += made
        seed += 1
    with capsys.disabled():
        print(f"\n{table(records)}")  # noqa: T201
    assert [record for record in records if record.outcome in ("lost", "wrong")] == []
