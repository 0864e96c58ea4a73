"""Is what is damaged put away, whatever lies there already?"""

from pathlib import Path

import pytest

from prunescope.base.errors import StoreError
from prunescope.results.reclaiming import put_away


@pytest.mark.parametrize("taken", ["", "outdated/damaged", "outdated/damaged/level-00+a.txt"])
@pytest.mark.parametrize("kind", ["a file", "a link", "a folder"])
def test_a_damaged_file_is_put_away_whatever_lies_there(
    tmp_path: Path, taken: str, kind: str
) -> None:
    (tmp_path / "level-00").mkdir()
    file = tmp_path / "level-00" / "a.txt"
    file.write_text("damaged")
    if taken:
        path = tmp_path / taken
        path.parent.mkdir(parents=True)
        match kind:
            case "a file":
                path.write_text("stray")
            case "a link":
                path.symlink_to("nowhere")
            case _:
                (path / "inner").mkdir(parents=True)
    put_away(tmp_path, file)
    assert not file.exists()
    assert (tmp_path / "outdated/damaged/level-00+a.txt").read_text() == "damaged"


def test_what_stands_in_the_place_of_outdated_is_not_removed(tmp_path: Path) -> None:
    file, stray = tmp_path / "a.txt", tmp_path / "outdated"
    file.write_text("damaged")
    stray.write_text("of somebody else")
    with pytest.raises(StoreError, match=r"outdated is in the way: .*; move it elsewhere"):
        put_away(tmp_path, file)
    assert (file.read_text(), stray.read_text()) == ("damaged", "of somebody else")
