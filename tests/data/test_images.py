"""Do the pixels, the labels and the names arrive as they are stored, and does bad input say so?"""

import json
import os
import threading
from contextlib import contextmanager

import numpy as np
import pyarrow as pa
import pytest
import torch
from PIL import Image
from pyarrow import parquet

from prunescope.base.errors import ConfigError, DataError
from prunescope.base.progress import Progress, Task
from prunescope.data.images import count_images, find_split, load_images
from prunescope.data.labelled import LabelledImages, StreamedImages
from prunescope.imaging.sizing import Sizing


def test_parquet_gives_pixels_and_labels_in_stored_order(folder, three_pictures, no_network):
    images = load_images(str(folder), "train")
    assert torch.equal(images.pixels, torch.from_numpy(three_pictures[:2]))
    assert images.labels.tolist() == [0, 2]
    assert len(images) == 2


def test_without_names_classes_are_the_numbers_up_to_the_largest_of_any_split(folder):
    assert load_images(str(folder), "test").classes == ("0", "1", "2")


def test_a_classes_file_names_the_classes(folder):
    lines = ["label,wnid,names", "1,n2,cat", '0,n1,"dog, hound"', "2,n3,car"]
    (folder / "classes.csv").write_bytes("\r\n".join(lines).encode())
    assert load_images(str(folder), "test").classes == ("dog, hound", "cat", "car")


@pytest.mark.parametrize(
    "text", ["label,name\n0,a\n", "label,names\n0,a\n2,b\n", "label,names\nx,a\n"]
)
def test_a_faulty_classes_file_is_named(folder, text):
    (folder / "classes.csv").write_text(text)
    with pytest.raises(DataError, match=r"classes\.csv"):
        load_images(str(folder), "train")


def test_class_names_in_the_metadata_of_the_columns_are_used(tmp_path, three_pictures, encode):
    features = {"img": {"_type": "Image"}, "label": {"names": ["x", "y"], "_type": "ClassLabel"}}
    table = pa.table(
        {
            "img": [{"bytes": encode(three_pictures[0]), "path": "a.png"}],
            "label": pa.array([1], pa.int64()),
        }
    )
    stored = table.replace_schema_metadata(
        {"huggingface": json.dumps({"info": {"features": features}})}
    )
    parquet.write_table(stored, tmp_path / "data.parquet")
    assert load_images(str(tmp_path), "train").classes == ("x", "y")


def test_shards_of_a_split_follow_one_another(tmp_path, three_pictures, encode, write_parquet):
    for shard, picture in enumerate(three_pictures):
        name = f"data/validation-{shard:05d}-of-00003.parquet"
        write_parquet(tmp_path / name, [encode(picture)], [shard])
    images = load_images(str(tmp_path), "validation")
    assert torch.equal(images.pixels, torch.from_numpy(three_pictures))
    assert images.labels.tolist() == [0, 1, 2]


def test_an_absent_split_is_refused_with_those_there_are(folder):
    with pytest.raises(DataError, match=r"no split tset .did you mean .test.*has test, train"):
        load_images(str(folder), "tset")
    with pytest.raises(DataError, match="no split extra or more"):
        find_split(str(folder), "extra", "more")


def test_an_image_folder_numbers_its_classes_over_all_splits(
    tmp_path, three_pictures, no_network, save_picture
):
    save_picture(tmp_path / "train" / "ant" / "1.png", three_pictures[0])
    save_picture(tmp_path / "train" / "cow" / "deep" / "1.png", three_pictures[1])
    save_picture(tmp_path / "val" / "cow" / "2.png", three_pictures[2])
    save_picture(tmp_path / "labels" / "bee" / "1.png", three_pictures[2])
    training, validation = (load_images(str(tmp_path), split) for split in ("train", "val"))
    assert training.classes == validation.classes == ("ant", "cow")
    assert training.labels.tolist() == [0, 1]
    assert validation.labels.tolist() == [1]
    assert torch.equal(validation.pixels[0], torch.from_numpy(three_pictures[2]))


def test_class_folders_without_split_folders_are_a_training_split(
    tmp_path, three_pictures, save_picture
):
    save_picture(tmp_path / "b" / "1.png", three_pictures[0])
    save_picture(tmp_path / "a" / ".hidden.png", three_pictures[0])
    save_picture(tmp_path / "a" / "2.PNG", three_pictures[1])
    images = load_images(str(tmp_path), "train")
    assert images.classes == ("a", "b")
    assert torch.equal(images.pixels, torch.from_numpy(three_pictures[[1, 0]]))


def test_an_image_outside_the_class_folders_is_named(tmp_path, three_pictures, save_picture):
    save_picture(tmp_path / "train" / "a" / "1.png", three_pictures[0])
    save_picture(tmp_path / "train" / "stray.png", three_pictures[0])
    with pytest.raises(DataError, match=r"stray\.png lies outside the class folders"):
        load_images(str(tmp_path), "train")


def test_grey_images_become_rgb(tmp_path, encode, write_parquet):
    grey = np.arange(16, dtype=np.uint8).reshape(4, 4)
    write_parquet(tmp_path / "train.parquet", [encode(grey)], [0])
    pixels = load_images(str(tmp_path), "train").pixels
    assert torch.equal(pixels[0], torch.from_numpy(grey)[:, :, None].expand(4, 4, 3))


def test_a_resolution_squashes_every_image_to_its_square(tmp_path, encode, write_parquet):
    halves = np.zeros((4, 8, 3), np.uint8)
    halves[:, 4:] = 200
    whole = np.full((2, 2, 3), 7, np.uint8)
    write_parquet(tmp_path / "train.parquet", [encode(halves), encode(whole)], [0, 0])
    pixels = load_images(str(tmp_path), "train", sizing=Sizing(resolution=2)).pixels
    assert pixels.shape == (2, 2, 2, 3)
    assert torch.equal(pixels[1], torch.from_numpy(whole))
    antialiased = np.array(Image.fromarray(halves).resize((2, 2), Image.Resampling.BILINEAR))
    assert torch.equal(pixels[0], torch.from_numpy(antialiased))


def test_images_of_two_sizes_need_a_resolution(tmp_path, encode, write_parquet):
    images = [encode(np.zeros(shape, np.uint8)) for shape in [(4, 4, 3), (4, 4, 3), (4, 6, 3)]]
    write_parquet(tmp_path / "train.parquet", images, [0, 0, 0])
    with pytest.raises(DataError, match=r"row 2 of .* is 6 x 4 pixels, but the first is 4 x 4"):
        load_images(str(tmp_path), "train")


def test_images_are_counted_without_being_decoded(tmp_path, write_parquet):
    write_parquet(tmp_path / "parquet" / "train.parquet", [b"no picture"] * 3, [0, 1, 0])
    for name in ("1.png", "2.png"):
        path = tmp_path / "pictures" / "train" / "a" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"no picture")
    assert count_images(str(tmp_path / "parquet"), "train") == 3
    assert count_images(str(tmp_path / "pictures"), "train") == 2
    with pytest.raises(DataError, match="has no split test"):
        count_images(str(tmp_path / "parquet"), "test")


def test_a_set_over_the_memory_budget_is_streamed_with_the_same_labels(folder):
    need = 2 * 4 * 5 * 3
    whole = load_images(str(folder), "train", memory=need)
    streamed = load_images(str(folder), "train", memory=need - 1)
    assert type(whole) is LabelledImages
    assert type(streamed) is StreamedImages
    assert (len(streamed), streamed.size, streamed.classes) == (2, (4, 5), whole.classes)
    assert torch.equal(streamed.labels, whole.labels)
    for number in range(2):
        assert np.array_equal(streamed.sized(number), whole.pixels[number].numpy())


def test_one_image_over_the_budget_is_refused_before_anything_is_decoded(folder):
    side = 1 << 20  # one image of it would take 3 TiB
    with pytest.raises(DataError, match=f"one image of {side} x {side} .* 3072.00 GiB") as raised:
        load_images(str(folder), "train", sizing=Sizing(resolution=side))
    assert "data.memory" in str(raised.value)
    assert "data.resolution" in str(raised.value)


def test_cores_that_this_process_may_not_use_do_not_decode(
    tmp_path, three_pictures, encode, write_parquet, monkeypatch
):
    class Counting(Progress):
        @contextmanager
        def task(self, description, total, *, done=0):
            before = threading.active_count()
            task = Task()
            task.advance = lambda count: added.append(threading.active_count() - before)
            yield task

    added = []
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0}, raising=False)
    write_parquet(tmp_path / "train.parquet", [encode(three_pictures[0])] * 60, [0] * 60)
    load_images(str(tmp_path), "train", progress=Counting())
    assert added == [1]


def test_a_truncated_image_is_named_by_its_row(tmp_path, three_pictures, encode, write_parquet):
    whole = encode(three_pictures[0])
    write_parquet(tmp_path / "train.parquet", [whole, whole[: len(whole) // 2]], [0, 1])
    with pytest.raises(DataError, match=r"row 1 of the split train of .* cannot be read"):
        load_images(str(tmp_path), "train")


def test_an_undecodable_file_is_named(tmp_path, three_pictures, save_picture):
    save_picture(tmp_path / "a" / "1.png", three_pictures[0])
    (tmp_path / "a" / "2.png").write_text("no picture")
    with pytest.raises(DataError, match=r"a/2\.png.* cannot be read"):
        load_images(str(tmp_path), "train")


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, -1], "row 1 of .* has the label -1"),
        ([0, None], "without a label"),
        ([0, 3], "label 3"),
    ],
)
def test_a_wrong_label_is_named(tmp_path, encode, write_parquet, labels, message):
    image = encode(np.zeros((2, 2, 3), np.uint8))
    write_parquet(tmp_path / "train.parquet", [image, image], labels)
    (tmp_path / "classes.csv").write_text("label,names\n0,a\n1,b\n")
    with pytest.raises(DataError, match=message):
        load_images(str(tmp_path), "train")


def test_a_row_without_an_image_is_named(tmp_path, encode, write_parquet):
    image = encode(np.zeros((2, 2, 3), np.uint8))
    write_parquet(tmp_path / "train.parquet", [image, None], [0, 0])
    with pytest.raises(DataError, match=r"row 1 of .* has no image"):
        load_images(str(tmp_path), "train")


def test_an_empty_split_is_refused(tmp_path, write_parquet):
    write_parquet(tmp_path / "train.parquet", [], [])
    with pytest.raises(DataError, match="has no images"):
        load_images(str(tmp_path), "train")


def test_a_truncated_parquet_file_is_named(folder):
    path = folder / "train-00000-of-00001.parquet"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match=r"train-00000-of-00001\.parquet is damaged"):
        load_images(str(folder), "train")


def test_a_parquet_file_damaged_in_the_middle_is_named(tmp_path, encode, write_parquet):
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    path = tmp_path / "train.parquet"
    write_parquet(path, [encode(noise)] * 3, [0, 1, 2])
    content = bytearray(path.read_bytes())
    content[4:200] = bytes(196)
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"train\.parquet cannot be read"):
        load_images(str(tmp_path), "train")


def test_a_resolution_of_nothing_is_refused(folder):
    with pytest.raises(ConfigError, match="resolution is 0"):
        load_images(str(folder), "train", sizing=Sizing(resolution=0))


@pytest.mark.long
@pytest.mark.real
def test_cifar10_is_whole_and_balanced(shared):
    images = load_images(str(shared / "data" / "cifar10"), "test")
    assert images.pixels.shape == (10_000, 32, 32, 3)
    assert images.labels.bincount().tolist() == [1_000] * 10
    assert images.classes[:2] == ("airplane", "automobile")


@pytest.mark.long
@pytest.mark.real
def test_tiny_imagenet_reads_its_grey_images_and_its_class_names(shared):
    source = str(shared / "data" / "tiny-imagenet")
    images = load_images(source, find_split(source, "test"))
    assert images.pixels.shape == (5_000, 64, 64, 3)
    assert images.labels.bincount().tolist() == [25] * 200
    assert images.classes[0] == "goldfish, Carassius auratus"
    grey = (images.pixels == images.pixels[..., :1]).flatten(1).all(dim=1)
    assert 25 < int(grey.sum()) < 200  # about 1.5 % are grey


@pytest.mark.parametrize("memory", [4 << 30, 1_000])
def test_16_bit_grey_keeps_its_range_in_files_and_in_parquet(
    tmp_path, encode, write_parquet, save_picture, memory
):
    deep = np.full((4, 4), 40 * 257, np.uint16)
    save_picture(tmp_path / "folder" / "train" / "a" / "1.png", deep)
    save_picture(tmp_path / "folder" / "train" / "a" / "2.tif", deep)
    write_parquet(tmp_path / "files" / "train.parquet", [encode(deep)], [0])
    for source, count in (("folder", 2), ("files", 1)):
        images = load_images(str(tmp_path / source), "train", memory=memory // 10)
        assert all((images.sized(number) == 40).all() for number in range(count))


def test_a_picture_without_a_stated_range_is_refused_by_its_row(tmp_path, save_picture):
    save_picture(tmp_path / "train" / "a" / "1.tif", np.zeros((4, 4), np.float32))
    with pytest.raises(DataError, match=r"row 0 of .*1\.tif.* floating point"):
        load_images(str(tmp_path), "train")
