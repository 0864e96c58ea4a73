"""Does the harness damage what it says, and see what is damaged?"""

import shutil
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from faults.damage import DAMAGES, damage_something
from faults.records import Record, append, main
from faults.world import counted, made_again, sound_artifacts
from prunescope.results.artifacts import Artifact
from prunescope.results.layout import WORK
from prunescope.results.store import Store

LEVEL = Artifact(path="replicate-0/level-00", key="1" * 64)
TABLES = Artifact(path="tables", key="2" * 64)


@pytest.fixture
def made(tmp_path: Path) -> Path:
    store = Store(tmp_path / "run")
    for artifact in (LEVEL, TABLES):
        with store.making(artifact, kind="test") as folder:
            (folder / "inner").mkdir()
            (folder / "inner" / "a.bin").write_bytes(bytes(range(1, 100)))
    (store.root / WORK).rmdir()
    return store.root


def test_every_kind_of_damage_changes_a_run_and_is_seen(made: Path, tmp_path: Path) -> None:
    whole, sound = counted(made, whole=True), sound_artifacts(made)
    assert len(sound) == 2
    tried = set()
    for seed in range(80):
        kept = tmp_path / f"kept-{seed}"
        made.rename(kept)
        shutil.copytree(kept, made)
        done = damage_something(made, tmp_path / f"aside-{seed}", Random(seed))
        tried.add(done.kind)
        changed = counted(made, whole=True) != whole
        hit = len(sound_artifacts(made)) < 2
        if "link" not in done.kind:  # which may lead to the same content
            assert changed == hit == (done.kind != "file times wrong"), done
        shutil.rmtree(made)
        kept.rename(made)
    assert tried == set(DAMAGES)


def test_an_artifact_written_again_is_told_from_one_that_stayed(made: Path) -> None:
    before = sound_artifacts(made)
    for artifact, again in ((TABLES, ["tables/manifest.json"]), (replace(TABLES, key="3"), [])):
        with Store(made).making(artifact, kind="test", again=True) as folder:
            (folder / "a.txt").write_text("a")
        assert made_again(before, sound_artifacts(made)) == again


def test_records_of_several_runs_add_up(tmp_path: Path) -> None:
    kill = Record(
        engine="ray", state="new", fault="kill: Ray node", outcome="identical", redone=0, seed=1
    )
    flip = Record(
        engine="local, 1", state="finished", fault="bit flipped", outcome="told", redone=2, seed=2
    )
    append(tmp_path / "new" / "records.jsonl", [kill, flip])
    append(tmp_path / "new" / "records.jsonl", [flip])
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- records -->\nold\n<!-- end of records -->\nafter\n")
    main([tmp_path / "new" / "records.jsonl", page])
    lines = page.read_text().splitlines()
    assert "| bit flipped | 2 | 0 | 2 | 0 | 0 |" in lines
    assert "| kill: Ray node | 1 | 1 | 0 | 0 | 0 |" in lines
    assert any(line.startswith("1 kills and 2 other faults; 4 sound") for line in lines)
    assert (lines[0], lines[-1], "old" in lines) == ("before", "after", False)
