"""Is there one writer at a time, and does its lock die with it?"""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from prunescope.base.errors import RunBusyError
from prunescope.base.lock import check_free, holder, only_writer
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
