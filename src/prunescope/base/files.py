"""How is a file written whole or not at all, and how is content hashed?"""

import errno
import hashlib
import json
import os
import secrets
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from prunescope.base.errors import StoreError
from prunescope.base.paths import require_file

_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)
_TICK = 50_000_000  # nanoseconds; the clocks of file systems move every 1 to 10 milliseconds


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees the old content or the new, and a power cut loses neither.

    Raises StoreError naming the file where the system refuses, as on a full disk.
    """
    temporary = _beside(path)
    try:
        _write_durably(temporary, content)
        temporary.replace(path)
        sync(path.parent)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def write_together(contents: Mapping[Path, bytes]) -> None:
    """Write files of one folder so that the last, where a reader finds it, belongs to the others.

    All are written to temporary files first, so a full disk changes nothing. Then the former last
    file is removed, and all are renamed in their order: a crash in between leaves no last file,
    never one beside files of another write.
    Raises StoreError naming the last file where the system refuses.
    """
    last = list(contents)[-1]
    try:
        last.parent.mkdir(parents=True, exist_ok=True)
        for path, content in contents.items():
            _write_durably(_beside(path), content)
        last.unlink(missing_ok=True)
        sync(last.parent)
        for path in contents:
            _beside(path).replace(path)
        sync(last.parent)
    except OSError as error:
        raise cannot_write(last, error) from error
    finally:
        for path in contents:
            with suppress(OSError):
                _beside(path).unlink()


def is_full(error: BaseException) -> bool:
    """Return whether an error says that a disk, or one's share of it, has no room left."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def cannot_write(path: Path | str, error: OSError) -> StoreError:
    """Return the error for a path that the system refuses to write."""
    advice = ": make room on its disk, and give the same command again" if is_full(error) else ""
    return StoreError(f"{path} cannot be written: {error.strerror or error}{advice}")


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{process_mark()}.tmp")


def process_mark() -> str:
    """Return what no other process has at the moment, on this machine or another."""
    return f"{os.getpid()}-{_drawn()}"


@cache
def _drawn() -> str:
    return secrets.token_hex(4)  # processes of one number, each on its machine, share a folder


def _write_durably(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync(path: Path) -> None:
    """Make the content of a file, or the names in a folder, durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def hash_file(path: Path) -> str:
    """Return the sha256 of a file's content in hex. Raises DataError for a pipe or a device."""
    require_file(path)
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hash_once(path: Path) -> str:
    """Return what `hash_file` does, and read a file again only if it has changed since."""
    require_file(path)
    return once_per_file(hash_file, path)


def once_per_file(compute: Callable[[Path], str], path: Path) -> str:
    """Return compute(path), computed again only if the file has changed since.

    As in git, a file has changed if its size, inode or times have. One that changed a moment ago
    is computed again, since a later change may have the same time.
    """
    facts = path.stat()
    if time.time_ns() - facts.st_ctime_ns < _TICK:
        return compute(path)
    return _of(compute, path, facts.st_size, facts.st_ino, facts.st_mtime_ns, facts.st_ctime_ns)


@lru_cache(maxsize=65_536)
def _of(compute: Callable[[Path], str], path: Path, *_facts: int) -> str:
    return compute(path)


def canonical_json(value: Any) -> str:
    """Write a value as canonical JSON: sorted keys, no spaces, no nan."""
    return _CANONICAL.encode(value)


def fingerprint(value: Any) -> str:
    """Return the sha256, in hex, of a JSON-able value's canonical text."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()
