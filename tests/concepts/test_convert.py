"""Does a set that is written in Broden's layout say what it said before?"""

import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from concepts.as_coco import write_as_coco
from concepts.coco_files import annotation, square, tiny, write_coco
from concepts.worlds import photograph
from prunescope.base.errors import ConfigError, DataError
from prunescope.concepts import open_concepts
from prunescope.concepts.check import check_concepts
from prunescope.concepts.convert import convert_concepts
from prunescope.concepts.protocol import ConceptSet, splits_of
from prunescope.concepts.sources.broden import BrodenFolder

pytest.importorskip("pycocotools", reason="pycocotools is not installed (extra: coco)")


def counts_of(concepts: ConceptSet) -> pd.DataFrame:
    report = check_concepts(concepts)
    assert report.problems == ()
    counts = report.labels[["name", "category", "images", "pixels"]]
    return counts[counts["images"] > 0].set_index(["category", "name"]).sort_index()


def assert_same(converted: ConceptSet, source: ConceptSet) -> None:
    assert converted.labels == source.labels
    assert converted.categories == source.categories
    assert splits_of(converted) == splits_of(source)
    assert len(converted.images) == len(source.images)
    for index in range(len(source.images)):
        ours, theirs = (concepts.read_annotation(index) for concepts in (converted, source))
        assert ours.shape == theirs.shape
        assert ours.whole == theirs.whole
        for number in theirs.numbers():
            held = [(a.planes == number).sum(axis=0) for a in (ours, theirs)]
            assert (held[0] == held[1]).all()
        assert ours.numbers() == theirs.numbers()
        shown = [np.asarray(concepts.read_image(index)) for concepts in (converted, source)]
        assert (shown[0] == shown[1]).all()


def test_masks_are_converted_with_splits_and_numbers(make_masks, tmp_path):
    source = open_concepts(f"masks:{make_masks()}")
    converted = convert_concepts(source, tmp_path / "out")
    assert_same(converted, source)
    assert splits_of(converted) == ("train", "train", "val")
    assert converted.images == source.images  # the pictures are copied
    report = check_concepts(converted)
    assert report.problems == ()
    assert report.notes == ()


def test_broden_is_converted_with_labels_of_whole_images(make_folder, tmp_path):
    source = BrodenFolder.open(make_folder())
    converted = convert_concepts(source, tmp_path / "out")
    assert_same(converted, source)
    stated = pd.read_csv(tmp_path / "out/label.csv").set_index("number")
    assert stated.loc[2, "frequency"] == 1
    assert stated.loc[1, "coverage"] == pytest.approx(3 / 12 + 1, abs=1e-6)


def test_coco_is_converted_with_labels_that_overlap(tmp_path):
    source = open_concepts(f"coco:{write_coco(tmp_path / 'coco')}")
    assert_same(convert_concepts(source, tmp_path / "out"), source)


def test_maps_of_one_size_and_a_part_of_a_split_are_converted(make_masks, tmp_path):
    source = open_concepts(f"masks:{make_masks()}", split="train", limit=1, mask_size=5)
    converted = convert_concepts(source, tmp_path / "out")
    assert_same(converted, source)
    assert converted.read_annotation(0).shape == (5, 5)


def test_an_image_without_a_labelled_pixel_stays_an_image(tmp_path):
    content = tiny()
    content["annotations"] = [
        annotation(1, 7, 3, [square(1, 1, 1, 1)]),
        *content["annotations"][3:],
    ]
    source = open_concepts(f"coco:{write_coco(tmp_path / 'coco', content)}")
    converted = convert_concepts(source, tmp_path / "out")
    assert_same(converted, source)
    assert converted.read_annotation(0).numbers() == ()


def test_a_photograph_that_is_shown_upright_is_saved_as_it_is_shown(make_masks, tmp_path):
    file, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 3
    stored = Image.fromarray(np.arange(48, dtype=np.uint8).reshape(6, 8)).convert("RGB")
    stored.save(file, "png", exif=exif)
    source = open_concepts(f"masks:{make_masks({'images/train/a.png': file.getvalue()})}")
    converted = convert_concepts(source, tmp_path / "out")
    assert converted.images == ("train/a.png.png", "train/b.png", "val/c.png")
    assert_same(converted, source)


def test_images_in_a_folder_of_the_maps_name_do_not_meet_them(tmp_path):
    content = tiny()
    content["images"][0]["file_name"] = "labels/000000_1.png"
    names = ("labels/000000_1.png", "val/b.png")
    source = open_concepts(f"coco:{write_coco(tmp_path / 'coco', content, images=names)}")
    assert_same(convert_concepts(source, tmp_path / "out"), source)


def test_nothing_is_left_of_a_set_with_a_broken_image(make_masks, tmp_path):
    source = open_concepts(f"masks:{make_masks({'images/train/a.png': photograph()[:60]})}")
    with pytest.raises(DataError, match=r"train/a\.png cannot be read"):
        convert_concepts(source, tmp_path / "out/new")
    assert not (tmp_path / "out").exists()


def test_a_folder_of_other_things_is_refused(make_masks, tmp_path):
    source = open_concepts(f"masks:{make_masks()}")
    (tmp_path / "out").mkdir()
    (tmp_path / "out/letter.txt").write_text("dear")
    with pytest.raises(ConfigError, match="out is not empty"):
        convert_concepts(source, tmp_path / "out")


@pytest.mark.parametrize("category", ["split", "a/b", "x" * 101])
def test_a_category_that_can_be_no_column_is_refused(make_masks, tmp_path, category):
    names = f"name,value,category\ngrass,3,{category}\ncar,7,object\nwheel,,part\n,255,\n"
    source = open_concepts(f"masks:{make_masks({'names.csv': names})}")
    with pytest.raises(ConfigError, match=r"has the category .*rename it"):
        convert_concepts(source, tmp_path / "out")


@pytest.mark.long
def test_a_drawn_set_comes_back_from_coco_with_the_same_counts(drawn, tmp_path):
    source = open_concepts(f"broden:{drawn}")
    file = write_as_coco(source, tmp_path / "coco")
    read = open_concepts(f"coco:{file},category=supercategory", mask_size=16)
    back = convert_concepts(read, tmp_path / "back")
    pd.testing.assert_frame_equal(counts_of(back), counts_of(source))
    assert_same(back, read)


@pytest.mark.real
@pytest.mark.slow
def test_real_photographs_come_back_from_coco_with_the_same_counts(shared, tmp_path):
    source = open_concepts(f"broden:{shared / 'data/minibroden_224'}")
    file = write_as_coco(source, tmp_path / "coco")
    read = open_concepts(f"coco:{file},category=supercategory", mask_size=112)
    back = convert_concepts(read, tmp_path / "back")
    pd.testing.assert_frame_equal(counts_of(back), counts_of(source))
