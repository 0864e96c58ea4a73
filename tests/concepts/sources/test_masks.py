"""Is a folder of masks a concept set like any other, and is every fault in it named?"""

import io
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from concepts.worlds import CAR, FILES, MAP, encoded, grey, photograph, write_folder
from prunescope.base.errors import ConfigError, DataError
from prunescope.concepts import open_concepts
from prunescope.concepts.protocol import Annotation, ConceptSet, Label
from prunescope.concepts.sources.broden import BrodenFolder
from prunescope.concepts.sources.masks import MaskFolder


def fault_of(folder, index: int = 0) -> str:
    with pytest.raises(DataError) as caught:
        MaskFolder.open(folder).read_annotation(index)
    return str(caught.value)


class TestOpening:
    def test_it_opens_by_its_name_and_is_a_concept_set(self, make_masks):
        name = f"masks:{make_masks()}"
        concepts = open_concepts(name)
        assert isinstance(concepts, ConceptSet)
        assert concepts.name == name

    def test_images_with_any_mask_are_in_it_by_their_paths(self, make_masks):
        concepts = MaskFolder.open(make_masks())
        assert concepts.images == ("train/a.png", "train/b.png", "val/c.png")
        assert concepts.unmarked == ("bare.png",)

    def test_labels_have_the_categories_of_their_rows(self, make_masks):
        concepts = MaskFolder.open(make_masks())
        assert concepts.categories == ("object", "part")
        assert concepts.labels == (
            Label(number=1, name="grass", category="object"),
            Label(number=2, name="car", category="object"),
            Label(number=3, name="wheel", category="part"),
        )

    def test_a_folder_of_images_is_a_split_and_a_limit_counts_within_it(self, make_masks):
        folder = make_masks()
        assert MaskFolder.open(folder, split="train", limit=1).images == ("train/a.png",)
        assert MaskFolder.open(folder, split="val").images == ("val/c.png",)
        assert MaskFolder.open(folder, limit=2).images == ("train/a.png", "train/b.png")

    def test_an_unknown_split_is_told_those_there_are(self, make_masks):
        with pytest.raises(ConfigError, match=r'images has no split "trian".*it has train, val'):
            MaskFolder.open(make_masks(), split="trian")

    def test_a_set_without_folders_has_no_split(self, tmp_path):
        files = {"names.csv": "name\ncar\n", "images/a.png": photograph(), "masks/a/car.png": CAR}
        with pytest.raises(ConfigError, match="it has none"):
            MaskFolder.open(write_folder(tmp_path, files), split="train")

    def test_every_fault_of_names_and_folders_is_told_at_once(self, make_masks):
        changes = {
            "names.csv": "name,value\ngrass,3\ncar,3\nwheel,\n",
            "masks/train/d.png": MAP,
            "masks/train/a/cat.png": CAR,
        }
        with pytest.raises(DataError) as caught:
            MaskFolder.open(make_masks(changes))
        first, second, third = str(caught.value).splitlines()
        assert "names.csv, row 3: value 3" in first
        assert "cat.png" in second
        assert "masks/train/d.png has no image" in third

    def test_a_flood_of_faults_is_cut_short(self, make_masks):
        with pytest.raises(DataError) as caught:
            MaskFolder.open(make_masks({f"masks/x{n}.png": MAP for n in range(100)}))
        lines = str(caught.value).splitlines()
        assert len(lines) == 21
        assert lines[-1] == "and 80 more, which `concepts check` lists"

    def test_a_set_in_which_no_image_has_a_mask_is_refused(self, tmp_path):
        files = {"names.csv": "name\ncar\n", "images/a.png": photograph(), "masks/no.txt": "x"}
        folder = write_folder(tmp_path, files)
        for lenient in (False, True):
            with pytest.raises(DataError, match=r"no image in .*images has a mask in"):
                MaskFolder.open(folder, lenient=lenient)

    def test_a_folder_that_is_not_there_is_named(self, tmp_path):
        with pytest.raises(DataError, match=r"there is no folder .*nowhere"):
            open_concepts(f"masks:{tmp_path / 'nowhere'}")


class TestAnnotations:
    def test_masks_of_a_category_share_a_plane_where_they_do_not_overlap(self, make_masks):
        annotation = MaskFolder.open(make_masks()).read_annotation(0)
        assert annotation.whole == ()
        assert annotation.planes.dtype == np.int32
        assert annotation.planes.tolist() == [
            [[2, 2, 0, 0], [2, 2, 0, 0], [1, 1, 1, 1]],
            [[0, 0, 0, 0], [3, 0, 0, 0], [0, 0, 0, 0]],
        ]

    def test_masks_that_overlap_have_planes_of_their_own(self, make_masks):
        changes = {"masks/train/a/grass.png": grey(np.ones((3, 4)))}
        planes = MaskFolder.open(make_masks(changes)).read_annotation(0).planes
        assert planes[:2].tolist() == [
            [[1] * 4] * 3,
            [[2, 2, 0, 0], [2, 2, 0, 0], [0, 0, 0, 0]],
        ]

    def test_a_map_is_a_plane_and_single_masks_come_after_it(self, make_masks):
        concepts = MaskFolder.open(make_masks())
        coded = [[1, 1, 0, 0], [1, 0, 2, 0], [0, 0, 0, 2]]
        assert concepts.read_annotation(1).planes.tolist() == [coded]
        assert concepts.read_annotation(2).planes.tolist() == [
            coded,
            [[2, 2, 0, 0], [2, 2, 0, 0], [0, 0, 0, 0]],
        ]

    def test_instances_of_a_concept_are_one_label(self, make_masks):
        concepts = MaskFolder.open(
            make_masks(
                {
                    "masks/train/a/car.png": None,
                    "masks/train/a/car_1.png": grey([[1, 0, 0, 0], [1, 0, 0, 0], [0] * 4]),
                    "masks/train/a/car_2.png": grey([[1, 1, 0, 0], [0, 1, 0, 0], [0] * 4]),
                }
            )
        )
        whole = MaskFolder.open(make_masks(name="whole"))
        assert (concepts.read_annotation(0).planes == whole.read_annotation(0).planes).all()

    def test_an_image_with_empty_masks_is_in_the_set_and_carries_nothing(self, make_masks):
        empty = grey(np.zeros((3, 4)))
        changes = dict.fromkeys(("car", "wheel", "grass"), empty)
        folder = make_masks({f"masks/train/a/{name}.png": m for name, m in changes.items()})
        annotation = MaskFolder.open(folder).read_annotation(0)
        assert annotation.shape == (3, 4)
        assert annotation.numbers() == ()

    def test_threads_read_what_one_reads(self, make_masks):
        concepts = MaskFolder.open(make_masks())
        order = [index % 3 for index in range(60)]
        with ThreadPoolExecutor(4) as pool:
            several = list(pool.map(concepts.read_annotation, order))
        for index, annotation in zip(order, several, strict=True):
            assert (annotation.planes == concepts.read_annotation(index).planes).all()

    def test_every_fault_of_an_image_is_told_with_its_file(self, make_masks):
        changes = {
            "masks/val/c.png": grey([[4, 3, 3, 3]] * 3),
            "masks/val/c/car.png": b"no png",
            "masks/val/c/wheel.png": grey(np.ones((3, 4))),
        }
        first, second = fault_of(make_masks(changes), 2).splitlines()
        assert "masks/val/c.png holds value 4 (3 pixels)" in first
        assert "masks/val/c/car.png cannot be read" in second

    def test_masks_of_two_sizes_are_named_with_both(self, make_masks):
        fault = fault_of(make_masks({"masks/train/a/wheel.png": grey(np.ones((6, 8)))}))
        said = "masks/train/a/wheel.png is 6 x 8 (height x width), but train/a/grass.png is 3 x 4"
        assert said in fault


class TestImages:
    def test_an_image_is_read_in_rgb_whatever_its_mode(self, make_masks):
        picture = MaskFolder.open(make_masks()).read_image(1)
        assert picture.mode == "RGB"
        assert picture.getpixel((7, 5)) == (47, 47, 47)

    @pytest.mark.parametrize("size", [(3, 4), (6, 8), (12, 16), (187, 250), (188, 250), (187, 249)])
    def test_a_mask_may_have_another_size_of_the_same_shape(self, make_masks, size):
        changes = {"images/train/b.png": photograph(375, 500)}
        changes["masks/train/b.png"] = grey(np.zeros(size))
        concepts = MaskFolder.open(make_masks(changes))
        assert concepts.read_image(1).size == (500, 375)
        assert concepts.read_annotation(1).shape == size

    @pytest.mark.parametrize("size", [(4, 3), (186, 250), (375, 375), (189, 250)])
    def test_a_mask_of_another_shape_is_named_with_its_image(self, make_masks, size):
        changes = {"images/train/b.png": photograph(375, 500)}
        changes["masks/train/b.png"] = grey(np.zeros(size))
        concepts = MaskFolder.open(make_masks(changes))
        said = rf"masks/train/b\.png is {size[0]} x {size[1]} .*images/train/b\.png is 375 x 500"
        with pytest.raises(DataError, match=said):
            concepts.read_image(1)

    def test_a_photograph_stored_on_its_side_is_turned_upright(self, make_masks):
        file, exif = io.BytesIO(), Image.Exif()
        exif[0x0112] = 6  # the camera was turned by a quarter
        stored = Image.fromarray(np.arange(48, dtype=np.uint8).reshape(8, 6)).convert("RGB")
        stored.save(file, "png", exif=exif)
        concepts = MaskFolder.open(make_masks({"images/train/a.png": file.getvalue()}))
        picture = concepts.read_image(0)
        assert picture.size == (8, 6)
        assert [picture.getpixel((x, 0))[0] for x in (0, 7)] == [42, 0]

    def test_16_bits_keep_their_range(self, make_masks):
        changes = {"images/train/a.png": grey(np.full((6, 8), 40 * 257), np.uint16)}
        picture = MaskFolder.open(make_masks(changes)).read_image(0)
        assert (np.asarray(picture) == 40).all()

    @pytest.mark.parametrize("kept", [0, 20, 50])
    def test_a_truncated_image_is_named(self, make_masks, kept):
        changes = {"images/train/a.png": photograph()[:kept]}
        with pytest.raises(DataError, match=r"images/train/a\.png cannot be read"):
            MaskFolder.open(make_masks(changes)).read_image(0)

    def test_an_image_that_leads_to_itself_is_named(self, make_masks):
        folder = make_masks({"images/train/a.png": None})
        (folder / "images" / "train" / "a.png").symlink_to("a.png")
        with pytest.raises(DataError, match=r"a\.png cannot be read"):
            MaskFolder.open(folder).read_image(0)


class TestFingerprint:
    def test_a_copy_has_the_same_fingerprint(self, make_masks):
        first = MaskFolder.open(make_masks()).fingerprint
        assert MaskFolder.open(make_masks(name="copy"), name="another").fingerprint == first
        assert len(bytes.fromhex(first)) == 32

    @pytest.mark.parametrize(
        "change",
        [
            {"images/train/a.png": photograph(3, 4)},
            {"masks/train/a/car.png": MAP},
            {"masks/train/a/car.png": None},
            {"masks/train/b/car.png": CAR},
            {"names.csv": "name,value,category\ngrass,7,\ncar,3,object\nwheel,,part\n,255,\n"},
            {"names.csv": "name,value,category\ngrass,3,\ncar,7,scene\nwheel,,part\n,255,\n"},
            {"names.csv": "name,value,category\ngrass,3,\ncar,7,object\nwheel,255,part\n"},
            {"images/train/a.jpg": photograph(), "images/train/a.png": None},
        ],
    )
    def test_whatever_changes_a_count_changes_it(self, make_masks, change):
        plain = MaskFolder.open(make_masks()).fingerprint
        assert MaskFolder.open(make_masks(change, name="changed")).fingerprint != plain

    def test_images_that_are_not_in_the_set_do_not(self, make_masks):
        plain = MaskFolder.open(make_masks()).fingerprint
        more = make_masks({"images/other.png": photograph()}, name="more")
        assert MaskFolder.open(more).fingerprint == plain

    def test_a_file_that_went_away_is_named(self, make_masks):
        concepts = MaskFolder.open(folder := make_masks())
        (folder / "masks" / "train" / "b.png").unlink()
        with pytest.raises(DataError, match=r"masks/train/b\.png cannot be read: No such file"):
            _ = concepts.fingerprint


def carried(annotation: Annotation) -> dict[int, list[list[bool]]]:
    """Return where each label of an annotation is, however its planes are laid."""
    return {
        number: (annotation.planes == number).any(axis=0).tolist()
        for number in annotation.numbers()
    }


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # each writes all it reads
)
@given(data=st.data())
def test_a_map_and_single_masks_say_what_broden_says_of_the_same_content(tmp_path_factory, data):
    root = tmp_path_factory.mktemp("same")
    height, width = data.draw(st.tuples(st.integers(1, 5), st.integers(1, 5)))
    flat = st.lists(st.sampled_from([0, 1, 2, 3, 4]), min_size=height * width)
    drawn = data.draw(st.lists(flat, min_size=1, max_size=3))
    planes = [np.array(plane[: height * width]).reshape(height, width) for plane in drawn]
    names = [("grass", "object"), ("car", "object"), ("wheel", "part"), ("red-c", "color")]
    files = {f"images/m{i}.png": encoded(plane) for i, plane in enumerate(planes)}
    maps = ";".join(f"m{i}.png" for i in range(len(planes)))
    broden = {
        "index.csv": "image,split,ih,iw,sh,sw,object,part,color\n"
        f"a.png,train,6,8,{height},{width},{maps},,\n",
        "category.csv": "name\nobject\npart\ncolor\n",
        "label.csv": "number,name\n" + "".join(f"{n},{x}\n" for n, (x, _) in enumerate(names, 1)),
        "c_object.csv": "number,coverage\n1,1\n2,1\n",
        "c_part.csv": "number,coverage\n3,1\n",
        "c_color.csv": "number,coverage\n4,1\n",
        "images/a.png": FILES["images/a.png"],
    }
    table = "name,value,category\n" + "".join(f"{x},{n},{c}\n" for n, (x, c) in enumerate(names, 1))
    own = {"names.csv": table, "images/a.png": FILES["images/a.png"]}
    coded, *singles = planes
    own["masks/a.png"] = grey(coded)
    for number, (name, _) in enumerate(names, 1):
        marked = np.any([plane == number for plane in singles], axis=0)
        own[f"masks/a/{name}.png"] = grey(np.broadcast_to(marked, coded.shape) * 255)
    theirs = BrodenFolder.open(write_folder(root / "broden", {**broden, **files}))
    ours = MaskFolder.open(write_folder(root / "masks", own))
    assert ours.labels == theirs.labels
    assert ours.categories == theirs.categories
    assert ours.read_annotation(0).shape == theirs.read_annotation(0).shape
    assert (ours.read_annotation(0).planes[0] == theirs.read_annotation(0).planes[0]).all()
    assert carried(ours.read_annotation(0)) == carried(theirs.read_annotation(0))
