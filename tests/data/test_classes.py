"""Are labels the same numbers in every split, and those that the user chose?"""

import json

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from prunescope.base.errors import ConfigError, DataError
from prunescope.data.choice import read_classes
from prunescope.data.classes import order_note
from prunescope.data.images import (
    count_images,
    find_split,
    load_images,
    passed_over,
)
from prunescope.data.sources import open_source
from prunescope.training.settings import EvaluationSettings


@pytest.fixture
def animals(tmp_path, three_pictures, save_picture):
    """An image folder: two ants, a bee and, in the split val alone, a cat."""
    for path, picture in (
        ("train/ant/1", 0),
        ("train/ant/2", 1),
        ("train/bee/1", 2),
        ("val/cat/1", 1),
        ("val/ant/1", 2),
    ):
        save_picture(tmp_path / f"{path}.png", three_pictures[picture])
    return tmp_path


def labels(source, split, **choice):
    images = load_images(str(source), split, **choice)
    return images.classes, images.labels.tolist()


def test_an_empty_class_folder_of_any_split_keeps_its_number(animals):
    (animals / "val" / "aardvark").mkdir()
    assert labels(animals, "train") == (("aardvark", "ant", "bee", "cat"), [1, 1, 2])
    assert labels(animals, "val") == (("aardvark", "ant", "bee", "cat"), [1, 3])


def test_hidden_folders_and_those_of_archivers_are_no_classes(animals):
    for name in (".cache", "__MACOSX"):
        (animals / "train" / name).mkdir()
    assert labels(animals, "train")[0] == ("ant", "bee", "cat")


def test_an_empty_class_folder_that_renumbers_changes_the_fingerprint(animals):
    before = open_source(str(animals)).fingerprint()
    (animals / "train" / "cat").mkdir()
    assert open_source(str(animals)).fingerprint() == before
    (animals / "train" / "aardvark").mkdir()
    assert open_source(str(animals)).fingerprint() != before


@pytest.mark.parametrize(
    ("choice", "found"),
    [
        (None, (("ant", "bee", "cat"), [0, 0, 1])),
        (1, (("ant",), [0, 0])),
        (("cat", "bee", "ant"), (("cat", "bee", "ant"), [2, 2, 1])),
        (("bee",), (("bee",), [0])),
        (("aardvark", "ant", "bee", "cat"), (("aardvark", "ant", "bee", "cat"), [1, 1, 2])),
    ],
)
def test_chosen_classes_number_the_labels_and_others_are_left_out(animals, choice, found):
    assert labels(animals, "train", classes=choice) == found
    assert count_images(str(animals), "train", choice) == len(found[1])


def test_the_images_of_the_chosen_classes_keep_their_pixels_in_memory_and_streamed(animals):
    whole = load_images(str(animals), "train")
    size = whole.pixels[0].numel()
    for memory in (4 << 30, size):
        images = load_images(str(animals), "train", classes=("cat", "bee"), memory=memory)
        assert images.labels.tolist() == [1]
        assert np.array_equal(images.sized(0), whole.pixels[2].numpy())


def test_a_limit_takes_the_first_images_of_the_chosen_classes(animals):
    assert labels(animals, "train", limit=2)[1] == [0, 0]
    assert labels(animals, "train", limit=1, classes=("bee", "cat"))[1] == [0]
    assert labels(animals, "train", limit=99)[1] == [0, 0, 1]


def test_a_class_that_is_not_there_is_refused_with_the_nearest_left_out(animals):
    with pytest.raises(ConfigError, match=r'no class caat \(did you mean "cat"\?\)'):
        load_images(str(animals), "train", classes=("ant", "bee", "caat"))


def test_more_first_classes_than_there_are_is_refused(animals):
    with pytest.raises(ConfigError, match="has 3 classes, so there are no first 4"):
        load_images(str(animals), "train", classes=4)


def test_a_split_without_images_of_the_chosen_classes_is_refused(animals):
    with pytest.raises(DataError, match="no images of the classes cat"):
        load_images(str(animals), "train", classes=("cat",))


def test_classes_whose_names_break_the_line_are_told_on_one(animals):
    with pytest.raises(ConfigError, match=r"has no class a\\nb; the classes"):
        load_images(str(animals), "train", classes=("a\nb",))


def test_numbers_without_names_may_be_more_than_have_images(folder):
    assert labels(folder, "train", classes=5) == (("0", "1", "2", "3", "4"), [0, 2])
    assert labels(folder, "train", classes=1) == (("0",), [0])


def test_a_message_names_the_row_of_the_split_not_of_the_choice(tmp_path, encode, write_parquet):
    fine = encode(np.zeros((2, 2, 3), np.uint8))
    write_parquet(tmp_path / "train.parquet", [fine, fine, b"spoiled"], [0, 1, 1])
    with pytest.raises(DataError, match="row 2 of the split train"):
        load_images(str(tmp_path), "train", classes=("1", "0"), limit=None)


def test_a_withheld_label_is_told_apart_from_a_wrong_one(tmp_path, encode, write_parquet):
    fine = encode(np.zeros((2, 2, 3), np.uint8))
    write_parquet(tmp_path / "train.parquet", [fine], [1])
    write_parquet(tmp_path / "test.parquet", [fine, fine], [-1, -1])
    with pytest.raises(DataError, match=r"label -1, .*2 rows are so.*withheld: take another"):
        load_images(str(tmp_path), "test")
    assert labels(tmp_path, "train") == (("0", "1"), [1])


def test_labels_that_number_no_classes_are_refused(tmp_path, encode, write_parquet):
    fine = encode(np.zeros((2, 2, 3), np.uint8))
    write_parquet(tmp_path / "train.parquet", [fine], [2**40])
    with pytest.raises(DataError, match="goes up to 1,099,511,627,776"):
        load_images(str(tmp_path), "train")


def test_a_split_without_rows_neither_hides_the_classes_nor_opens(tmp_path, encode, write_parquet):
    fine = encode(np.zeros((2, 2, 3), np.uint8))
    write_parquet(tmp_path / "train.parquet", [fine], [1])
    write_parquet(tmp_path / "test.parquet", [], [])
    assert labels(tmp_path, "train") == (("0", "1"), [1])
    with pytest.raises(DataError, match=r"the split test of .* has no images"):
        load_images(str(tmp_path), "test")


def test_splits_that_name_their_classes_otherwise_are_refused(tmp_path, encode):
    for split, names in (("train", ["x", "y"]), ("test", ["y", "x"])):
        features = {"img": {"_type": "Image"}, "label": {"names": names, "_type": "ClassLabel"}}
        image = {"bytes": encode(np.zeros((2, 2, 3), np.uint8)), "path": "a.png"}
        table = pa.table({"img": [image], "label": pa.array([1], pa.int64())})
        metadata = {"huggingface": json.dumps({"info": {"features": features}})}
        parquet.write_table(table.replace_schema_metadata(metadata), tmp_path / f"{split}.parquet")
    with pytest.raises(DataError, match=r"splits train and test name their classes otherwise"):
        load_images(str(tmp_path), "test")


@pytest.mark.parametrize("split", ["Train", "TRAIN", "Training"])
def test_splits_are_found_in_any_case(tmp_path, three_pictures, save_picture, split):
    save_picture(tmp_path / split / "a" / "1.png", three_pictures[0])
    save_picture(tmp_path / "VAL" / "b" / "1.png", three_pictures[1])
    assert find_split(str(tmp_path), "train") == split
    assert find_split(str(tmp_path), "Test") == "VAL"
    assert labels(tmp_path, split) == (("a", "b"), [0])


def test_two_splits_that_differ_in_case_alone_are_refused(
    tmp_path, three_pictures, encode, save_picture, write_parquet
):
    for split in ("train", "Train"):
        save_picture(tmp_path / "folder" / split / "a" / "1.png", three_pictures[0])
        name = f"{split}-00000-of-00001.parquet"
        write_parquet(tmp_path / "files" / name, [encode(three_pictures[0])], [0])
    for source in ("folder", "files"):
        with pytest.raises(DataError, match="two splits of one name, Train and train"):
            load_images(str(tmp_path / source), "train")


def test_folders_of_other_things_beside_the_splits_are_not_told(
    tmp_path, three_pictures, save_picture
):
    for name in ("train/cat/a.png", "val/cat/b.png", "labels/other/c.png"):
        save_picture(tmp_path / name, three_pictures[0])
    assert passed_over(str(tmp_path)) is None
    save_picture(tmp_path / "extras" / "cat" / "c.png", three_pictures[0])
    assert "the images in extras beside them" in passed_over(str(tmp_path))
    assert passed_over(str(tmp_path / "train")) is None


def test_the_order_of_folders_named_by_numbers_is_told_where_it_surprises():
    note = order_note(("0", "1", "10", "2"))
    assert note is not None
    assert "sorted as text (0, 1, 10, 2)" in note
    for fine in (("0", "1", "2"), ("0", "1", "2", "10"), ("a", "b"), ("1", "a")):
        assert order_note(fine) is None


def test_a_choice_is_read_from_every_form_it_may_have(tmp_path):
    names = tmp_path / "names"
    names.write_text("cat\r\n\nRed Fox \n")
    assert read_classes("12") == read_classes(12) == 12
    assert read_classes("a, b") == read_classes(["a", "b"]) == ("a", "b")
    assert read_classes([10, "a"]) == ("10", "a")
    assert read_classes(str(names)) == ("cat", "Red Fox")
    assert read_classes(None) is None


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0, "0 classes"),
        ("99999999999", "classes cannot be chosen"),
        (True, "must not be true or false"),
        (1.5, "chooses no classes"),
        ([], "names of classes"),
        (["a", ""], "names of classes"),
        ([["a"]], "names of classes"),
        ("a,b,a", "a is named more than once"),
        ("absent.txt", "no file absent.txt"),
        ("", "names of classes"),
    ],
)
def test_what_chooses_no_classes_is_refused(value, said):
    with pytest.raises(ConfigError, match=f"^evaluate: .*classes.*{said}"):
        EvaluationSettings.validate_from({"classes": value}, "evaluate")


def test_an_empty_or_binary_file_of_classes_is_refused(tmp_path):
    for content, said in ((b"\n", "is empty"), (b"\xff\xfe\x00", "cannot be read")):
        (tmp_path / "names").write_bytes(content)
        with pytest.raises(ValueError, match=said):
            read_classes(str(tmp_path / "names"))
