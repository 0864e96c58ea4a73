"""Do two machines that share a run folder, but no locks, leave it whole?"""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from engines.jobs import wait_until
from prunescope.base.lease import Lease, read_lease
from prunescope.recipe import Recipe
from runs import contents

TinyStudy = Callable[..., Recipe]
_BLIND = """\
import fcntl

fcntl.flock = lambda *_: None
"""
_UNSEEN = (
    _BLIND
    + """\
import io
import os

mine = "/.lock-of-" + os.environ["HOST_OF_TEST"]


def seen(call):
    def on_this_host(path, *others, **named):
        text = os.fspath(path) if isinstance(path, os.PathLike) else path
        if isinstance(text, str) and text.endswith("/.lock"):
            path = text.removesuffix("/.lock") + mine
        return call(path, *others, **named)

    return on_this_host


for module, name in ((os, "open"), (os, "stat"), (os, "truncate"), (io, "open")):
    setattr(module, name, seen(getattr(module, name)))
"""
)
"""What a file system without locks, and one that never shows another machine's writes, is like.

Both are written into a sitecustomize.py, which Python runs before anything else.
"""


@pytest.fixture
def start(tiny_study: TinyStudy, tmp_path: Path) -> Callable[[str, str], subprocess.Popen[str]]:
    """Return a function that starts the tiny study on a host whose file system is so."""
    (tmp_path / "tiny.yaml").write_text(tiny_study().to_yaml())

    def begin(file_system: str, host: str) -> subprocess.Popen[str]:
        (tmp_path / host).mkdir(exist_ok=True)
        (tmp_path / host / "sitecustomize.py").write_text(file_system)
        found = os.pathsep.join([str(tmp_path / host), *filter(None, sys.path)])
        words = ["run", str(tmp_path / "tiny.yaml"), "--out", str(tmp_path / "run")]
        return subprocess.Popen(
            [sys.executable, "-m", "prunescope", *words, "--workers", "1"],
            env=os.environ | {"PYTHONPATH": found, "HOST_OF_TEST": host, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    return begin


def end(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Return the exit status and the last line of a process that ends without a traceback."""
    _, said = process.communicate(timeout=300)
    assert "Traceback" not in said, said
    assert "not empty" not in said, said
    return process.returncode, said.strip().splitlines()[-1]


def whole(run: Path) -> dict[str, bytes]:
    files = contents(run)
    return {name: files[name] for name in files if not name.startswith(".lock-of-")}


@pytest.mark.long
def test_of_two_that_begin_together_one_makes_the_study_and_the_other_says_who(
    start: Callable[[str, str], subprocess.Popen[str]], finished: Path, tmp_path: Path
) -> None:
    ends = [end(each) for each in [start(_BLIND, "a"), start(_BLIND, "b")]]
    assert sorted(status for status, _ in ends) == [0, 1]
    word = max(ends)[1]
    assert word.startswith(f"prunescope: {tmp_path / 'run'} "), word
    assert "is being written by process" in word or "was taken over by process" in word
    assert whole(tmp_path / "run") == whole(finished)


@pytest.mark.long
def test_one_that_is_taken_over_stops_within_seconds_and_writes_nothing_more(
    start: Callable[[str, str], subprocess.Popen[str]], finished: Path, tmp_path: Path
) -> None:
    lock = tmp_path / "run" / ".lock"
    process = start(_BLIND, "a")
    wait_until(lambda: any((tmp_path / "run").glob("replicate-0/rewind")))
    theirs = replace(Lease.of(lock), machine="another", host="far", process=7, token="theirs")
    theirs.write(lock, 0)
    taken = time.monotonic()
    status, word = end(process)
    assert time.monotonic() - taken < 60
    assert status == 1
    assert f"run was taken over by {theirs}: this process has stopped writing to it" in word
    assert read_lease(lock) == theirs
    os.truncate(lock, 0)
    assert end(start(_BLIND, "a"))[0] == 0
    assert whole(tmp_path / "run") == whole(finished)


@pytest.mark.slow
@pytest.mark.parametrize("apart", [0.0, 4.0])
def test_two_that_cannot_see_each_other_at_all_lose_time_at_worst(
    start: Callable[[str, str], subprocess.Popen[str]], finished: Path, tmp_path: Path, apart: float
) -> None:
    first = start(_UNSEEN, "a")
    time.sleep(apart)
    for process in (first, start(_UNSEEN, "b")):
        end(process)
    assert end(start(_UNSEEN, "a"))[0] == 0
    assert whole(tmp_path / "run") == whole(finished)
