"""Does a folder come to its place whole, or not at all?"""

import subprocess
import sys
from pathlib import Path

import pytest

from prunescope.base.errors import ConfigError
from prunescope.base.files import process_mark
from prunescope.base.folders import drafting, replacing


def names(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*"))


def test_killed_before_any_change_to_the_disk_a_replacement_leaves_the_old_or_the_new(
    tmp_path: Path,
):
    program = Path(__file__).parent / "crashing_folders.py"
    command = [sys.executable, str(program), str(tmp_path)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    states = answer.stdout.split()
    assert states == sorted(states, key=["old", "nothing", "new"].index)
    assert set(states) == {"old", "nothing", "new"}
    assert states.count("old") >= 5  # two folders, a folder and a file in them, the first rename


def test_what_lay_there_goes_as_a_whole(tmp_path: Path):
    (tmp_path / "D" / "old").mkdir(parents=True)
    with replacing(tmp_path / "D") as draft:
        (draft / "new").mkdir()
        assert names(tmp_path / "D") == ["old"]
    assert names(tmp_path) == ["D", "D/new"]


def test_a_place_that_is_not_there_is_made_with_its_parents(tmp_path: Path):
    with replacing(tmp_path / "a" / "b" / "D") as draft:
        (draft / "new").touch()
    assert names(tmp_path) == ["a", "a/b", "a/b/D", "a/b/D/new"]


def test_a_link_stays_and_what_it_leads_to_is_replaced(tmp_path: Path):
    (tmp_path / "far" / "D").mkdir(parents=True)
    (tmp_path / "D").symlink_to(tmp_path / "far" / "D")
    with replacing(tmp_path / "D") as draft:
        (draft / "new").touch()
    assert (tmp_path / "D").is_symlink()
    assert names(tmp_path / "far") == ["D", "D/new"]


@pytest.mark.parametrize("there", [True, False])
def test_an_error_leaves_everything_as_it_was(tmp_path: Path, there: bool):
    if there:
        (tmp_path / "a" / "D" / "old").mkdir(parents=True)
    before = names(tmp_path)
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "a" / "D") as draft:
        (draft / "new").rename(draft / "newer")
    assert names(tmp_path) == before


def test_a_rename_that_fails_brings_back_what_lay_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "D" / "old").mkdir(parents=True)
    rename = Path.rename

    def fail_for_the_new(folder: Path, target: Path) -> Path:
        if folder.name == process_mark():
            raise OSError(5, "Input/output error")
        return rename(folder, target)

    monkeypatch.setattr(Path, "rename", fail_for_the_new)
    with pytest.raises(OSError, match="Input/output"), replacing(tmp_path / "D") as draft:
        (draft / "new").touch()
    assert names(tmp_path / "D") == ["old"]


@pytest.mark.parametrize("name", ["file/D", "x" * 300, "new/" + "x" * 300])
def test_a_place_that_cannot_be_is_refused_and_nothing_made(tmp_path: Path, name: str):
    (tmp_path / "file").touch()
    refusal = pytest.raises(ConfigError, match=r"cannot be made or replaced \(.*give another")
    with refusal, drafting(tmp_path / name):
        pass
    assert names(tmp_path) == ["file"]


def test_a_disk_and_the_folder_one_is_in_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "D" / "inner").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "D" / "inner")
    for path in (Path("/"), Path(), Path("..")):
        with pytest.raises(ConfigError, match="give a folder inside it"), drafting(path):
            pass
    assert names(tmp_path) == ["D", "D/inner"]
