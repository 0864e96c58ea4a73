"""What does a lock file say: who writes here, from which machine, and for which folder?"""

import json
import os
import secrets
import socket
import time
import uuid
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_LARGEST = 4096  # bytes; a lease has a few hundred


@dataclass(frozen=True, kw_only=True)
class Lease:
    """The right to write, as its owner states it in the lock file.

    token: drawn for this lease. process, born: the owner's number, and when that process began, by
    the system's own count: another process of the same number began at another time.
    host: its machine's name. machine: what tells this machine from others of that name.
    since: the local time. file: inode of the lock file. path: where that file was.
    """

    token: str
    process: int
    born: str
    host: str
    machine: str
    since: str
    file: int
    path: str

    @classmethod
    def of(cls, path: Path) -> "Lease":
        """Return a new lease of this process on a lock file that exists."""
        return cls(
            token=secrets.token_hex(16),
            process=os.getpid(),
            born=_birth("self"),
            host=socket.gethostname(),
            machine=this_machine(),
            since=time.strftime("%Y-%m-%d %H:%M:%S"),
            file=path.stat().st_ino,
            path=str(path.absolute()),
        )

    def __str__(self) -> str:
        """Say who the owner is."""
        return f"process {self.process} on {self.host}, since {self.since}"

    def is_copied_to(self, path: Path) -> bool:
        """Return whether the lock file at a path is a copy of the one that the owner wrote."""
        return self.file != path.stat().st_ino and self.path != str(path.absolute())

    def is_known_dead(self) -> bool:
        """Return whether the owner was a process of this machine that has ended."""
        if self.machine != this_machine():
            return False
        try:
            os.kill(self.process, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            pass
        return self.born != _birth(str(self.process))

    def write(self, path: Path, beat: int) -> None:
        """Write the lease into the lock file, in its place; every beat makes other bytes."""
        content = json.dumps(asdict(self) | {"beat": f"{beat:012d}"}, sort_keys=True).encode()
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        try:
            os.write(handle, content)
            os.ftruncate(handle, len(content))
        finally:
            os.close(handle)


def content_of(path: Path) -> bytes:
    """Return what is in a lock file now; nothing if there is none."""
    try:
        # Never wait for a pipe's writer, nor take what is behind a link for the lease.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError:
        return b""
    try:
        with suppress(OSError):
            return os.read(handle, _LARGEST)
        return b""
    finally:
        os.close(handle)


def read_lease(path: Path) -> Lease | None:
    """Return the lease in a lock file; None if there is none, or it cannot be read."""
    return lease_in(content_of(path))


def lease_in(content: bytes) -> Lease | None:
    """Return the lease that a lock file's content states; None if it states none."""
    with suppress(ValueError, RecursionError):
        values = json.loads(content)
        if isinstance(values, dict):
            stated: dict[str, Any] = {each.name: values.get(each.name) for each in fields(Lease)}
            if all(type(stated[field.name]) is field.type for field in fields(Lease)):
                return Lease(**stated)
    return None


def _birth(process: str) -> str:
    """Return when a process began, in ticks since the machine did; empty where nothing says it."""
    with suppress(OSError, IndexError):
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[19]
    return ""


@cache
def this_machine() -> str:
    """Return what no other machine has, nor this one after it started again.

    Containers of one machine share it.
    """
    with suppress(OSError):
        return _BOOT.read_text().strip()
    return f"{socket.gethostname()} {uuid.getnode():x}"
