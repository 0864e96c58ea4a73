"""Is a COCO file a concept set, with the pixels that pycocotools finds, and is each fault named?"""

import io
import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from concepts.coco_files import (
    CAR,
    CATEGORIES,
    DOG,
    GRASS,
    IMAGES,
    annotation,
    compressed,
    marked,
    panoptic,
    segments,
    square,
    tiny,
    uncompressed,
    write_coco,
    write_segments,
)
from concepts.worlds import photograph
from prunescope.base.errors import ConfigError, DataError
from prunescope.concepts import open_concepts
from prunescope.concepts.check import check_concepts
from prunescope.concepts.protocol import ConceptSet, Label

pytest.importorskip("pycocotools", reason="pycocotools is not installed (extra: coco)")

THEIR_DECODER = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture
def opened(tmp_path):
    """Return a function that writes a file, the tiny one with changes, and opens it."""

    def write(changes=None, options="", **asked):
        path = write_coco(tmp_path, tiny() | (changes or {}))
        return open_concepts(f"coco:{path}{options}", **asked)

    return write


def shown(shape, category=3, **more):
    """Return the changes that make one shape the only annotation, 42, of the first image."""
    return {"annotations": [annotation(42, 7, category, shape, **more)]}


def pixels(concepts, index, number):
    return (concepts.read_annotation(index).planes == number).any(axis=0).astype(np.uint8)


class TestOpening:
    def test_it_is_a_concept_set_with_a_label_for_each_category(self, opened):
        concepts = opened()
        assert isinstance(concepts, ConceptSet)
        assert concepts.name.startswith("coco:")
        assert concepts.categories == ("object", "stuff")
        assert concepts.labels == (
            Label(number=CAR, name="car", category="object"),
            Label(number=DOG, name="dog", category="object"),
            Label(number=GRASS, name="grass", category="stuff"),
        )

    def test_categories_can_be_those_of_the_file(self, opened):
        concepts = opened(options=",category=supercategory")
        assert concepts.categories == ("vehicle", "animal", "plant")

    def test_images_with_annotations_are_in_it_in_the_order_of_the_file(self, opened):
        concepts = opened()
        assert concepts.images == ("train/a.png", "val/b.png")
        assert concepts.splits == ("train", "val")
        assert opened(split="val").images == ("val/b.png",)
        assert opened(limit=1).images == ("train/a.png",)

    def test_keys_may_come_in_any_order_and_with_others(self, opened):
        plain = opened()
        planes = plain.read_annotation(0).planes
        turned = dict(reversed(tiny().items())) | {"licenses": [{"id": 1}]}
        plain.index.path.write_text(json.dumps(turned, indent=2))
        reread = open_concepts(plain.name)
        assert reread.labels == plain.labels
        assert (reread.read_annotation(0).planes == planes).all()

    @pytest.mark.parametrize(
        ("file", "images"),
        [
            ("labels.json", "images"),
            ("labels.json", "."),
            ("annotations/instances_val2017.json", "val2017"),
            ("instances_val2017.json", "val2017"),
            ("annotations/labels.json", "images"),
        ],
    )
    def test_images_are_found_where_tools_put_them(self, tmp_path, file, images):
        path = write_coco(tmp_path, file=file, images=())
        folder = tmp_path / images / "train"
        folder.mkdir(parents=True)
        (folder / "a.png").write_bytes(photograph())
        concepts = open_concepts(f"coco:{path}")
        assert concepts.image_path(0).resolve() == (folder / "a.png").resolve()

    def test_images_lie_where_it_is_stated(self, tmp_path):
        path = write_coco(tmp_path / "set")
        (tmp_path / "set/images").rename(tmp_path / "a, b=c")
        concepts = open_concepts(f"coco:{path},images={tmp_path / 'a, b=c'}")
        assert concepts.read_image(0).size == (8, 6)

    def test_images_that_are_nowhere_are_told_with_all_that_was_tried(self, tmp_path):
        path = write_coco(tmp_path, images=())
        with pytest.raises(DataError, match=r"train/a\.png lies in none of .*images=DIR"):
            open_concepts(f"coco:{path}")
        with pytest.raises(DataError, match="no folder nowhere, given as images=nowhere"):
            open_concepts(f"coco:{path},images=nowhere")


class TestFaultsOfTheFile:
    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"images": [IMAGES[0], IMAGES[0]]}, "image 7 stands there twice"),
            ({"images": [IMAGES[0] | {"id": "x"}]}, "image 'x': id is 'x', but must be a whole"),
            ({"images": [IMAGES[0] | {"id": 2**63}]}, "must be a whole number"),
            ({"images": [IMAGES[0] | {"height": 0}]}, "image 7: height is 0, but must be from 1"),
            ({"images": [IMAGES[0] | {"height": 60_000, "width": 60_000}]}, "more pixels than"),
            ({"images": [IMAGES[0] | {"width": None}]}, "image 7: width is None"),
            ({"images": [IMAGES[0] | {"file_name": ""}]}, "image 7 has no file_name"),
            ({"images": [IMAGES[0] | {"file_name": "../x"}]}, "image 7: '../x' leaves the folder"),
            ({"images": [IMAGES[0] | {"file_name": "/etc/x"}]}, "leaves the folder"),
            ({"images": [5]}, "5 in images is no object"),
            ({"images": {}}, '"images" must be a list'),
            ({"categories": [*CATEGORIES, CATEGORIES[0]]}, "category 18 stands there twice"),
            ({"categories": [*CATEGORIES, {"id": 1, "name": "car"}]}, "category 1 is called 'car'"),
            ({"categories": [{"id": 3}]}, "category 3 has no name"),
            ({"categories": [{"id": None, "name": "car"}]}, "category None is no whole number"),
            ({"categories": []}, "has no categories"),
            ({"categories": list(CATEGORIES[:1])}, "annotation 11 has category_id 3, which no"),
            ({"images": list(IMAGES[:1])}, "annotation 14 has image_id 2, which no image has"),
            ({"annotations": []}, "has no annotations"),
            ({"annotations": [*tiny()["annotations"]] * 2}, "annotation 11 stands there twice"),
            (shown([], image_id=None), "annotation 42: image_id is None"),
            (shown([], category_id=1.0), r"annotation 42: category_id is 1\.0"),
        ],
    )
    def test_each_is_told_with_file_and_id(self, opened, changes, said):
        with pytest.raises(DataError, match=said) as caught:
            opened(changes)
        assert "labels.json" in str(caught.value)
        assert "\n" not in str(caught.value)

    def test_an_option_that_there_is_not_is_told_the_nearest(self, opened):
        with pytest.raises(ConfigError, match=r'no option "box".*did you mean "boxes"'):
            opened(options=",box=true")
        with pytest.raises(ConfigError, match=r'boxes .* is "yes": give true or false'):
            opened(options=",boxes=yes")
        with pytest.raises(ConfigError, match=r'category .* is "super": give kind or superc'):
            opened(options=",category=super")
        with pytest.raises(ConfigError, match="states boxes twice"):
            opened(options=",boxes=true,boxes=true")

    def test_without_pycocotools_it_is_said_how_to_get_it(self, opened, monkeypatch):
        monkeypatch.setattr("prunescope.concepts.coco.shapes.find_spec", lambda name: None)
        with pytest.raises(ConfigError, match=r"pip install 'prunescope\[coco\]'"):
            opened()
        assert opened(options=",boxes=true").read_annotation(0).planes.any()

    def test_a_file_that_changes_meanwhile_is_noticed(self, opened):
        concepts = opened()
        path = concepts.index.path
        path.write_text(
            path.read_text().replace("4.0", "5.0").replace("[0, 0, 4, 0", "[0, 0, 5, 0")
        )
        with pytest.raises(DataError, match="was written to since it was opened"):
            concepts.read_annotation(0)


class TestAnnotations:
    def test_labels_that_overlap_are_all_carried(self, opened):
        annotation = opened().read_annotation(0)
        assert annotation.whole == ()
        assert annotation.planes.dtype == np.int32
        assert annotation.planes.tolist() == [
            [*[[1, 1, 1, 1, 0, 0, 0, 0]] * 3, *[[0] * 8] * 3],
            [[0, 0, 0, 0, 0, 0, 2, 0], *[[0, 0, 2, 2, 2, 0, 0, 0]] * 2, *[[0] * 8] * 3],
            [*[[0] * 8] * 4, *[[3] * 8] * 2],
        ]

    def test_a_label_is_one_mask_however_many_instances_it_has(self, opened):
        [plane] = opened().read_annotation(1).planes  # a crowd, and a dog that overlaps it
        assert plane.tolist() == [[2, 2, 2, 0, 0, 0, 0, 0]] * 6

    def test_boxes_can_be_filled_instead(self, opened):
        concepts = opened(options=",boxes=true")
        assert (pixels(concepts, 0, DOG) == marked(0, 2, 3, 5)).all()
        assert (pixels(concepts, 1, DOG) == marked(0, 0, 6, 3)).all()

    def test_a_box_marks_the_pixels_whose_centre_lies_in_it(self, opened):
        changes = shown([], bbox=[1.5, 0.6, 2.0, 2.0])
        concepts = opened(changes, ",boxes=true")
        assert (pixels(concepts, 0, CAR) == marked(1, 1, 2, 2)).all()

    @pytest.mark.parametrize("box", [[3, 2, 0, 4], [1.6, 2, 0.5, 1], [0, 0, 8, 0]])
    def test_a_box_without_a_centre_marks_nothing(self, opened, box):
        concepts = opened(shown([], bbox=box), ",boxes=true")
        assert concepts.read_annotation(0).planes.shape == (0, 6, 8)

    @THEIR_DECODER
    def test_whole_boxes_are_those_of_pycocotools(self, opened):
        from pycocotools import mask

        for box in ([0.0, 0.0, 8.0, 6.0], [2.0, 1.0, 3.0, 4.0], [7.0, 5.0, 1.0, 1.0]):
            expected = mask.decode(mask.frPyObjects(np.array([box]), 6, 8))[:, :, 0]
            concepts = opened(shown([], bbox=box), ",boxes=true")
            assert (pixels(concepts, 0, CAR) == expected).all()

    def test_threads_read_what_one_reads(self, opened):
        concepts = opened()
        order = [index % 2 for index in range(40)]
        with ThreadPoolExecutor(4) as pool:
            several = list(pool.map(concepts.read_annotation, order))
        for index, one in zip(order, several, strict=True):
            assert (one.planes == concepts.read_annotation(index).planes).all()

    @pytest.mark.parametrize(
        ("shape", "said"),
        [
            ([[1.0, 1.0, 3.0, 3.0]], "a polygon has 4 numbers, but needs x and y of three points"),
            ([[1.0, 1.0, 3.0, 3.0, 2.0, 5.0, 1.0]], "a polygon has 7 numbers"),
            ([square(0, 0, 4, 7.5)], r"a corner has y = 7.5, outside its image of 6 x 8"),
            ([square(-2, 0, 4, 4)], r"a corner has x = -2, outside its image"),
            ([[1, 1, 3, 3, "5", 1]], "a polygon holds something else than numbers"),
            ([[1, 1, 3, 3, float("nan"), 1]], "a polygon holds something else than numbers"),
            ([[1, 1, 3, 3, 10**400, 1]], "a polygon holds something else than numbers"),
            (square(0, 0, 4, 4), "a list of polygons"),
            ([], "it has a box but no segmentation: give boxes=true"),
            (None, "it has a box but no segmentation"),
            ({"size": [8, 6], "counts": "0"}, r"has the size \[8, 6\], but its image is 6 x 8"),
            ({"size": [6, 8], "counts": [40, 1]}, "add up to 41 pixels, but the image has 48"),
            ({"size": [6, 8], "counts": "01"}, "add up to 1 pixel"),
            ({"size": [6, 8]}, "its counts must be a string or a list"),
        ],
    )
    def test_a_shape_of_another_image_is_told_with_file_and_id(self, opened, shape, said):
        concepts = opened(shown(shape, bbox=[0, 0, 1, 1]))
        with pytest.raises(DataError, match=said) as caught:
            concepts.read_annotation(0)
        assert str(caught.value).count("\n") == 0
        for word in ("labels.json", "annotation 42 of train/a.png"):
            assert word in str(caught.value)

    @pytest.mark.parametrize(
        ("box", "said"),
        [
            ([0, 0, 9.5, 2], r"x = 9.5, outside"),
            ([0, 0, -1, 2], "negative width"),
            ([0, 0, 1], "must be left, top, width and height"),
            (None, "its bbox is None"),
        ],
    )
    def test_a_box_of_another_image_is_told_with_file_and_id(self, opened, box, said):
        concepts = opened(shown([], bbox=box), ",boxes=true")
        with pytest.raises(DataError, match=said) as caught:
            concepts.read_annotation(0)
        assert "annotation 42 of train/a.png" in str(caught.value)

    def test_bytes_that_are_not_utf_8_stand_only_where_nothing_is_read(self, opened):
        concepts = opened()
        path = concepts.index.path
        text = path.read_bytes()
        path.write_bytes(text.replace(b'"id": 11,', b'"id": 11, "note": "\xff",'))
        assert open_concepts(concepts.name).read_annotation(0).numbers() == (CAR, DOG, GRASS)
        path.write_bytes(text.replace(b'"car"', b'"\xff"'))
        with pytest.raises(DataError, match=r"labels\.json is not UTF-8 \(at byte"):
            open_concepts(concepts.name)

    def test_every_faulty_annotation_of_an_image_has_a_line(self, opened):
        wrong = [annotation(n, 7, 3, [[1.0, 2.0]]) for n in (1, 2)]
        with pytest.raises(DataError) as caught:
            opened(
                {"annotations": [*wrong, annotation(3, 7, 3, [square(0, 0, 2, 2)])]}
            ).read_annotation(0)
        first, second = str(caught.value).splitlines()
        assert "annotation 1 of" in first
        assert "annotation 2 of" in second


@THEIR_DECODER
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # each writes all it reads
)
@given(data=st.data())
def test_every_annotation_marks_what_pycocotools_says(tmp_path, data):
    from pycocotools.coco import COCO

    height, width = data.draw(st.tuples(st.integers(1, 30), st.integers(1, 30)))
    corner = st.tuples(st.floats(0, width), st.floats(0, height))
    polygons = st.lists(
        st.lists(corner, min_size=3, max_size=7).map(lambda xy: [v for point in xy for v in point]),
        min_size=1,
        max_size=3,
    )
    flat = st.lists(st.integers(0, 1), min_size=height * width, max_size=height * width)
    masks = flat.map(lambda bits: np.array(bits, np.uint8).reshape(height, width))
    shapes = polygons | masks.map(compressed) | masks.map(uncompressed)
    drawn = data.draw(
        st.lists(st.tuples(shapes, st.sampled_from([3, 18, 90])), min_size=1, max_size=4)
    )
    content = {
        "images": [{"id": 1, "file_name": "a.png", "height": height, "width": width}],
        "annotations": [annotation(n, 1, c, shape) for n, (shape, c) in enumerate(drawn)],
        "categories": list(CATEGORIES),
    }
    path = write_coco(tmp_path, content, images=("a.png",))
    concepts, theirs = open_concepts(f"coco:{path}"), COCO(path)
    for label, category in ((CAR, 3), (DOG, 18), (GRASS, 90)):
        expected = np.zeros((height, width), np.uint8)
        for one in theirs.loadAnns(theirs.getAnnIds(catIds=[category])):
            expected |= theirs.annToMask(one)
        assert (pixels(concepts, 0, label) == expected).all()


class TestImages:
    def test_a_picture_of_another_size_is_told_with_its_id(self, opened):
        concepts = opened()
        concepts.image_path(0).write_bytes(photograph(5, 8))
        with pytest.raises(DataError, match=r"a\.png is 5 x 8 .* said to be 6 x 8 \(image 7 of"):
            concepts.read_image(0)

    def test_a_picture_that_is_gone_is_told_with_its_id(self, opened):
        concepts = opened()
        concepts.image_path(0).unlink()
        for use in (lambda: concepts.read_image(0), lambda: concepts.fingerprint):
            with pytest.raises(DataError, match=r"a\.png .*\(image 7 of .*labels\.json\)"):
                use()

    @pytest.mark.parametrize("stored", [(6, 8), (8, 6)])
    def test_a_photograph_on_its_side_is_turned_if_it_then_has_its_size(self, opened, stored):
        file, exif = io.BytesIO(), Image.Exif()
        exif[0x0112] = 6  # the camera was turned by a quarter
        picture = Image.fromarray(np.arange(48, dtype=np.uint8).reshape(stored)).convert("RGB")
        picture.save(file, "png", exif=exif)
        concepts = opened()
        concepts.image_path(0).write_bytes(file.getvalue())
        first = [concepts.read_image(0).getpixel((x, 0))[0] for x in (0, 7)]
        assert first == ([0, 7] if stored == (6, 8) else [42, 0])


class TestPanoptic:
    @pytest.fixture
    def path(self, tmp_path):
        write_segments(tmp_path / "labels/a.png", segments())
        return write_coco(tmp_path, panoptic())

    def test_a_map_is_read_by_its_segments(self, path):
        concepts = open_concepts(f"coco:{path}")
        assert concepts.images == ("train/a.png",)
        [plane] = concepts.read_annotation(0).planes
        assert plane.tolist() == [
            [CAR, CAR, CAR, CAR, GRASS, GRASS, GRASS, GRASS],
            *[[GRASS] * 8] * 4,
            [0] * 8,
        ]

    def test_a_map_may_have_any_name(self, tmp_path):
        content = panoptic()
        content["annotations"][0]["file_name"] = "straße.png"
        write_segments(tmp_path / "labels/straße.png", segments())
        path = write_coco(tmp_path, content)
        for ascii_only in (True, False):
            path.write_text(json.dumps(content, ensure_ascii=ascii_only), encoding="utf-8")
            concepts = open_concepts(f"coco:{path}")
            assert concepts.read_annotation(0).numbers() == (CAR, GRASS)

    def test_maps_may_lie_elsewhere(self, path, tmp_path):
        (tmp_path / "labels").rename(tmp_path / "elsewhere")
        with pytest.raises(DataError, match=r"is panoptic, but there is no folder .*maps=DIR"):
            open_concepts(f"coco:{path}")
        concepts = open_concepts(f"coco:{path},maps={tmp_path / 'elsewhere'}")
        assert concepts.read_annotation(0).numbers() == (CAR, GRASS)

    def test_boxes_are_refused(self, path):
        with pytest.raises(ConfigError, match="is panoptic, and has maps"):
            open_concepts(f"coco:{path},boxes=true")

    @pytest.mark.parametrize(
        ("ids", "said"),
        [
            (np.full((6, 8), 9), r"segment 9 \(48 pixels\), which segments_info does not list"),
            (np.full((3, 4), 5), r"is 3 x 4 \(height x width\), but its image is 6 x 8"),
        ],
    )
    def test_a_map_of_another_image_is_told(self, path, tmp_path, ids, said):
        write_segments(tmp_path / "labels/a.png", ids)
        with pytest.raises(DataError, match=said) as caught:
            open_concepts(f"coco:{path}").read_annotation(0)
        assert "labels/a.png" in str(caught.value)
        assert "image 7" in str(caught.value)

    def test_a_grey_map_is_told(self, path, tmp_path):
        Image.fromarray(np.full((6, 8), 5, np.uint8)).save(tmp_path / "labels/a.png")
        with pytest.raises(DataError, match="mode L, but a panoptic map is RGB"):
            open_concepts(f"coco:{path}").read_annotation(0)

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"segments_info": [{"id": 5, "category_id": 4}]}, "image 7|annotation 7"),
            ({"segments_info": [5]}, "the annotation of image 7: segments_info must be a list of"),
            ({"file_name": None}, "the annotation of image 7 has no file_name"),
            ({"file_name": "../a.png"}, "leaves the folder of maps"),
        ],
    )
    def test_faults_of_the_file_are_told(self, tmp_path, changes, said):
        content = panoptic()
        content["annotations"][0] |= changes
        with pytest.raises(DataError, match=said):
            open_concepts(f"coco:{write_coco(tmp_path, content)}")

    def test_two_maps_of_an_image_are_refused(self, tmp_path):
        content = panoptic()
        content["annotations"] *= 2
        with pytest.raises(DataError, match="image 7 has two annotations"):
            open_concepts(f"coco:{write_coco(tmp_path, content)}")

    def test_a_map_decides_the_fingerprint(self, path, tmp_path):
        before = open_concepts(f"coco:{path}").fingerprint
        write_segments(tmp_path / "labels/a.png", segments()[::-1])
        assert open_concepts(f"coco:{path}").fingerprint != before


class TestFingerprint:
    def test_a_copy_has_the_same_fingerprint(self, tmp_path):
        first, second = (open_concepts(f"coco:{write_coco(tmp_path / n)}") for n in "ab")
        assert first.fingerprint == second.fingerprint
        assert len(bytes.fromhex(first.fingerprint)) == 32
        assert first.tolerant_fingerprint == first.fingerprint

    @pytest.mark.parametrize(
        "change",
        [
            lambda c: c["annotations"][0]["segmentation"][0].__setitem__(0, 1.0),
            lambda c: c["annotations"][0].__setitem__("category_id", 18),
            lambda c: c["annotations"].pop(),
            lambda c: c["categories"][0].__setitem__("name", "cat"),
            lambda c: c["categories"][0].__setitem__("isthing", 0),
            lambda c: (
                c["categories"][0].__setitem__("id", 19)
                or [
                    a.__setitem__("category_id", 19)
                    for a in c["annotations"]
                    if a["category_id"] == 18
                ]
            ),
        ],
    )
    def test_whatever_changes_a_count_changes_it(self, tmp_path, change):
        content = tiny()
        plain = open_concepts(f"coco:{write_coco(tmp_path / 'a')}").fingerprint
        change(content)
        assert open_concepts(f"coco:{write_coco(tmp_path / 'b', content)}").fingerprint != plain

    def test_boxes_are_another_set(self, opened):
        assert opened().fingerprint != opened(options=",boxes=true").fingerprint

    def test_a_part_is_the_set_that_never_had_the_others(self, tmp_path):
        content = tiny()
        content["annotations"] = [a for a in content["annotations"] if a["image_id"] == 2]
        alone = open_concepts(f"coco:{write_coco(tmp_path / 'a', content)}")
        whole = open_concepts(f"coco:{write_coco(tmp_path / 'b')}")
        part = whole.part([1])
        assert part.images == alone.images
        assert part.fingerprint == alone.fingerprint
        assert (part.read_annotation(0).planes == whole.read_annotation(1).planes).all()


def test_the_check_counts_and_names_what_has_no_effect(opened):
    changes = {"categories": [*CATEGORIES, {"id": 4, "name": "bus"}]}
    report = check_concepts(opened(changes))
    assert report.problems == ()
    assert dict(zip(report.labels["name"], report.labels["pixels"], strict=True)) == {
        "car": 12,
        "bus": 0,
        "dog": 7 + 18,
        "grass": 16,
    }
    assert report.notes == (
        "without an annotation, and so not in the set: 1 image: bare.png",
        f"1 categories of {opened().index.path} have no pixel: bus (id 4); no image is annotated "
        "with them",
    )


def test_broken_images_can_be_left_out(tmp_path):
    names = [f"{number:03}.png" for number in range(120)]
    content = {
        "images": [
            {"id": n, "file_name": name, "height": 6, "width": 8} for n, name in enumerate(names)
        ],
        "annotations": [annotation(n, n, 3, [square(0, 0, 2, 2)]) for n in range(120)],
        "categories": list(CATEGORIES),
    }
    sound = dict(content)
    content["annotations"][7] = annotation(7, 7, 3, [[1.0, 1.0]])
    path = write_coco(tmp_path / "all", content, images=names[1:])  # the first one is gone
    with pytest.raises(DataError, match=r"more than 1 % of the 120 images"):
        _ = open_concepts(f"coco:{path}", skip_broken=True).images
    (tmp_path / "all/images/000.png").write_bytes(photograph())
    concepts = open_concepts(f"coco:{path}", skip_broken=True)
    [left] = concepts.left_out
    assert left.image == "007.png"
    assert "annotation 7 of 007.png: a polygon has 2 numbers" in left.reason
    sound["annotations"] = [a for a in content["annotations"] if a["id"] != 7]
    never = open_concepts(f"coco:{write_coco(tmp_path / 'never', sound, images=names)}")
    assert never.fingerprint == concepts.fingerprint
