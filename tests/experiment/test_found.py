"""Is a run folder that was moved, copied or joined by hand taken, and are we told what it is?"""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from engines.jobs import Recorder
from prunescope.base.lease import Lease
from prunescope.experiment.merging import merge_runs
from prunescope.experiment.run import run_study
from prunescope.experiment.status import status
from prunescope.recipe import Recipe
from prunescope.results.layout import HISTORY, LOCK, MANIFEST, PROVENANCE
from prunescope.results.manifest import read_manifest, write_manifest
from prunescope.results.provenance import Provenance
from runs import contents

TinyStudy = Callable[..., Recipe]


@pytest.fixture
def said_by_run(tiny_study: TinyStudy, run: Path) -> Callable[[], list[str]]:
    """Return a function that runs the study in the copied folder, and says what it was told."""

    def go_on() -> list[str]:
        recorder = Recorder()
        run_study(tiny_study(), run, workers=1, progress=recorder)
        return recorder.said

    return go_on


def moved_from(finished: Path) -> str:
    return (
        f"this run was last written at {finished.resolve()}: it was moved or copied, and goes on "
        "here"
    )


def test_a_run_that_was_moved_is_taken_as_it_is(
    finished: Path, run: Path, said_by_run: Callable[[], list[str]]
) -> None:
    assert said_by_run() == [moved_from(finished)]
    assert contents(run) == contents(finished)


def test_a_run_that_was_copied_while_it_was_written_is_taken_at_once(
    finished: Path, run: Path, said_by_run: Callable[[], list[str]]
) -> None:
    here = Lease.of(run / LOCK)
    lease = replace(here, host="far", machine="far", process=7, file=0, path="/runs/a/.lock")
    lease.write(run / LOCK, 3)
    assert status(run).holder == ""
    assert said_by_run() == [
        f"{run} is a copy, made while process 7 on far, since {lease.since}, was writing to "
        "/runs/a; what is finished in it is kept",
        moved_from(finished),
    ]
    assert contents(run) == contents(finished)


def test_a_run_joined_with_another_by_hand_is_taken_and_recorded(
    finished: Path, run: Path, said_by_run: Callable[[], list[str]]
) -> None:
    (run / PROVENANCE).unlink()
    record = Provenance(finished)
    second = [title for title in record.finished_keys if not title.startswith("replicate-0/")]
    Provenance(run).adopt(record, second)
    assert said_by_run() == [
        moved_from(finished),
        "replicate 0, up to the rewind point and 12 more stages are finished, but not in "
        "provenance.json: copied here from another run, or made by a process that was killed "
        "before it could record it; taken as it is",
    ]
    assert contents(run) == contents(finished)
    assert Provenance(run).finished_keys == record.finished_keys
    assert said_by_run() == [moved_from(finished)]


@pytest.mark.long
def test_what_a_copy_that_was_cut_short_left_is_set_aside_and_made_again(
    finished: Path, run: Path, said_by_run: Callable[[], list[str]]
) -> None:
    shutil.rmtree(run / "replicate-1/lottery/level-02/dissection")
    (run / "replicate-1/lottery/level-02" / MANIFEST).unlink()
    (run / PROVENANCE).unlink()
    said = said_by_run()
    assert said[0] == (
        "warning: replicate-1/lottery/level-02 is half there, as after a copy that was cut short: "
        "it is moved to outdated/, and made again"
    )
    after = {name: each for name, each in contents(run).items() if name[:9] != "outdated/"}
    assert after == contents(finished)
    [aside] = (run / "outdated").iterdir()
    assert (aside / "weights.safetensors").is_file()


@pytest.mark.long
def test_runs_that_finished_a_level_in_different_bits_are_merged_with_a_warning(
    finished: Path, run: Path, tmp_path: Path
) -> None:
    level = run / "replicate-0/level-00"
    (level / HISTORY).write_bytes((level / HISTORY).read_bytes() + b"\n")
    manifest = read_manifest(level)
    assert manifest is not None
    others = [path for path in level.iterdir() if path.name not in manifest.files]
    for path in others:
        path.rename(tmp_path / path.name)
    write_manifest(level, key=manifest.key, kind="level")
    for path in others:
        if path.name != MANIFEST:
            (tmp_path / path.name).rename(path)
    shutil.rmtree(run / "replicate-1")
    bare = Path(shutil.copytree(finished, tmp_path / "bare"))
    shutil.rmtree(bare / "replicate-0/lottery")
    recorder = Recorder()
    merge_runs([bare, run], tmp_path / "whole", progress=recorder)
    assert recorder.said[1] == (
        "warning: replicate-0/level-00 was finished in several runs, but not alike (on another "
        "machine, or with another number of threads): the first one's are taken, and what another "
        "run made from its own stays as it is"
    )
