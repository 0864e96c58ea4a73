"""Which folders may become a run, and does a folder that is something else stay as it is?"""

from pathlib import Path

import pytest

from prunescope.base.errors import ConfigError
from prunescope.results.store import Store


def contents(root: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_an_empty_folder_becomes_a_run(tmp_path: Path):
    store = Store(tmp_path)
    store.create()
    assert not store.is_begun()
    assert list(tmp_path.iterdir()) == []


def test_a_new_folder_is_made_with_its_parents(tmp_path: Path):
    Store(tmp_path / "a" / "b").create()
    assert (tmp_path / "a" / "b").is_dir()


@pytest.mark.parametrize("name", ["letters.txt", "study.yaml", ".git", "provenance.json"])
def test_a_folder_that_is_neither_empty_nor_a_run_is_refused_and_stays(tmp_path: Path, name: str):
    (tmp_path / name).write_text("mine")
    with pytest.raises(ConfigError, match="is neither empty nor a run folder: give another --out"):
        Store(tmp_path).create()
    assert contents(tmp_path) == {name: b"mine"}


def test_a_file_is_refused_and_stays(tmp_path: Path):
    (tmp_path / "a").write_text("mine")
    with pytest.raises(ConfigError, match="a is a file, not a run folder"):
        Store(tmp_path / "a").create()
    with pytest.raises(ConfigError, match=r"a/b cannot be made \(Not a directory\)"):
        Store(tmp_path / "a" / "b").create()
    assert contents(tmp_path) == {"a": b"mine"}


def test_a_run_killed_before_its_study_was_written_goes_on(tmp_path: Path):
    store = Store(tmp_path)
    with store.writing():
        (tmp_path / ".study.yaml.123.tmp").write_text("na")
    assert not store.is_begun()
    store.create()
    (tmp_path / "letters.txt").write_text("dear")
    with pytest.raises(ConfigError, match="neither empty"):
        store.create()


@pytest.mark.parametrize("sign", [".lock", "provenance.json"])
def test_a_run_is_a_run_also_when_copied_without_its_lock(tmp_path: Path, sign: str):
    for name in ("study.yaml", sign, "anything"):
        (tmp_path / name).touch()
    assert Store(tmp_path).is_begun()
    Store(tmp_path).create()
