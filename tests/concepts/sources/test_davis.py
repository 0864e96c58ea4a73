"""Is a folder of videos a concept set, and is each fault named?"""

import json

import numpy as np
import pandas as pd
import pytest

from concepts.davis_files import BEAR, DANCE, indexed, write_davis
from concepts.worlds import grey, photograph
from prunescope.base.errors import ConfigError, DataError
from prunescope.concepts import open_concepts
from prunescope.concepts.check import check_concepts
from prunescope.concepts.convert import convert_concepts
from prunescope.concepts.protocol import ConceptSet, splits_of

FIRST_OF_DANCE = 5


@pytest.fixture
def make(tmp_path):
    """Return a function that writes the folder, with changes, and opens it."""

    def write(changes=None, options="", **asked):
        root = write_davis(tmp_path / "DAVIS", changes)
        return open_concepts(f"davis:{root}{options}", **asked)

    return write


def test_numbers_are_the_classes_of_a_video_s_objects(make):
    concepts = make()
    assert isinstance(concepts, ConceptSet)
    assert [label.name for label in concepts.labels] == ["bear", "dog", "person"]
    assert concepts.read_annotation(0).planes.tolist() == [[[0, 1, 1, 0]] * 3]
    dance = concepts.read_annotation(FIRST_OF_DANCE).planes
    assert dance.tolist() == [[[3, 3, 0, 2], [3, 0, 0, 0], [0, 0, 0, 2]]]


def test_classes_of_youtube_vos_are_read(make):
    objects = {"1": {"category": "person", "frames": ["00000"]}, "2": {"category": "dog"}}
    videos = {"bear": {"objects": {"1": {"category": "bear"}}}, "dance": {"objects": objects}}
    changes = {"davis_semantics.json": None, "meta.json": json.dumps({"videos": videos})}
    theirs = make(changes)
    assert theirs.labels == make().labels
    assert theirs.read_annotation(FIRST_OF_DANCE).numbers() == (2, 3)


@pytest.mark.parametrize("values", [1, 255])
def test_without_classes_a_video_is_a_label(make, values):
    changes = {
        "davis_semantics.json": None,
        "Annotations/480p/bear/00000.png": grey(np.array(BEAR) * values),
    }
    concepts = make(changes)
    assert [label.name for label in concepts.labels] == ["bear", "dance"]
    assert concepts.read_annotation(0).planes.tolist() == [[[0, 1, 1, 0]] * 3]
    shown = concepts.read_annotation(FIRST_OF_DANCE).planes[0] == 2
    assert (shown == (np.array(DANCE) > 0)).all()


def test_lists_of_videos_are_splits_and_frames_without_a_map_are_told(make):
    concepts = make()
    assert splits_of(concepts) == ("train",) * 5 + ("val",)
    assert make(split="val").images == ("dance/00000.jpg",)
    notes = check_concepts(concepts).notes
    assert notes == ("without a map, and so not in the set: 1 image: dance/00001.jpg",)


def test_every_so_many_frames_of_each_video_are_taken(make):
    assert make(options=",every=2").images == (
        "bear/00000.jpg", "bear/00002.jpg", "bear/00004.jpg", "dance/00000.jpg",
    )  # fmt: skip


def test_folders_need_no_resolution_but_may_have_several(make, tmp_path):
    concepts = make()
    plain = tmp_path / "plain"
    plain.mkdir()
    for name in ("JPEGImages", "Annotations"):
        (plain / name).symlink_to(tmp_path / "DAVIS" / name / "480p")
    assert open_concepts(f"davis:{plain}").images == concepts.images
    large = {
        "JPEGImages/Full-Resolution/bear/00000.jpg": photograph(6, 8),
        "Annotations/Full-Resolution/bear/00000.png": indexed([[1] * 8] * 6),
    }
    assert make(large, ",resolution=Full-Resolution").read_annotation(0).shape == (6, 8)
    assert make(large).read_annotation(0).shape == (3, 4)
    with pytest.raises(ConfigError, match=r'has no folder 480 \(did you mean "480p"\?\)'):
        make(options=",resolution=480")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"davis_semantics.json": "{"}, "davis_semantics.json cannot be read as JSON"),
        ({"davis_semantics.json": "[]"}, "must have an entry for each video"),
        ({"davis_semantics.json": '{"bear": {"1": "bear"}}'}, "not name the objects of dance"),
        ({"davis_semantics.json": '{"bear": {"x": "bear"}}'}, "objects of bear are {'x': 'bear'}"),
        ({"davis_semantics.json": '{"bear": []}'}, "objects of bear are \\[\\]"),
    ],
)
def test_faulty_classes_are_told(make, changes, said):
    with pytest.raises(DataError, match=said):
        make(changes)


def test_faulty_files_are_named(make, tmp_path):
    with pytest.raises(DataError, match=r"bear/00000\.png holds value 7 .*semantics\.json"):
        make({"Annotations/480p/bear/00000.png": indexed([[7] * 4] * 3)}).read_annotation(0)
    with pytest.raises(DataError, match=r"00000\.jpg is 3 x 4 .* 4 x 4 by .*bear/00000\.png"):
        make({"Annotations/480p/bear/00000.png": indexed([[1] * 4] * 4)}).read_image(0)
    with pytest.raises(DataError, match="is no folder of videos: it has no folder JPEGImages"):
        open_concepts(f"davis:{tmp_path}")
    for name in ("JPEGImages", "Annotations"):
        (tmp_path / "empty" / name).mkdir(parents=True)
    with pytest.raises(DataError, match=r"has no VIDEO/FRAME\.png, and so the set is empty"):
        open_concepts(f"davis:{tmp_path / 'empty'}")


def test_it_is_converted_with_the_same_counts(make, tmp_path):
    source = make()
    back = convert_concepts(source, tmp_path / "out")
    counts = [check_concepts(concepts).labels for concepts in (source, back)]
    pd.testing.assert_frame_equal(*counts)
    assert splits_of(back) == splits_of(source)
