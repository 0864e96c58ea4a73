"""What is the fingerprint of a concept set?"""

import hashlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from prunescope.base.cache import recall
from prunescope.base.errors import DataError
from prunescope.base.files import canonical_json, hash_file


def fingerprint_set(
    stated: Iterable[Any], files: Callable[[], Iterable[tuple[Path, os.stat_result]]]
) -> str:
    """Return the sha256 of what a set states and of the content of its files, in hex.

    files: every file with its status, always in the same order. Their content is read once; the
        fingerprint is remembered until one of them changes (`recall`).
    """
    digest = hashlib.sha256()
    for value in stated:
        digest.update(canonical_json(value).encode())

    def hash_contents() -> str:
        for _, status in files():
            digest.update(f"{status.st_size}\n".encode())
        for path, _ in files():
            digest.update(hash_file(path).encode())
        return digest.hexdigest()

    return recall(f"concepts 1 {digest.hexdigest()}", files(), hash_contents)


def with_status(path: Path, where: str = "") -> tuple[Path, os.stat_result]:
    """Return a file with its status. Raises DataError, whose message ends in `where`."""
    try:
        return path, path.stat()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}{where}") from error
