"""Who writes here at the moment, if anybody, even where the file system's locks do not hold?

A lock file is locked by flock, which ends with its process. But flock may be missing, or each
machine may have its own (NFS), so the owner also keeps a *lease* in the file and changes it every
few seconds, its heartbeat. Whoever finds a lease whose owner may live watches it. If it changes,
the owner lives. If it has been still for a minute, by the watcher's own clock, it is taken over; no
other clock counts. Where two machines take a lock at once, or a frozen owner wakes up, the file
holds one lease only: the other process finds that it has lost its own (`check_held`), and stops
writing.
"""

import errno
import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from prunescope.base.errors import RunBusyError
from prunescope.base.lease import Lease, content_of, lease_in, read_lease
from prunescope.base.paths import is_there, require_file

_ATTEMPTS = 10
_SECONDS_BETWEEN_ATTEMPTS = 0.02
_SECONDS_BETWEEN_TURNS = 0.2
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL}


@dataclass(frozen=True, kw_only=True)
class Pace:
    """Seconds between two heartbeats, and after which an owner without any is taken for dead."""

    beat: float = 5.0
    still: float = 60.0


def _tell_nobody(_: str) -> None:
    pass


@contextmanager
def only_writer(
    path: Path,
    *,
    pace: Pace = Pace(),
    say: Callable[[str], None] = _tell_nobody,
) -> Iterator[str]:
    """Hold a lock file for as long as the block lasts, or this process if that is shorter.

    Gives the token of the lease, for `check_held`. say: is told what was found, and of waiting.
    Raises RunBusyError saying which process holds it, on which host, and since when; DataError
    where something else than a file is at the path.
    """
    if path.is_symlink():  # through which somebody else's file would be written
        path.unlink(missing_ok=True)
    if is_there(path):
        require_file(path)  # the lock of a pipe would wait for whoever reads it
    with path.open("a+") as file:
        if not _seized(file):
            raise _busy(path, holder(path) or "another process")
        _outwait(path, pace, say)
        lease = Lease.of(path)
        lease.write(path, 0)
        ended = threading.Event()
        heart = threading.Thread(target=_beat, args=(path, lease, pace, ended), daemon=True)
        heart.start()
        try:
            yield lease.token
        finally:
            ended.set()
            heart.join(pace.beat)
            if lease_in(content_of(path)) == lease:
                os.truncate(path, 0)


@contextmanager
def own_turn(path: Path) -> Iterator[None]:
    """Hold a lock file as `only_writer` does, after waiting until nobody else holds it."""
    with ExitStack() as stack:
        while True:
            with suppress(RunBusyError):
                stack.enter_context(only_writer(path))
                break
            time.sleep(_SECONDS_BETWEEN_TURNS)
        yield


def check_held(path: Path, token: str) -> None:
    """Raise RunBusyError where another process has taken a lock that was held under a token."""
    lease = read_lease(path)
    if lease is not None and lease.token != token:
        raise RunBusyError(
            f"{path.parent} was taken over by {lease}: this process has stopped writing to it. "
            "When that one has ended, the same command goes on"
        )


@contextmanager
def blaming(path: Path, token: str) -> Iterator[None]:
    """Raise what `check_held` does in place of an error of the block that another process caused.

    One that writes to the same folder may take away what this one works with.
    """
    try:
        yield
    except RunBusyError:
        raise
    except Exception:
        check_held(path, token)
        raise


def check_free(path: Path, pace: Pace = Pace()) -> None:
    """Raise RunBusyError if the lock file is held; where flock may be blind, wait for a heartbeat.

    The file is left alone.
    """
    if who := _locked_by(path):
        raise _busy(path, who)
    if _may_be_held(path) is not None:
        _watch(path, 2 * pace.beat)


def holder(path: Path) -> str:
    """Return who holds a lock file, at once; empty if nobody does.

    Of a lease on another machine nobody can say at once whether its owner lives.
    """
    if who := _locked_by(path):
        return who
    lease = _may_be_held(path)
    return "" if lease is None else f"{lease}, if it still lives"


def _locked_by(path: Path) -> str:
    """Return who holds the lock by flock, as far as that can be seen; empty if nobody does."""
    if not path.is_file():
        return ""
    with path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            lease = read_lease(path)
            return str(lease) if lease else "another process"
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
    return ""


def _may_be_held(path: Path) -> Lease | None:
    """Return the lease in a lock file of which flock says that nobody holds it, if it may hold."""
    lease = read_lease(path)
    if lease is None or lease.is_copied_to(path) or lease.is_known_dead():
        return None
    return lease


def _outwait(path: Path, pace: Pace, say: Callable[[str], None]) -> None:
    """Return once no other owner can be alive. Raises RunBusyError if one is."""
    former = read_lease(path)
    if former is not None and former.is_copied_to(path):
        say(
            f"{path.parent} is a copy, made while {former}, was writing to "
            f"{Path(former.path).parent}; what is finished in it is kept"
        )
    elif _may_be_held(path) is not None:
        say(
            f"{path.parent} was being written by {former}, which did not say that it ended: "
            f"waiting {pace.still:.0f} s for a sign of life"
        )
        _watch(path, pace.still)
        say("there was none; this process takes over")


def _watch(path: Path, seconds: float) -> None:
    """Return if a lease has been still for so long, or is given up. Raises RunBusyError."""
    before = content_of(path)
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        time.sleep(min(left, seconds / 100))
        now = content_of(path)
        if now != before:
            if now:
                raise _busy(path, str(lease_in(now) or "another process"))
            return


def _beat(path: Path, lease: Lease, pace: Pace, ended: threading.Event) -> None:
    """Change the lease in the file again and again, until it is lost or the work has ended."""
    beat = 0
    while not ended.wait(pace.beat):
        beat += 1
        with suppress(OSError):  # a disk that is full or away now may be there for the next one
            found = read_lease(path)
            if found is not None and found != lease:
                return
            lease.write(path, beat)


def _busy(path: Path, who: str) -> RunBusyError:
    return RunBusyError(f"{path.parent} is being written by {who}: wait for it, or stop it")


def _seized(file: TextIO) -> bool:
    """Try more than once: whoever asks for the holder has the lock for an instant, too.

    Return True where the file system has no such locks.
    """
    for _ in range(_ATTEMPTS):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_SECONDS_BETWEEN_ATTEMPTS)
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            return True
        else:
            return True
    return False
