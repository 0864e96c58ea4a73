"""Are files found wherever they lie, once, and is a lack of room told before the work?

And where does the user keep what can be made again?
"""

from pathlib import Path

import pytest

from prunescope.base.cache import cache_folder
from prunescope.base.errors import ConfigError, StoreError
from prunescope.base.paths import find_files, require_place, require_room, stated_files


def found(folder, suffixes=(".png",)):
    return [path.relative_to(folder).as_posix() for path in find_files(folder, suffixes)]


def make(folder, *paths):
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).touch()


def test_files_of_the_suffixes_are_found_at_any_depth_in_either_case(tmp_path):
    make(tmp_path, "b.png", "x/y/a.PNG", "x/c.jpg", "png")
    assert found(tmp_path) == ["b.png", "x/y/a.PNG"]
    assert found(tmp_path, (".png", ".jpg")) == ["b.png", "x/c.jpg", "x/y/a.PNG"]


def test_what_is_hidden_is_passed_over(tmp_path):
    make(tmp_path, ".a.png", ".x/b.png", "x/.y/c.png", "x/d.png")
    assert found(tmp_path) == ["x/d.png"]


def test_links_are_followed_but_never_in_a_circle(tmp_path):
    make(tmp_path, "set/a.png", "elsewhere/b.png")
    (tmp_path / "set" / "more").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "set" / "again").symlink_to(tmp_path / "set")
    (tmp_path / "elsewhere" / "up").symlink_to(tmp_path)
    assert found(tmp_path / "set") == ["a.png", "more/b.png"]


def test_folders_that_link_to_each_other_are_walked_once(tmp_path):
    make(tmp_path, "a/1.png", "b/2.png")
    (tmp_path / "a" / "to").symlink_to(tmp_path / "b")
    (tmp_path / "b" / "to").symlink_to(tmp_path / "a")
    assert found(tmp_path / "a") == ["1.png", "to/2.png"]


def test_files_come_with_their_facts_in_the_order_in_which_they_are_found(tmp_path):
    make(tmp_path, "a/1.png", "a-b/2.png", "a.png", "a/b/3.png", ".hidden/4.png", "a/.5.png")
    (tmp_path / "a" / "to").symlink_to(tmp_path / "a-b")
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    (tmp_path / "a" / "file").symlink_to(tmp_path / "a.png")
    stated = list(stated_files(tmp_path))
    assert [Path(path) for path, _ in stated] == find_files(tmp_path, ("",))
    assert all(status == Path(path).stat() for path, status in stated)
    hidden = {path for path, _ in stated_files(tmp_path, hidden=True)} - {
        path for path, _ in stated
    }
    assert hidden == {str(tmp_path / name) for name in (".hidden/4.png", "a/.5.png")}


def test_more_than_the_disk_has_is_told_with_both_numbers(tmp_path):
    require_room(tmp_path, 1, "a byte")
    with pytest.raises(StoreError, match=r"the moon needs 1,000,000,000,000 MB, but .* MB free"):
        require_room(tmp_path, 10**18, "the moon")
    assert not any(tmp_path.iterdir())


def test_the_cache_follows_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("PRUNESCOPE_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cache_folder() == tmp_path / ".cache" / "prunescope"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "prunescope"
    monkeypatch.setenv("PRUNESCOPE_CACHE", str(tmp_path / "own"))
    assert cache_folder() == tmp_path / "own"


@pytest.mark.parametrize("place", ["file", "file/x", "file/x/y"])
def test_there_can_be_no_folder_where_a_file_is_nor_below_it(tmp_path, place):
    make(tmp_path, "file")
    with pytest.raises(ConfigError, match=r"file is a file.*--out"):
        require_place(tmp_path / place)


def test_a_folder_may_be_there_or_not(tmp_path):
    require_place(tmp_path)
    require_place(tmp_path / "x" / "y")
