"""Are sets that are joined one set, with one list of labels and all their pixels?"""

import pandas as pd
import pytest

from concepts.broken import write_masks
from concepts.voc_files import write_voc
from prunescope.base.errors import ConfigError, DataError
from prunescope.concepts import open_concepts
from prunescope.concepts.check import check_concepts
from prunescope.concepts.convert import convert_concepts
from prunescope.concepts.protocol import ConceptSet, splits_of


@pytest.fixture
def names(make_masks, tmp_path):
    """The names of a set of masks, of grass, car and wheel, and of one of VOC, of car and dog."""
    return f"masks:{make_masks()}", f"voc:{write_voc(tmp_path / 'VOC')},boxes=true"


@pytest.fixture
def joined(names):
    return open_concepts(" + ".join(names))


def test_labels_of_one_name_and_category_are_one(joined):
    assert isinstance(joined, ConceptSet)
    assert [(label.number, label.name, label.category) for label in joined.labels] == [
        (1, "grass", "object"),
        (2, "car", "object"),
        (3, "wheel", "part"),
        (4, "dog", "object"),
        (5, "sofa", "object"),
        (6, "head", "part"),
    ]
    assert joined.categories == ("object", "part")


def test_a_name_of_two_categories_says_which(make_masks, tmp_path):
    table = "name,value,category\ngrass,3,\ncar,7,part\nwheel,,part\n,255,\n"
    voc = write_voc(tmp_path / "VOC")
    both = open_concepts(f"masks:{make_masks({'names.csv': table})} + voc:{voc},boxes=true")
    found = {label.name for label in both.labels}
    assert {"car (object)", "car (part)", "dog"} <= found


def test_images_come_set_by_set_with_all_their_labels(names, joined):
    sets = [open_concepts(name) for name in names]
    assert joined.images == (
        *(f"masks/{name}" for name in sets[0].images),
        *(f"voc/{name}" for name in sets[1].images),
    )
    assert splits_of(joined) == ("train", "train", "val", "train", "val")
    called = {label.number: label.name for label in joined.labels}
    place = 0
    for concepts in sets:
        own = {label.number: label.name for label in concepts.labels}
        for index in range(len(concepts.images)):
            ours, theirs = joined.read_annotation(place), concepts.read_annotation(index)
            assert [called.get(n, "") for n in ours.planes.ravel().tolist()] == [
                own.get(n, "") for n in theirs.planes.ravel().tolist()
            ]
            assert joined.image_path(place) == concepts.image_path(index)
            assert joined.read_image(place) == concepts.read_image(index)
            place += 1


def test_counts_are_the_sums_of_the_sets(names, joined):
    tables = [check_concepts(open_concepts(name)).labels for name in names]
    sums = pd.concat(tables).groupby("name")[["images", "pixels"]].sum()
    report = check_concepts(joined)
    assert report.problems == ()
    ours = report.labels.set_index("name")[["images", "pixels"]].sort_index()
    pd.testing.assert_frame_equal(ours, sums.sort_index())


def test_the_check_says_what_was_joined(names, joined):
    notes = check_concepts(joined).notes
    assert "labels of several sets: car (masks, voc)" in notes
    assert f"masks is {names[0]}: 3 images, 2 labels of its own" in notes
    assert f"voc is {names[1]}: 2 images, 3 labels of its own" in notes


def test_split_and_limit_choose_among_all_images(names):
    name = " + ".join(names)
    assert open_concepts(name, split="val").images == ("masks/val/c.png", "voc/b.jpg")
    assert open_concepts(name, limit=4).images == (*open_concepts(name).images[:4],)
    with pytest.raises(ConfigError, match='no split "trian"'):
        open_concepts(name, split="trian")


def test_options_belong_to_the_set_they_stand_behind(names):
    both = open_concepts(f"{names[0]},size=4 + {names[1]},size=2")
    assert both.read_annotation(0).shape == (4, 4)
    assert both.read_annotation(3).shape == (2, 2)


def test_sets_of_one_kind_are_numbered(names):
    both = open_concepts(f"{names[0]} + {names[0]}")
    assert both.images[0] == "masks-1/train/a.png"
    assert both.images[3] == "masks-2/train/a.png"
    assert len(set(both.images)) == 6
    assert len(both.labels) == 3


def test_the_fingerprint_is_that_of_content_and_order(names, joined):
    again = open_concepts(" + ".join(names))
    assert again.fingerprint == joined.fingerprint == joined.tolerant_fingerprint
    assert open_concepts(" + ".join(reversed(names))).fingerprint != joined.fingerprint
    assert joined.part([0, 1, 3]).fingerprint != joined.fingerprint


def test_a_path_may_hold_what_joins(make_masks, tmp_path):
    folder = make_masks()
    folder.rename(tmp_path / "my + own")
    assert len(open_concepts(f"masks:{tmp_path / 'my + own'}").images) == 3


def test_a_set_that_is_not_there_is_told(names, tmp_path):
    with pytest.raises(DataError, match=r"there is no folder .*nowhere"):
        open_concepts(f"{names[0]} + voc:{tmp_path / 'nowhere'}")


def test_broken_images_of_any_set_can_be_left_out(tmp_path, names):
    root = write_masks(tmp_path / "many")
    name = f"masks:{root} + {names[1]}"
    whole = open_concepts(name)
    (root / "images/a/007.png").write_bytes(b"no picture")
    sound = open_concepts(name, skip_broken=True)
    assert len(sound.images) == len(whole.images) - 1
    assert [left.image for left in sound.left_out] == ["masks/a/007.png"]


def test_joined_sets_are_converted_with_the_same_counts(joined, tmp_path):
    back = convert_concepts(joined, tmp_path / "out")
    reports = [check_concepts(concepts) for concepts in (joined, back)]
    assert reports[1].problems == ()
    pd.testing.assert_frame_equal(*(report.labels for report in reports))
    assert back.images == joined.images
