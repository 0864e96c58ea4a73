"""What does the user's cache hold, which can be made again, and who makes it?

Whatever lies in it may be removed at any time. Of files that take minutes to hash it holds the
fingerprint, under the hash of their names, sizes and times, which take seconds to ask for: files
that changed have others, and are hashed anew.
"""

import hashlib
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from prunescope.base.errors import ConfigError, StoreError
from prunescope.base.files import write_atomically
from prunescope.base.lock import own_turn

_SETTLED_NS = 2_000_000_000  # a file system may give two changes so close together one time
_LINES_AT_ONCE = 1_000
_FINGERPRINT = re.compile("[0-9a-f]{64}")


def cache_folder() -> Path:
    """Return $PRUNESCOPE_CACHE, else $XDG_CACHE_HOME/prunescope, else ~/.cache/prunescope."""
    if stated := os.environ.get("PRUNESCOPE_CACHE"):
        return Path(stated).expanduser().absolute()
    shared = os.environ.get("XDG_CACHE_HOME")
    return (Path(shared) if shared else Path.home() / ".cache") / "prunescope"


@contextmanager
def turn_to_make(path: Path, what: str) -> Iterator[None]:
    """Hold the right to make something in the cache alone, after waiting for it if need be.

    Where another machine shares the cache and no locks hold, it may be lost, so that both make it:
    each in a file or folder of its own.

    what: its name in the message of the ConfigError where the cache cannot be written.
    """
    lock = path.with_name(f".{path.name}.lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.touch()
    except OSError as error:
        raise ConfigError(
            f"{what} cannot be kept in {path.parent} ({error.strerror}): "
            "set PRUNESCOPE_CACHE to a folder that can be written"
        ) from error
    with own_turn(lock):
        yield


def recall(
    kind: str, files: Iterable[tuple[Path | str, os.stat_result]], compute: Callable[[], str]
) -> str:
    """Return the fingerprint of files from the cache if none has changed, else `compute()`.

    kind: what else the fingerprint depends on, as text.
    files: with what the system says of them, in one order; a text is an absolute path. A change
        that leaves a file's size and its time of modification, to the nanosecond, as they were is
        not noticed.
    """
    digest = hashlib.sha256(f"{kind}\n".encode())
    newest, lines = 0, list[str]()
    for file, status in files:
        path = file if isinstance(file, str) else file.absolute()
        lines.append(f"{path}\0{status.st_size} {status.st_mtime_ns}\n")
        if status.st_mtime_ns > newest:
            newest = status.st_mtime_ns
        if len(lines) == _LINES_AT_ONCE:
            digest.update("".join(lines).encode("utf-8", "surrogateescape"))
            lines.clear()
    digest.update("".join(lines).encode("utf-8", "surrogateescape"))
    kept = cache_folder() / "fingerprints" / digest.hexdigest()
    with suppress(OSError, UnicodeDecodeError):
        cached = kept.read_text()
        if _FINGERPRINT.fullmatch(cached):
            return cached
    settled = time.time_ns() - newest > _SETTLED_NS
    computed = compute()
    if settled:
        with suppress(OSError, StoreError):  # where nothing can be kept, it is computed again
            kept.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(kept, computed.encode())
    return computed
