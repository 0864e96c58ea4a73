"""What names the content of a concept set?"""

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from prunescope.base.files import canonical_json, hash_file

_HASHED_BYTES = 1 << 29  # contents are hashed up to 512 MiB a set: about a second


def fingerprint_set(stated: Iterable[Any], files: Callable[[], Iterable[tuple[Path, int]]]) -> str:
    """Return the sha256 of what a set states and of its files, in hex.

    files: every file with its size, in one order. Their contents count too where they are at most
        512 MiB together; in a larger set a file changed to another of equal size is not noticed.
    """
    digest = hashlib.sha256()
    for value in stated:
        digest.update(canonical_json(value).encode())
    total = 0
    for _, size in files():
        total += size
        digest.update(f"{size}\n".encode())
    if total <= _HASHED_BYTES:
        for path, _ in files():
            digest.update(hash_file(path).encode())
    return digest.hexdigest()
