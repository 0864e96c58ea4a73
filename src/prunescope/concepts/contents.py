"""What is the fingerprint of a concept set?"""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from prunescope.base.cache import recall
from prunescope.base.errors import DataError
from prunescope.base.files import canonical_json, hash_file

Files = Iterable[tuple[Path, str]]
"""Every file of a set, always in the same order, with where it is named, for messages."""


def fingerprint_set(
    stated: Iterable[Any], files: Callable[[], Files], *, tolerant: bool = False
) -> str:
    """Return the sha256 of what a set states and of the content of its files, in hex.

    Their content is read once; the fingerprint is remembered until one of them changes (`recall`).
    tolerant: also of a set of which files are missing or cannot be read, which it then states. Of a
    whole set it is the same.
    Raises DataError, naming the file, where one cannot be read, unless tolerant.
    """
    digest = hashlib.sha256()
    for value in stated:
        digest.update(canonical_json(value).encode())

    absent = {n for n, (path, _) in enumerate(files()) if not path.is_file()} if tolerant else set()
    if absent:
        digest.update(f"absent {sorted(absent)}\n".encode())

    def present() -> Iterator[tuple[Path, os.stat_result, str]]:
        for number, (path, where) in enumerate(files()):
            if number not in absent:
                yield path, status_of(path, where), where

    def hash_contents(tolerant: bool = False) -> str:
        content = digest.copy()
        for _, status, _ in present():
            content.update(f"{status.st_size}\n".encode())
        for path, _, where in present():
            content.update(_hash(path, where, tolerant).encode())
        return content.hexdigest()

    known = ((path, status) for path, status, _ in present())
    try:
        return recall(f"concepts 1 {digest.hexdigest()}", known, hash_contents)
    except DataError:
        if not tolerant:
            raise
        return hash_contents(tolerant=True)  # not remembered: it changes when the disk is mended


def status_of(path: Path, where: str) -> os.stat_result:
    """Return what the system says of a file. Raises DataError, which ends in `where`."""
    try:
        return path.stat()
    except (OSError, ValueError) as error:
        raise _unreadable(path, error, where) from error


def _hash(path: Path, where: str, tolerant: bool) -> str:
    try:
        return hash_file(path)
    except DataError as error:
        if not tolerant:
            raise DataError(f"{error}{where}") from error
    except OSError as error:
        if not tolerant:
            raise _unreadable(path, error, where) from error
    return "unreadable"


def _unreadable(path: Path, error: Exception, where: str) -> DataError:
    return DataError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}{where}")
