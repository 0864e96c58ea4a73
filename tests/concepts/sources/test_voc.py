"""Is a folder in VOC's layout a concept set, as torchvision reads it, and is each fault named?"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from torchvision.datasets import VOCDetection, VOCSegmentation

from concepts.voc_files import CAR, DOG_ON_SOFA, boxed, palette, save_map, write_voc, xml
from concepts.worlds import photograph
from prunescope.base.errors import ConfigError, DataError
from prunescope.concepts import open_concepts
from prunescope.concepts.check import check_concepts
from prunescope.concepts.convert import convert_concepts
from prunescope.concepts.protocol import ConceptSet, Label, splits_of
from prunescope.concepts.voc.maps import VOC_CLASSES, colour_of

DOG, SOFA, CAR_CLASS = 12, 18, 7


@pytest.fixture
def make(tmp_path):
    """Return a function that writes the folder, with changes, and opens it."""

    def write(changes=None, options="", **asked):
        return open_concepts(f"voc:{write_voc(tmp_path / 'VOC', changes)}{options}", **asked)

    return write


def test_the_palette_is_that_of_the_development_kit():
    colours = np.array(palette()).reshape(256, 3)
    for index in range(256):
        red, green, blue = colours[index].tolist()
        assert colour_of(index) == red * 65_536 + green * 256 + blue


class TestMaps:
    def test_it_is_a_concept_set_of_the_twenty_classes(self, make):
        concepts = make()
        assert isinstance(concepts, ConceptSet)
        assert [label.number for label in concepts.labels] == list(range(1, 21))
        assert concepts.labels[DOG - 1] == Label(number=DOG, name="dog", category="object")
        assert concepts.categories == ("object",)

    def test_background_and_border_carry_nothing(self, make):
        [plane] = make().read_annotation(0).planes
        expected = np.array(DOG_ON_SOFA)
        expected[expected == 255] = 0
        assert plane.dtype == np.int32
        assert (plane == expected).all()

    def test_the_lists_are_the_splits(self, make):
        concepts = make()
        assert concepts.images == ("a.jpg", "b.jpg")
        assert splits_of(concepts) == ("train", "val")
        assert make(split="val").images == ("b.jpg",)
        assert make(split="trainval").images == ("a.jpg", "b.jpg")
        assert make(split="trainval", limit=1).images == ("a.jpg",)

    def test_a_list_that_nearly_exists_is_told(self, make):
        with pytest.raises(ConfigError, match=r'ImageSets has no split "vall".*"val".*train, val'):
            make(split="vall")

    def test_without_lists_every_map_is_in_the_set(self, make):
        lists = dict.fromkeys(
            f"ImageSets/Segmentation/{name}.txt" for name in ("train", "val", "trainval")
        )
        concepts = make(lists)
        assert concepts.images == ("a.jpg", "b.jpg")
        assert splits_of(concepts) == ("", "")

    def test_it_is_what_torchvision_reads(self, tmp_path):
        root = write_voc(tmp_path / "VOCdevkit/VOC2012")
        theirs = VOCSegmentation(str(tmp_path), year="2012", image_set="trainval", download=False)
        ours = open_concepts(f"voc:{root}", split="trainval")
        assert len(ours.images) == len(theirs)
        for index, (picture, target) in enumerate(theirs):
            indices = np.asarray(target).astype(int)
            indices[indices == 255] = 0
            assert (ours.read_annotation(index).planes == indices).all()
            assert (np.asarray(ours.read_image(index)) == np.asarray(picture)).all()

    @pytest.mark.parametrize("name", ["class_names.txt", "mine.txt"])
    @pytest.mark.parametrize("head", ["", "_background_\n", "__ignore__\n_background_\n"])
    def test_own_classes_are_named_by_a_file(self, make, tmp_path, name, head):
        names = "".join(f"kind {n}\n" for n in range(1, 21))
        option = "" if name == "class_names.txt" else f",classes={tmp_path / 'VOC' / name}"
        concepts = make({name: head + names}, option)
        assert concepts.labels[DOG - 1].name == "kind 12"
        save_map(tmp_path / "VOC/SegmentationClass/a.png", DOG_ON_SOFA, [0] * 768)
        assert concepts.read_annotation(0).numbers() == (DOG, SOFA)

    LABELMAP = """# label:color_rgb:parts:actions
background:0,0,0::
dog:64,0,128::
sofa:0,192,0:arm,leg:
"""

    @pytest.mark.parametrize("mode", ["P", "RGB"])
    def test_a_labelmap_names_colours(self, make, tmp_path, mode):
        concepts = make({"labelmap.txt": self.LABELMAP})
        path = tmp_path / "VOC/SegmentationClass/a.png"
        Image.open(path).convert(mode).save(path)
        assert [label.name for label in concepts.labels] == ["dog", "sofa"]
        [plane] = concepts.read_annotation(0).planes
        assert plane.tolist() == [[0] * 5, [2, 0, 1, 1, 0], [2, 0, 1, 1, 0], [2] * 5]

    @pytest.mark.parametrize(
        ("line", "said"),
        [
            ("cat", "line 1 is 'cat', but must be name:red,green,blue::"),
            ("cat:0,0,256::", "line 1 is"),
            ("cat:1,2::", "line 1 is"),
            ("cat:1,2,3::\ndog:1,2,3::", "line 2: 'dog:1,2,3::' has a name or colour twice"),
            ("cat:1,2,3::\ncat:1,2,4::", "line 2: .* has a name or colour twice"),
            ("background:0,0,0::", "labelmap.txt names no class"),
        ],
    )
    def test_a_faulty_labelmap_is_told(self, make, line, said):
        with pytest.raises(DataError, match=said):
            make({"labelmap.txt": line})

    def test_a_colour_that_no_line_has_is_told(self, make):
        concepts = make({"labelmap.txt": self.LABELMAP})
        with pytest.raises(DataError, match=r"b\.png holds colour #.*labelmap\.txt does not list"):
            concepts.read_annotation(1)

    def test_maps_in_colours_and_in_grey_are_read_too(self, make, tmp_path):
        concepts = make()
        path = tmp_path / "VOC/SegmentationClass/a.png"
        planes = concepts.read_annotation(0).planes
        Image.open(path).convert("RGB").save(path)
        assert (concepts.read_annotation(0).planes == planes).all()
        Image.fromarray(np.array(DOG_ON_SOFA, np.uint8)).save(path)
        assert (concepts.read_annotation(0).planes == planes).all()

    def test_a_palette_that_is_not_vocs_is_told(self, make, tmp_path):
        concepts = make()
        colours = palette()
        colours[3 * 12] = 1
        save_map(tmp_path / "VOC/SegmentationClass/a.png", DOG_ON_SOFA, colours)
        said = r"a\.png has a palette that is not VOC's: it shows 12 in #010080, VOC in #400080"
        with pytest.raises(DataError, match=said):
            concepts.read_annotation(0)
        save_map(tmp_path / "VOC/SegmentationClass/a.png", CAR, colours)  # which does not show it
        assert concepts.read_annotation(0).numbers() == (CAR_CLASS,)

    def test_an_index_without_a_class_is_told(self, make, tmp_path):
        concepts = make()
        save_map(tmp_path / "VOC/SegmentationClass/a.png", [[21] * 5] * 4)
        with pytest.raises(DataError, match=r"a\.png holds value 21 \(20 pixels\).*classes=FILE"):
            concepts.read_annotation(0)

    def test_a_map_of_another_size_is_told_with_its_image(self, make, tmp_path):
        concepts = make()
        save_map(tmp_path / "VOC/SegmentationClass/a.png", [[0] * 4] * 4)
        with pytest.raises(DataError, match=r"a\.jpg is 4 x 5 .* 4 x 4 by .*SegmentationClass/a"):
            concepts.read_image(0)

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            (
                {"ImageSets/Segmentation/train.txt": "a\nc\n"},
                "lists c, but there is no .*SegmentationClass/c",
            ),
            ({"ImageSets/Segmentation/train.txt": "a\na\n"}, 'line 2: "a" stands in line 1 too'),
            ({"ImageSets/Segmentation/train.txt": "../a\n"}, 'line 1: "../a" leaves the folder'),
            ({"ImageSets/Segmentation/train.txt": b"\xff\xfe"}, "train.txt cannot be read"),
            ({"JPEGImages/a.png": photograph(4, 5)}, "and a.jpg have one name"),
            ({"class_names.txt": "dog\ndog\n"}, "class_names.txt has 'dog' twice"),
            ({"class_names.txt": "\n"}, "class_names.txt names 0 classes"),
        ],
    )
    def test_faults_of_the_folder_are_told(self, make, changes, said):
        with pytest.raises(DataError, match=said):
            make(changes)

    @pytest.mark.parametrize("folder", ["SegmentationClass", "JPEGImages"])
    def test_a_folder_that_is_missing_is_named(self, make, tmp_path, folder):
        make()
        (tmp_path / "VOC" / folder).rename(tmp_path / "elsewhere")
        with pytest.raises(
            DataError, match=f"no folder in VOC's layout: it has no folder {folder}"
        ):
            open_concepts(f"voc:{tmp_path / 'VOC'}")

    def test_a_picture_that_is_gone_is_named_with_its_map(self, make):
        concepts = make({"JPEGImages/a.jpg": None})
        with pytest.raises(DataError, match=r"a\.jpg .*SegmentationClass/a\.png"):
            concepts.read_image(0)
        with pytest.raises(DataError, match=r"a\.jpg cannot be read.*SegmentationClass/a\.png"):
            _ = concepts.fingerprint


class TestBoxes:
    def test_labels_are_what_the_boxes_hold(self, make):
        concepts = make(options=",boxes=true")
        assert [(label.name, label.category) for label in concepts.labels] == [
            ("car", "object"),
            ("dog", "object"),
            ("sofa", "object"),
            ("head", "part"),
        ]
        assert concepts.categories == ("object", "part")
        assert splits_of(concepts) == ("train", "val")

    def test_corners_count_from_1_and_belong_to_the_box(self, make):
        dog, sofa, head = make(options=",boxes=true").read_annotation(0).planes
        assert dog.tolist() == [[0] * 5, [0, 2, 2, 2, 0], [0, 2, 2, 2, 0], [0] * 5]
        assert sofa.tolist() == [[0] * 5, *[[3] * 5] * 3]
        assert head.tolist() == [[0] * 5, [0, 0, 4, 4, 0], [0] * 5, [0] * 5]

    def test_they_are_those_that_torchvision_reads(self, tmp_path):
        root = write_voc(tmp_path / "VOCdevkit/VOC2012")
        theirs = VOCDetection(str(tmp_path), year="2012", image_set="train", download=False)
        ours = open_concepts(f"voc:{root},boxes=true", split="train")
        [(_, target)] = theirs
        names = {label.name: label.number for label in ours.labels}
        planes = ours.read_annotation(0).planes
        for found in target["annotation"]["object"]:
            corners = {side: int(value) for side, value in found["bndbox"].items()}
            area = (corners["xmax"] - corners["xmin"] + 1) * (corners["ymax"] - corners["ymin"] + 1)
            assert (planes == names[found["name"]]).sum() == area

    def test_a_corner_may_lie_a_pixel_outside(self, make):
        changes = {"Annotations/b.xml": xml(boxed("car", (0, 0, 6, 2.5)))}
        [plane] = make(changes, ",boxes=true").read_annotation(1).planes
        assert plane.tolist() == [[1] * 5, [1] * 5, [0] * 5, [0] * 5]

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (xml(boxed("car", (1, 1, 7, 2))), "the box of 'car', x 1 to 7 .* outside its image"),
            (xml(boxed("car", (3, 1, 2, 2))), "the box of 'car' ends before it begins"),
            (xml(boxed("", (1, 1, 2, 2))), "an object without a name"),
            (xml(boxed("car", (1, 1, 2, 2)).replace("ymax", "y")), "bndbox/ymax is None"),
            (xml(boxed("car", (1, 1, 2, float("nan")))), "bndbox/ymax is 'nan'"),
            (xml(height=0), "its size is 0 x 5"),
            ("<annotation>", "cannot be read as XML"),
            ("", "cannot be read as XML"),
            ('<!DOCTYPE a [<!ENTITY b "b">]><annotation/>', "defines entities"),
        ],
    )
    def test_a_faulty_file_is_told_when_its_image_is_read(self, make, content, said):
        concepts = make({"Annotations/b.xml": content}, ",boxes=true")
        assert concepts.read_annotation(0).numbers() == (1, 2, 3)
        for read in (concepts.read_annotation, concepts.read_image):
            with pytest.raises(DataError, match=said) as caught:
                read(1)
            assert "Annotations/b.xml" in str(caught.value)

    def test_a_set_without_a_box_is_refused(self, make):
        empty = dict.fromkeys(("Annotations/a.xml", "Annotations/b.xml"), xml())
        with pytest.raises(DataError, match=r"no file in .*Annotations has a box"):
            make(empty, ",boxes=true")

    def test_classes_are_refused_with_boxes(self, make):
        with pytest.raises(ConfigError, match="boxes=true reads no map"):
            make(options=",boxes=true,classes=x.txt")


class TestFingerprint:
    def test_a_copy_has_the_same_fingerprint(self, tmp_path):
        first, second = (open_concepts(f"voc:{write_voc(tmp_path / name)}") for name in "ab")
        assert first.fingerprint == second.fingerprint == second.tolerant_fingerprint

    @pytest.mark.parametrize(
        "change",
        [
            {"JPEGImages/a.jpg": photograph(4, 6)},
            {"class_names.txt": "\n".join(VOC_CLASSES[::-1])},
            {"ImageSets/Segmentation/train.txt": "", "ImageSets/Segmentation/trainval.txt": "b\n"},
        ],
    )
    def test_whatever_changes_a_count_changes_it(self, tmp_path, change):
        plain = open_concepts(f"voc:{write_voc(tmp_path / 'a')}").fingerprint
        assert open_concepts(f"voc:{write_voc(tmp_path / 'b', change)}").fingerprint != plain

    def test_boxes_are_another_set(self, make):
        assert make().fingerprint != make(options=",boxes=true").fingerprint

    def test_a_part_holds_its_images_alone(self, make):
        part = make().part([1])
        assert part.images == ("b.jpg",)
        assert part.fingerprint == make(split="val").fingerprint
        assert part.read_annotation(0).numbers() == (CAR_CLASS,)


def test_threads_read_what_one_reads(make):
    concepts = make(options=",boxes=true")
    order = [index % 2 for index in range(40)]
    with ThreadPoolExecutor(4) as pool:
        several = list(pool.map(concepts.read_annotation, order))
    for index, one in zip(order, several, strict=True):
        assert (one.planes == concepts.read_annotation(index).planes).all()


def test_the_check_counts_and_names_what_has_no_effect(make):
    report = check_concepts(make())
    assert report.problems == ()
    found = report.labels[report.labels["images"] > 0]
    pixels = dict(zip(found["name"], found["pixels"], strict=True))
    assert pixels == {"car": 10, "dog": 4, "sofa": 7}
    assert "without a map, and so not in the set: 1 image: bare.jpg" in report.notes[0]
    assert "17 labels have no pixel: aeroplane (number 1)" in report.notes[1]


@pytest.mark.parametrize("options", ["", ",boxes=true"])
def test_it_is_converted_with_the_same_counts(make, tmp_path, options):
    source = make(options=options)
    back = convert_concepts(source, tmp_path / "out")
    assert splits_of(back) == splits_of(source)
    counts = [check_concepts(concepts).labels for concepts in (source, back)]
    pd.testing.assert_frame_equal(*counts)


@pytest.mark.real
@pytest.mark.slow
def test_real_photographs_come_back_with_the_same_counts(shared, tmp_path):
    whole = open_concepts(f"broden:{shared / 'data/minibroden_224'}")
    source = whole.part([n for n, name in enumerate(whole.images) if name.startswith("camvid/")])
    objects = [label for label in source.labels if label.category == "object"]
    index_of = np.zeros(max(label.number for label in source.labels) + 1, int)
    index_of[[label.number for label in objects]] = range(1, len(objects) + 1)
    root = tmp_path / "VOC"
    for index in range(len(source.images)):
        plane = index_of[source.read_annotation(index).planes].max(axis=0)
        stem = f"{index:04}"
        save_map(root / f"SegmentationClass/{stem}.png", plane.repeat(2, 0).repeat(2, 1))
        picture = root / f"JPEGImages/{stem}.jpg"
        picture.parent.mkdir(exist_ok=True)
        picture.write_bytes(source.image_path(index).read_bytes())
    names = "\n".join(label.name for label in objects)
    (root / "class_names.txt").write_text(f"_background_\n{names}\n")
    back = convert_concepts(open_concepts(f"voc:{root}", mask_size=112), tmp_path / "back")
    counts = [
        check_concepts(concepts).labels.query("category == 'object' and images > 0")
        for concepts in (source, back)
    ]
    ours, theirs = (table.set_index("name")[["images", "pixels"]].sort_index() for table in counts)
    pd.testing.assert_frame_equal(ours, theirs)
    assert len(ours) == 11
