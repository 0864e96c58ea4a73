"""Is it told what stands in the place of a file or a folder of a run, and what to do?"""

from pathlib import Path

import pytest

from prunescope.base.errors import StoreError
from prunescope.results.layout import LOCK, LOOKS, PROVENANCE, STUDY, WORK
from prunescope.results.places import check_files, check_folders

PATHS = ["replicate-0/level-00", "replicate-0/level-00/dissection/layer4", "tables"]


def stand(path: Path, kind: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    match kind:
        case "a folder":
            path.mkdir()
        case "a file":
            path.touch()
        case _:
            path.symlink_to("nowhere")


@pytest.mark.parametrize("name", [LOCK, STUDY, PROVENANCE, LOOKS])
@pytest.mark.parametrize("kind", ["a folder", "a link that leads nowhere"])
def test_what_stands_in_the_place_of_a_file_is_to_be_removed(
    tmp_path: Path, name: str, kind: str
) -> None:
    stand(tmp_path / name, kind)
    with pytest.raises(StoreError, match=f"{name} is {kind}, but must be a file: remove .*{name} "):
        check_files(tmp_path)


@pytest.mark.parametrize(
    "name", [WORK, "outdated", "replicate-0", "replicate-0/level-00/dissection"]
)
@pytest.mark.parametrize("kind", ["a file", "a link that leads nowhere"])
def test_what_stands_in_the_place_of_a_folder_is_to_be_moved(
    tmp_path: Path, name: str, kind: str
) -> None:
    stand(tmp_path / name, kind)
    with pytest.raises(StoreError, match=f"{name} is in the way: it is {kind}, but .*; move it"):
        check_folders(tmp_path, PATHS)


def test_files_folders_and_links_to_them_are_in_their_places(tmp_path: Path) -> None:
    run = tmp_path / "run"
    stand(run / STUDY, "a file")
    (run / PROVENANCE).symlink_to(run / STUDY)
    stand(run / "replicate-0" / "level-00", "a folder")
    (tmp_path / "elsewhere").mkdir()
    (run / "outdated").symlink_to(tmp_path / "elsewhere")
    check_files(run)
    check_folders(run, PATHS)
