"""Is a fingerprint remembered as long as its files stay as they are, and no longer?"""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from prunescope.base.cache import recall

LONG_AGO = 1_500_000_000


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Two files that were written long ago, and an empty cache."""
    monkeypatch.setenv("PRUNESCOPE_CACHE", str(tmp_path / "cache"))
    made = [tmp_path / "a", tmp_path / "b"]
    for file in made:
        file.write_text("one")
        os.utime(file, (LONG_AGO, LONG_AGO))
    return made


def is_taken(files: list[Path], kind: str = "test") -> bool:
    """Ask for a fingerprint; say whether the files had to be read for it."""
    reads = []

    def compute() -> str:
        reads.append(1)
        return "5" * 64

    assert recall(kind, ((file, file.stat()) for file in files), compute) == "5" * 64
    return bool(reads)


def test_files_are_read_once(files: list[Path]):
    assert is_taken(files)
    assert not is_taken(files)


@pytest.mark.parametrize(
    "change",
    [
        lambda files: os.utime(files[1], ns=(LONG_AGO * 10**9, LONG_AGO * 10**9 + 1)),
        lambda files: files[1].write_text("two"),
        lambda files: files.pop(),
        lambda files: files.reverse(),
    ],
)
def test_changed_files_are_read_again(files: list[Path], change: Callable[[list[Path]], None]):
    is_taken(files)
    change(files)
    assert is_taken(files)


def test_another_kind_of_fingerprint_is_another(files: list[Path]):
    is_taken(files)
    assert is_taken(files, "other")


def test_files_written_a_moment_ago_are_not_trusted(files: list[Path]):
    files[1].write_text("two")
    assert is_taken(files)
    assert is_taken(files)


def test_what_is_no_fingerprint_is_not_used(files: list[Path], tmp_path: Path):
    is_taken(files)
    [kept] = (tmp_path / "cache" / "fingerprints").iterdir()
    kept.write_bytes(b"\xff torn")
    assert is_taken(files)
    assert not is_taken(files)


def test_without_a_cache_files_are_read_every_time(
    files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PRUNESCOPE_CACHE", str(files[0]))
    assert is_taken(files)
    assert is_taken(files)
