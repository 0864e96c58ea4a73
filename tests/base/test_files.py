"""Are files written whole or not at all, and hashed by their content?"""

import hashlib
import os
from pathlib import Path

import pytest

from prunescope.base.errors import StoreError
from prunescope.base.files import (
    canonical_json,
    fingerprint,
    hash_file,
    write_atomically,
    write_together,
)


def test_content_is_replaced_at_once_and_nothing_else_is_left(tmp_path: Path):
    path = tmp_path / "a.txt"
    write_atomically(path, b"old")
    with path.open("rb") as reader:
        write_atomically(path, b"new")
        assert reader.read() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]
    assert path.read_bytes() == b"new"


def test_a_full_disk_leaves_the_old_content_and_is_told_with_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "a.txt"
    write_atomically(path, b"old")

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(
        StoreError, match=r"a\.txt cannot be written: No space left on device: make"
    ):
        write_atomically(path, b"new")
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]
    assert path.read_bytes() == b"old"


def test_a_folder_that_is_not_there_is_told_with_the_name(tmp_path: Path):
    with pytest.raises(StoreError, match=r"none/a\.txt cannot be written: No such file"):
        write_atomically(tmp_path / "none" / "a.txt", b"new")


def test_an_interrupted_write_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def interrupt(handle: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(tmp_path / "a.txt", b"new")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"abc", bytes(3_000_000)])
def test_a_file_is_hashed_by_its_whole_content(tmp_path: Path, content: bytes):
    (tmp_path / "a").write_bytes(content)
    assert hash_file(tmp_path / "a") == hashlib.sha256(content).hexdigest()


def test_a_value_has_one_text_however_it_was_put_together():
    assert canonical_json({"b": [1, 2.5, None], "a": "é"}) == '{"a":"\\u00e9","b":[1,2.5,null]}'
    assert fingerprint({"b": 1, "a": 2}) == fingerprint({"a": 2, "b": 1})
    assert fingerprint({"a": 1}) != fingerprint({"a": 2})


def test_nan_has_no_text():
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json({"a": float("nan")})


def test_files_are_written_together_in_their_order_and_nothing_else_is_left(tmp_path: Path):
    folder = tmp_path / "new"
    for content in (b"old", b"new"):
        write_together({folder / "mask": b"m" + content, folder / "weights": b"w" + content})
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        "mask": b"mnew",
        "weights": b"wnew",
    }


def test_a_full_disk_leaves_both_as_they_were(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    files = {tmp_path / "mask": b"old mask", tmp_path / "weights": b"old weights"}
    write_together(files)
    calls = []

    def full_at_the_second(handle: int) -> None:
        calls.append(handle)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_at_the_second)
    with pytest.raises(StoreError, match=r"weights cannot be written: No space left"):
        write_together(dict.fromkeys(files, b"new"))
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == files


def test_a_crash_between_two_files_never_leaves_the_last_beside_anothers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    files = {tmp_path / "mask": b"old mask", tmp_path / "weights": b"old weights"}
    write_together(files)
    replace = Path.replace

    def crash(self: Path, target: Path) -> Path:
        if target.name == "weights":
            raise KeyboardInterrupt
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", crash)
    with pytest.raises(KeyboardInterrupt):
        write_together(dict.fromkeys(files, b"new"))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"mask": b"new"}
