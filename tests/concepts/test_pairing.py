"""Do masks find their images by their paths, and is everything named that finds nothing?"""

import re
from pathlib import Path

import pytest

from prunescope.base.errors import DataError
from prunescope.concepts.names import Names, read_names
from prunescope.concepts.pairing import Marked, Pairing, pair_masks


@pytest.fixture
def pairs(tmp_path):
    """Return a function that pairs empty files; nothing needs to be opened for it."""

    def pair(*paths: str) -> Pairing:
        (tmp_path / "names.csv").write_text("name\ncar\nstreet lamp\n")
        for folder in ("images", "masks"):
            (tmp_path / folder).mkdir()
        for path in paths:
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).touch()
        return pair_masks(tmp_path, _names(tmp_path))

    return pair


def _names(root: Path) -> Names:
    return read_names(root / "names.csv")


def test_masks_mirror_the_folders_of_the_images(pairs):
    found = pairs(
        "images/x/b.jpg", "images/a.PNG", "masks/a.png", "masks/x/b/street lamp.png",
        "masks/x/b/car.png", "masks/x/b.png",
    )  # fmt: skip
    assert found.faults == ()
    assert found.marked == (
        Marked(image="a.PNG", coded="a.png", single=()),
        Marked(
            image="x/b.jpg",
            coded="x/b.png",
            single=((1, "x/b/car.png"), (2, "x/b/street lamp.png")),
        ),
    )


def test_dots_in_a_name_are_part_of_it(pairs):
    found = pairs("images/frame.0001.jpg", "images/frame.0002.jpg", "masks/frame.0001.png")
    assert [marked.image for marked in found.marked] == ["frame.0001.jpg"]
    assert found.unmarked == ("frame.0002.jpg",)


def test_the_first_folder_is_the_split(pairs):
    found = pairs(
        "images/a.jpg", "images/train/b.jpg", "images/val/x/c.jpg",
        "masks/a.png", "masks/train/b.png", "masks/val/x/c.png",
    )  # fmt: skip
    assert [marked.split for marked in found.marked] == ["", "train", "val"]


def test_what_is_hidden_or_no_picture_is_passed_over(pairs):
    found = pairs(
        "images/a.jpg", "images/notes.txt", "images/.a.jpg", "images/.thumbs/b.jpg",
        "masks/a.png", "masks/a.json", "masks/._a.png",
    )  # fmt: skip
    assert found.faults == ()
    assert [marked.image for marked in found.marked] == ["a.jpg"]
    assert found.unmarked == ()


@pytest.mark.parametrize(
    ("paths", "said"),
    [
        (["masks/b.png"], r"masks/b\.png has no image: there is no .*images/b with a suffix \.png"),
        (["masks/b/car.png"], r"masks/b/car\.png has no image"),
        (["masks/a.jpg"], r"masks/a\.jpg is no PNG"),
        (["masks/a/cra.png"], r'cra\.png is the mask of "cra", which .*\(did you mean "car"\?\)'),
        (["masks/a/Car.png"], r'is the mask of "Car"'),
        (["images/a.png"], r"images/a\.png and a\.jpg have one name|a\.jpg and a\.png have one"),
        (["masks/A.png"], r"masks/A\.png has no image"),
        (["masks/a.PNG"], r"masks/a\.(png|PNG) and a\.(PNG|png) are maps of one image"),
        (["masks/a/cra_1.png"], r'mask of "cra_1", which .*\(did you mean "car"\?\)'),
        (["masks/a/_1.png"], r"_1\.png is numbered, but does not say .*CONCEPT_1\.png"),
        (["masks/a/12.png"], r"12\.png is numbered, but does not say .*CONCEPT_12\.png"),
        (["masks/a/car_1.png", "masks/a/car_1.PNG"], r"are masks of one name"),
        (["masks/a/car.png", "masks/a/car.PNG"], r"are masks of one name"),
        (["images/a/car.jpg", "masks/a/car.png"], r"car\.png could be the map of a/car\.jpg or"),
    ],
)
def test_what_finds_no_place_is_named(pairs, paths, said):
    found = pairs("images/a.jpg", "masks/a.png", *paths)
    assert len(found.faults) == 1
    assert re.search(said, found.faults[0])


def test_numbered_masks_are_instances_of_the_concept_before_the_number(pairs):
    found = pairs(
        "images/a.jpg", "masks/a/car_10.png", "masks/a/car_2.png", "masks/a/car.png",
        "masks/a/street lamp_1.png",
    )  # fmt: skip
    assert found.faults == ()
    [marked] = found.marked
    assert marked.single == (
        (1, "a/car.png"), (1, "a/car_10.png"), (1, "a/car_2.png"), (2, "a/street lamp_1.png"),
    )  # fmt: skip


def test_a_concept_that_ends_with_a_number_is_no_instance(tmp_path):
    (tmp_path / "names.csv").write_text("name\ncar\ncar_2\n")
    for path in ("images/a.jpg", "masks/a/car_1.png", "masks/a/car_2.png", "masks/a/car_2_1.png"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    [marked] = pair_masks(tmp_path, _names(tmp_path)).marked
    assert marked.single == ((1, "a/car_1.png"), (2, "a/car_2.png"), (2, "a/car_2_1.png"))


def test_every_fault_is_told(pairs):
    assert len(pairs("images/a.jpg", "masks/b.png", "masks/c.png", "masks/a/bus.png").faults) == 3


@pytest.mark.parametrize("missing", ["images", "masks"])
def test_a_missing_folder_is_named(make_masks, missing):
    folder = make_masks()
    (folder / missing).rename(folder / "elsewhere")
    with pytest.raises(DataError, match=f"mine is no set of masks: it has no folder {missing}"):
        pair_masks(folder, _names(folder))


def test_a_link_to_a_folder_that_holds_it_is_not_followed(make_masks):
    folder = make_masks()
    (folder / "images" / "train" / "again").symlink_to(folder / "images")
    (folder / "images" / "more").symlink_to(folder / "images" / "val")
    found = pair_masks(folder, _names(folder))
    assert found.unmarked == ("bare.png", "more/c.png")
