"""What is the fingerprint of files that have not changed since it was last taken?

Hashing a large set takes minutes, and asking for the size and time of every file seconds. So a
fingerprint is kept in the user's cache under the hash of all names, sizes and times: files that
changed have other ones, and are hashed anew. What is kept may be removed at any time.
"""

import hashlib
import os
import re
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from prunescope.base.cache import cache_folder
from prunescope.base.errors import StoreError
from prunescope.base.files import write_atomically

_SETTLED_NS = 2_000_000_000  # a file system may give two changes so close together one time
_FINGERPRINT = re.compile("[0-9a-f]{64}")


def recall(
    kind: str, files: Iterable[tuple[Path, os.stat_result]], compute: Callable[[], str]
) -> str:
    """Return the fingerprint of files: the one kept if none of them changed, else `compute()`.

    kind: what else the fingerprint depends on, as text.
    files: with what the system says of them, in one order. A change that leaves a file's size and
        its time of modification, to the nanosecond, as they were is not noticed.
    """
    digest = hashlib.sha256(f"{kind}\n".encode())
    newest = 0
    for path, status in files:
        digest.update(os.fsencode(path.absolute()))
        digest.update(f"\0{status.st_size} {status.st_mtime_ns}\n".encode())
        newest = max(newest, status.st_mtime_ns)
    place = cache_folder() / "fingerprints" / digest.hexdigest()
    with suppress(OSError, UnicodeDecodeError):
        kept = place.read_text()
        if _FINGERPRINT.fullmatch(kept):
            return kept
    settled = time.time_ns() - newest > _SETTLED_NS
    found = compute()
    if settled:
        with suppress(OSError, StoreError):  # where nothing can be kept, it is computed again
            place.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(place, found.encode())
    return found
