"""Are pixels counted as their definition says, and is Broden known by its totals?"""

import numpy as np
import pytest

from concepts.worlds import CAR, GRASS, grey
from prunescope.base.errors import DataError
from prunescope.concepts.check import check_concepts
from prunescope.concepts.sources.broden import BrodenFolder
from prunescope.concepts.sources.masks import MaskFolder
from prunescope.concepts.totals import count_pixels, known_pixels, pixel_disagreements


def test_pixels_are_counted_by_hand_in_planes_and_whole_maps(make_folder):
    counted = count_pixels(BrodenFolder.open(make_folder()), ["red-c", "orange", "orange-c"])
    assert counted == {"red-c": 3 + 12, "orange": 2 + 12, "orange-c": 2 + 12}


def test_a_pixel_counts_once_however_many_planes_say_so(make_masks):
    folder = make_masks({"masks/val/c/car.png": grey(np.eye(3, 4, k=1))})
    assert count_pixels(MaskFolder.open(folder, split="val"), ["car"]) == {"car": 3}


def test_counting_some_labels_and_checking_all_agree(make_masks):
    concepts = MaskFolder.open(
        make_masks({"masks/train/a/grass.png": CAR, "masks/train/b/car.png": GRASS})
    )
    names = [label.name for label in concepts.labels]
    table = check_concepts(concepts).labels.set_index("name")["pixels"]
    assert count_pixels(concepts, names) == table.to_dict()


def test_a_label_map_that_cannot_be_read_is_named(make_folder):
    concepts = BrodenFolder.open(make_folder({"images/maps/a_1.png": b"no png"}))
    with pytest.raises(DataError, match=r"a_1\.png cannot be read"):
        count_pixels(concepts, ["car"])


def test_every_label_with_other_pixels_than_it_must_have_is_named():
    problems = pixel_disagreements({"cat": 5, "dog": 6}, {"cat": 5, "dog": 7})
    assert problems == ["Broden 1 has 7 pixels of dog; this folder has 6"]


def test_no_other_set_must_have_the_pixels_of_broden(make_folder):
    assert known_pixels(BrodenFolder.open(make_folder()), {(112, 112)}) == {}
