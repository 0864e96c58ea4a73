"""Is a folder of ADE20K a concept set, decoded as its authors do, and is each fault named?"""

import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from concepts.ade_files import (
    CAR,
    DOOR,
    PARTS,
    PERSON,
    SEGMENTS,
    TABLE,
    encoded,
    listed,
    write_full,
    write_parsing,
)
from concepts.worlds import grey, photograph
from prunescope.base.errors import DataError
from prunescope.concepts import open_concepts
from prunescope.concepts.ade20k.short_names import shorten
from prunescope.concepts.check import check_concepts
from prunescope.concepts.convert import convert_concepts
from prunescope.concepts.protocol import ConceptSet, Label, splits_of

STREET = "images/ADE/training/urban/street/ADE_train_1"


@pytest.fixture
def full(tmp_path):
    """Return a function that writes the full folder, with changes, and opens it."""
    return lambda changes=None, **asked: open_concepts(
        f"ade20k:{write_full(tmp_path / 'ADE', changes)}", **asked
    )


@pytest.fixture
def parsing(tmp_path):
    """Return a function that writes the folder of scene parsing, with changes, and opens it."""
    return lambda changes=None, **asked: open_concepts(
        f"ade20k:{write_parsing(tmp_path / 'parsing', changes)}", **asked
    )


class TestFull:
    def test_labels_are_the_classes_that_the_json_files_name(self, full):
        concepts = full()
        assert isinstance(concepts, ConceptSet)
        assert concepts.labels == (
            Label(number=1, name="car", category="object"),
            Label(number=2, name="door", category="part"),
            Label(number=3, name="person", category="object"),
        )
        assert concepts.categories == ("object", "part")

    def test_pixels_are_decoded_as_the_authors_do_with_parts_in_planes_of_their_own(self, full):
        number_of = {0: 0, CAR: 1, DOOR: 2, PERSON: 3}
        planes = full().read_annotation(0).planes
        for name, plane in zip((SEGMENTS, PARTS), planes, strict=True):
            stored = np.asarray(encoded(name))
            theirs = (stored[:, :, 0] / 10).astype(np.int32) * 256 + stored[:, :, 1]
            assert plane.tolist() == [[number_of[c] for c in row] for row in theirs.tolist()]

    def test_images_have_the_paths_and_splits_of_the_release(self, full):
        concepts = full()
        assert concepts.images == (
            "training/urban/street/ADE_train_1.jpg",
            "validation/park/ADE_val_2.jpg",
        )
        assert splits_of(concepts) == ("training", "validation")
        assert full(split="validation").images == concepts.images[1:]
        assert concepts.read_image(0).size == (4, 3)

    def test_levels_of_parts_are_read_as_far_as_they_go(self, full):
        concepts = full({f"{STREET}_parts_2.png": encoded([[PERSON] * 4] * 3)})
        assert len(concepts.read_annotation(0).planes) == 3

    def test_a_class_is_what_most_of_its_instances_are(self, full):
        doors = listed((CAR, 0), (PERSON, 0), (DOOR, 0), (DOOR, 0), (DOOR, 1))
        assert full({f"{STREET}.json": doors}).labels[1].category == "object"

    def test_a_json_file_in_latin_1_is_read(self, full):
        text = json.dumps(listed((CAR, 0), (PERSON, 0), (DOOR, 1)) | {"x": "é"}, ensure_ascii=False)
        assert len(full({f"{STREET}.json": text.encode("latin-1")}).labels) == 3

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (None, "does not exist"),
            ("{", "cannot be read as JSON"),
            ({"annotation": {}}, "lists no objects"),
            ([], "lists no objects"),
            ({"annotation": {"object": [{"id": 4, "name_ndx": 0}]}}, "object 4 has name_ndx 0"),
        ],
    )
    def test_a_faulty_json_file_is_told_when_its_image_is_read(self, full, content, said):
        concepts = full({f"{STREET}.json": content})
        with pytest.raises(DataError, match=said) as caught:
            concepts.read_annotation(0)
        assert "ADE_train_1.json" in str(caught.value)
        assert concepts.read_annotation(1).numbers() == (1,)  # the person, alone in the other file

    @pytest.mark.parametrize(
        ("name", "picture", "said"),
        [
            ("_seg.png", encoded([[7] * 4] * 3), r"holds class 7 \(12 pixels\), which any JSON"),
            ("_seg.png", grey([[1] * 4] * 3), "mode L, but the full ADE20K has maps in red"),
            ("_parts_1.png", encoded([[0] * 4] * 4), r"is 4 x 4 \(height x width\), but ADE_train"),
            ("_seg.png", b"no picture", "cannot be read"),
        ],
    )
    def test_a_faulty_map_is_named(self, full, name, picture, said):
        with pytest.raises(DataError, match=said) as caught:
            full({STREET + name: picture}).read_annotation(0)
        assert f"ADE_train_1{name}" in str(caught.value)

    def test_a_class_that_two_files_call_otherwise_is_refused(self, full):
        other = listed((PERSON, 0))
        other["annotation"]["object"][0]["name"] = "people"
        with pytest.raises(DataError, match=r"calls class 1831 'people', but .* 'person, ind"):
            full({"images/ADE/validation/park/ADE_val_2.json": other})

    def test_a_folder_in_which_nothing_is_named_is_refused(self, full):
        names = (f"{STREET}.json", "images/ADE/validation/park/ADE_val_2.json")
        with pytest.raises(DataError, match=r"no JSON file in .*street names a class: .*does not"):
            full(dict.fromkeys(names))


class TestSceneParsing:
    def test_labels_are_those_of_the_table(self, parsing):
        concepts = parsing()
        assert [(label.number, label.name) for label in concepts.labels] == [
            (1, "wall"),
            (2, "building"),
            (3, "flag"),
        ]
        assert concepts.images == ("training/ADE_train_1.jpg", "validation/ADE_val_1.jpg")
        assert splits_of(concepts) == ("training", "validation")

    def test_maps_are_read_by_their_indices(self, parsing):
        [plane] = parsing().read_annotation(0).planes
        assert plane.tolist() == [[1, 1, 2, 0], [1, 1, 2, 0], [0, 0, 3, 3]]

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"objectInfo150.txt": None}, r"there is no .*objectInfo150\.txt"),
            ({"objectInfo150.txt": "Index\tName\n1\twall\n"}, 'has no column "Idx"'),
            ({"objectInfo150.txt": f"{TABLE}2\t0.1\tsky\n"}, "line 5: index 2 stands in two lines"),
            ({"objectInfo150.txt": f"{TABLE}x\t0.1\tsky\n"}, "line 5: .* no index from 1 and name"),
            ({"objectInfo150.txt": "Idx\tName\n"}, "names no class"),
            ({"objectInfo150.txt": b"\xff\xfe"}, "cannot be read"),
        ],
    )
    def test_faults_of_the_table_are_told(self, parsing, changes, said):
        with pytest.raises(DataError, match=said):
            parsing(changes)

    def test_an_index_without_a_line_is_told(self, parsing):
        concepts = parsing({"annotations/training/ADE_train_1.png": grey([[9] * 4] * 3)})
        with pytest.raises(DataError, match=r"holds value 9 \(12 pixels\).*add its line"):
            concepts.read_annotation(0)

    def test_a_map_of_another_size_is_told(self, parsing):
        concepts = parsing({"annotations/training/ADE_train_1.png": grey([[1] * 4] * 4)})
        with pytest.raises(DataError, match=r"ADE_train_1\.jpg is 3 x 4 .* 4 x 4 by .*annotations"):
            concepts.read_image(0)


def test_a_folder_of_something_else_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"has neither annotations/.* nor images with NAME_seg"):
        open_concepts(f"ade20k:{tmp_path}")
    with pytest.raises(DataError, match="there is no folder"):
        open_concepts(f"ade20k:{tmp_path / 'no'}")


def test_synonyms_are_left_out_where_that_tells_classes_apart():
    names = {1: "screen, silver screen", 2: "screen; door", 3: "car, auto", 4: "door", 5: "door"}
    assert shorten(names) == {
        1: "screen, silver screen",
        2: "screen; door",
        3: "car",
        4: "door (4)",
        5: "door (5)",
    }


@pytest.mark.parametrize(
    "change",
    [
        {f"{STREET}_parts_1.png": encoded([[DOOR] * 4] * 3)},
        {f"{STREET}_seg.png": encoded([[PERSON] * 4] * 3)},
        {f"{STREET}_parts_1.png": None},
        {f"{STREET}.jpg": photograph(3, 5)},
    ],
)
def test_whatever_changes_a_count_changes_the_fingerprint(tmp_path, change):
    plain = open_concepts(f"ade20k:{write_full(tmp_path / 'a')}")
    assert plain.fingerprint == open_concepts(f"ade20k:{write_full(tmp_path / 'b')}").fingerprint
    other = open_concepts(f"ade20k:{write_full(tmp_path / 'c', change)}")
    assert other.fingerprint != plain.fingerprint
    assert plain.part([1]).fingerprint == other.part([1]).fingerprint


@pytest.mark.parametrize("kind", ["full", "parsing"])
def test_it_is_checked_and_converted_with_the_same_counts(request, tmp_path, kind):
    source = request.getfixturevalue(kind)()
    back = convert_concepts(source, tmp_path / "out")
    assert splits_of(back) == splits_of(source)
    reports = [check_concepts(concepts) for concepts in (source, back)]
    assert [report.problems for report in reports] == [(), ()]
    pd.testing.assert_frame_equal(*(report.labels for report in reports))
    if kind == "parsing":
        assert "without a map, and so not in the set: 1 image: testing/" in reports[0].notes[0]


@pytest.mark.real
@pytest.mark.slow
def test_real_photographs_come_back_with_the_same_counts(shared, tmp_path):
    whole = open_concepts(f"broden:{shared / 'data/minibroden_224'}")
    source = whole.part([n for n, name in enumerate(whole.images) if name.startswith("camvid/")])
    owned = {label.number: label.category for label in source.labels}
    root = tmp_path / "ADE/training"
    root.mkdir(parents=True)
    for index in range(len(source.images)):
        planes = source.read_annotation(index).planes
        stem = f"ADE_train_{index:08}"
        found: dict[str, np.ndarray] = {}
        for category in ("object", "color"):  # colours stand for parts, which cover objects too
            members = [number for number, kind in owned.items() if kind == category]
            found[category] = np.where(np.isin(planes, members), planes * 40, 0).max(axis=0)
        for suffix, category in (("seg", "object"), ("parts_1", "color")):
            large = found[category].repeat(2, 0).repeat(2, 1)
            encoded(large).save(root / f"{stem}_{suffix}.png", compress_level=1)
        Image.open(source.image_path(index)).save(root / f"{stem}.jpg")
        objects = [
            {
                **{"name": label.name, "name_ndx": 40 * label.number},
                "parts": {"part_level": int(label.category == "color")},
            }
            for label in source.labels
        ]
        (root / f"{stem}.json").write_text(json.dumps({"annotation": {"object": objects}}))
    back = convert_concepts(
        open_concepts(f"ade20k:{tmp_path / 'ADE'}", mask_size=112), tmp_path / "back"
    )
    ours, theirs = (
        check_concepts(concepts)
        .labels.query("category in ('object', 'color', 'part') and images > 0")
        .set_index("name")[["images", "pixels"]]
        .sort_index()
        for concepts in (source, back)
    )
    pd.testing.assert_frame_equal(ours, theirs)
    assert len(ours) == 22
