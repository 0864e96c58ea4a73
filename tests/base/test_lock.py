"""Is there one writer at a time, and does its lock die with it?"""

import errno
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from engines.jobs import wait_until
from prunescope.base.errors import RunBusyError
from prunescope.base.lease import Lease, read_lease
from prunescope.base.lock import (
    Pace,
    blaming,
    check_free,
    check_held,
    holder,
    only_writer,
    own_turn,
)
from prunescope.results.store import Store


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that is writing to `tmp_path`/run."""
    script = Path(__file__).parent / "children.py"
    command = [sys.executable, str(script), str(tmp_path / "run")]
    with subprocess.Popen(command) as process:
        while not (tmp_path / "run" / "writing").exists():
            assert process.poll() is None
            time.sleep(0.01)
        yield process
        process.kill()


def test_a_second_process_is_told_who_where_and_since_when(
    tmp_path: Path, writer: subprocess.Popen[bytes]
):
    store = Store(tmp_path / "run")
    with pytest.raises(RunBusyError) as error, store.writing():
        pytest.fail("two processes write")
    who = rf"process {writer.pid} on {re.escape(socket.gethostname())}, since 20\d\d-\d\d-\d\d "
    assert re.search(rf"run is being written by {who}", str(error.value))
    assert re.match(who, store.holder())


def test_a_killed_writer_leaves_the_run_to_the_next(
    tmp_path: Path, writer: subprocess.Popen[bytes]
):
    os.kill(writer.pid, signal.SIGKILL)
    writer.wait()
    store = Store(tmp_path / "run")
    assert store.holder() == ""
    store.create()
    with store.writing():
        assert store.holder().startswith(f"process {os.getpid()} on ")
    assert store.holder() == ""


def test_the_lock_is_free_after_an_error_and_says_nothing(tmp_path: Path):
    path = tmp_path / "lock"
    with pytest.raises(KeyError), only_writer(path):
        raise KeyError
    assert holder(path) == ""
    assert path.read_text() == ""
    with only_writer(path):
        pass


def test_a_lock_that_never_was_has_no_holder(tmp_path: Path):
    assert holder(tmp_path / "lock") == ""
    assert list(tmp_path.iterdir()) == []


def test_a_check_says_who_writes_and_makes_no_file(tmp_path: Path):
    check_free(tmp_path / "lock")
    assert list(tmp_path.iterdir()) == []
    with (
        only_writer(tmp_path / "lock"),
        pytest.raises(RunBusyError, match=f"process {os.getpid()} on"),
    ):
        check_free(tmp_path / "lock")
    check_free(tmp_path / "lock")


def test_two_writers_in_one_process_are_two_too(tmp_path: Path):
    with only_writer(tmp_path / "lock"):
        with pytest.raises(RunBusyError, match=f"process {os.getpid()} on"):
            only_writer(tmp_path / "lock").__enter__()
        assert holder(tmp_path / "lock") != ""


def test_whoever_asks_for_the_holder_is_in_nobodys_way(tmp_path: Path):
    import fcntl
    from threading import Timer

    path = tmp_path / "lock"
    with path.open("w") as asking:
        fcntl.flock(asking, fcntl.LOCK_SH)
        Timer(0.05, fcntl.flock, (asking, fcntl.LOCK_UN)).start()
        with only_writer(path):
            assert holder(path) != ""


BRISK = Pace(beat=0.02, still=0.3)
PATIENT = Pace(beat=5.0, still=30.0)  # where a heartbeat comes, so that nothing waits so long


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A lock file in a folder called run."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "lock").touch()
    return tmp_path / "run" / "lock"


def elsewhere(path: Path) -> Lease:
    """Return the lease of a process on another machine, of which this one knows nothing."""
    return replace(Lease.of(path), machine="another", host="far", process=7, token="theirs")


@contextmanager
def beating(path: Path, lease: Lease) -> Iterator[None]:
    """Let another machine write its heartbeats into a lock file."""
    ended = threading.Event()
    lease.write(path, 0)

    def beat() -> None:
        for number in count(1):
            if ended.wait(0.02):
                return
            lease.write(path, number)

    heart = threading.Thread(target=beat)
    heart.start()
    try:
        yield
    finally:
        ended.set()
        heart.join()


@pytest.fixture
def blind(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system on which flock always succeeds."""
    monkeypatch.setattr("fcntl.flock", lambda *_: None)


@pytest.fixture(params=[errno.ENOLCK, errno.EOPNOTSUPP])
def missing(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """A file system that has no flock."""

    def refuse(*_: object) -> None:
        raise OSError(request.param, "no locks")

    monkeypatch.setattr("fcntl.flock", refuse)


def test_a_machine_that_writes_elsewhere_is_named(path: Path):
    with beating(path, elsewhere(path)):
        with pytest.raises(
            RunBusyError, match="run is being written by process 7 on far, since 20"
        ):
            only_writer(path, pace=BRISK).__enter__()
        with pytest.raises(RunBusyError, match="process 7 on far"):
            check_free(path, BRISK)
        assert re.fullmatch(r"process 7 on far, since 20.*, if it still lives", holder(path))


@pytest.mark.parametrize("clock", [-2e9, 2e9])
def test_a_machine_that_died_is_taken_over_once_its_heart_is_still_whatever_its_clock_said(
    path: Path, clock: float
):
    lease = replace(elsewhere(path), since=time.strftime("%Y", time.gmtime(4e9 + clock)))
    lease.write(path, 5)
    os.utime(path, (4e9 + clock, 4e9 + clock))
    check_free(path, BRISK)
    said: list[str] = []
    began = time.monotonic()
    with only_writer(path, pace=BRISK, say=said.append) as token:
        assert time.monotonic() - began >= BRISK.still
        check_held(path, token)
        assert holder(path).startswith(f"process {os.getpid()} on")
    assert said == [
        f"{path.parent} was being written by {lease}, which did not say that it ended: waiting "
        "0 s for a sign of life",
        "there was none; this process takes over",
    ]


def test_a_lease_that_is_given_up_while_it_is_watched_is_free_at_once(path: Path):
    elsewhere(path).write(path, 5)
    threading.Timer(0.1, os.truncate, (path, 0)).start()
    with only_writer(path, pace=Pace(still=60)):
        assert "far" not in holder(path)


def test_an_owner_that_is_taken_over_learns_of_it_and_leaves_the_lease_alone(path: Path):
    with only_writer(path, pace=BRISK) as token:
        check_held(path, token)
        theirs = elsewhere(path)
        theirs.write(path, 0)
        with pytest.raises(RunBusyError, match=r"taken over by process 7 on far.* has stopped"):
            check_held(path, token)
        with pytest.raises(RunBusyError), blaming(path, token):
            raise OSError(39, "Directory not empty")
        time.sleep(5 * BRISK.beat)
    assert read_lease(path) == theirs


def test_a_lock_file_that_is_lost_or_torn_is_written_again_by_its_owner(path: Path):
    with only_writer(path, pace=BRISK) as token:
        for harm in (path.unlink, lambda: path.write_text('{"token"')):
            harm()
            check_held(path, token)
            wait_until(lambda: read_lease(path) is not None)
        assert read_lease(path).token == token


@pytest.mark.usefixtures("blind")
def test_where_flock_is_blind_the_lease_keeps_a_second_writer_out(path: Path):
    with only_writer(path, pace=BRISK), pytest.raises(RunBusyError, match=str(os.getpid())):
        only_writer(path, pace=PATIENT).__enter__()
    assert holder(path) == ""


@pytest.mark.usefixtures("missing")
def test_where_flock_is_missing_the_lease_keeps_a_second_writer_out(path: Path):
    with only_writer(path, pace=BRISK), pytest.raises(RunBusyError, match=str(os.getpid())):
        only_writer(path, pace=PATIENT).__enter__()
    assert holder(path) == ""


def test_a_copy_made_while_somebody_wrote_is_free_and_says_so(path: Path):
    elsewhere(path).write(path, 5)
    copy = Path(shutil.copytree(path.parent, path.parent.with_name("copy"))) / "lock"
    assert holder(copy) == ""
    check_free(copy)
    said: list[str] = []
    with only_writer(copy, say=said.append):
        pass
    assert said == [
        f"{copy.parent} is a copy, made while {elsewhere(path)}, was writing to {path.parent}; "
        "what is finished in it is kept"
    ]


def test_a_folder_that_was_moved_while_somebody_wrote_is_no_copy(path: Path):
    lease = elsewhere(path)
    moved = path.parent.rename(path.parent.with_name("moved")) / "lock"
    with beating(moved, lease), pytest.raises(RunBusyError, match="on far"):
        only_writer(moved, pace=PATIENT).__enter__()


def test_a_process_of_the_same_number_that_began_at_another_time_is_another(path: Path):
    replace(Lease.of(path), born="0").write(path, 0)
    with only_writer(path):
        pass


def test_nothing_is_written_through_a_link_in_the_place_of_a_lock(path: Path, tmp_path: Path):
    theirs = tmp_path / "theirs"
    theirs.write_text("somebody else's")
    path.unlink()
    path.symlink_to(theirs)
    with only_writer(path) as token:
        assert not path.is_symlink()
        path.unlink()
        path.symlink_to(theirs)
        check_held(path, token)
        with pytest.raises(OSError, match="symbolic link"):
            Lease.of(path).write(path, 1)
    assert theirs.read_text() == "somebody else's"
    path.unlink()
    path.symlink_to(tmp_path / "nowhere")
    with only_writer(path):
        assert not (tmp_path / "nowhere").exists()


def test_turns_are_taken_one_after_the_other(path: Path):
    order: list[str] = []

    def second() -> None:
        with own_turn(path):
            order.append("second")

    with own_turn(path):
        waiting = threading.Thread(target=second)
        waiting.start()
        time.sleep(0.3)
        order.append("first")
    waiting.join()
    assert order == ["first", "second"]
