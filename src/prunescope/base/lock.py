"""Who writes here at the moment, if anybody?"""

import fcntl
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from prunescope.base.errors import RunBusyError
from prunescope.base.paths import is_there, require_file

_ATTEMPTS = 10
_SECONDS_BETWEEN_ATTEMPTS = 0.02


@contextmanager
def only_writer(path: Path) -> Iterator[None]:
    """Hold a lock file for as long as the block lasts, or this process if that is shorter.

    Raises RunBusyError saying which process holds it, on which host, and since when; DataError
    where something else than a file is at the path.
    """
    if is_there(path):
        require_file(path)  # the lock of a pipe would wait for whoever reads it
    with path.open("a+") as file:
        if not _seized(file):
            raise _busy(path, holder(path) or "another process")
        started = time.strftime("%Y-%m-%d %H:%M:%S")
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}, since {started}")
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)


def check_free(path: Path) -> None:
    """Raise RunBusyError as `only_writer` would at the moment; leave the file alone."""
    if who := holder(path):
        raise _busy(path, who)


def holder(path: Path) -> str:
    """Return who holds a lock file; empty if nobody does."""
    if not path.is_file():
        return ""
    with path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return file.read() or "another process"
    return ""


def _busy(path: Path, who: str) -> RunBusyError:
    return RunBusyError(f"{path.parent} is being written by {who}: wait for it, or stop it")


def _seized(file: TextIO) -> bool:
    """Try more than once: whoever asks for the holder has the lock for an instant, too."""
    for _ in range(_ATTEMPTS):
        with suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        time.sleep(_SECONDS_BETWEEN_ATTEMPTS)
    return False
