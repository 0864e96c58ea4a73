"""Do images that are decoded as they are needed give the very batches of those in memory?"""

import threading
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from pyarrow import parquet

from prunescope.base.errors import ConfigError, DataError
from prunescope.base.progress import SILENT
from prunescope.data.images import load_images
from prunescope.data.labelled import LabelledImages, StreamedImages
from prunescope.data.loader import batches, epoch_order
from prunescope.data.settings import Augmentation, RandomResizedCrop
from prunescope.imaging.network_input import Normalisation
from prunescope.imaging.sizing import Sizing

PLAIN = Normalisation(mean=(0.5, 0.5, 0.5), std=(0.2, 0.2, 0.2))
CROP = Augmentation(random_resized_crop=RandomResizedCrop(), flip=True)
COUNT = 23


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """The cache of this test alone."""
    monkeypatch.setenv("PRUNESCOPE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def make_source(tmp_path, encode, save_picture):
    """Write noise pictures, as parquet of small row groups in two files, or as a folder."""

    def make(kind, *, unequal=False):
        random = np.random.default_rng(0)
        sides = [(12 + 3 * (i % 4) * unequal, 10 + 2 * (i % 3) * unequal) for i in range(COUNT)]
        pictures = [random.integers(0, 256, (*side, 3), dtype=np.uint8) for side in sides]
        root = tmp_path / "set"
        if kind == "folder":
            for number, picture in enumerate(pictures):
                save_picture(root / "train" / "ab"[number % 2] / f"{number:02}.png", picture)
            return str(root)
        root.mkdir()
        cells = [{"bytes": encode(picture), "path": None} for picture in pictures]
        column = pa.array(cells, pa.struct({"bytes": pa.binary(), "path": pa.string()}))
        table = pa.table({"image": column, "label": pa.array([i % 2 for i in range(COUNT)])})
        for part, rows in enumerate([table.slice(0, 14), table.slice(14)]):
            path = root / f"train-{part:05}-of-00002.parquet"
            parquet.write_table(rows, path, row_group_size=4)
        return str(root)

    return make


def both(source, **given):
    """Return a set in memory, and the same with room for two images."""
    whole = load_images(source, "train", **given)
    streamed = load_images(source, "train", memory=2 * 24 * 24 * 3, **given)
    assert type(streamed) is StreamedImages
    return whole, streamed


def shown(images, augmentation=None, **given):
    found = batches(
        images,
        batch_size=5,
        normalisation=PLAIN,
        order=epoch_order(COUNT, 7, 1),
        augmentation=augmentation,
        seed=7,
        epoch=1,
        **given,
    )
    pixels, labels = zip(*found, strict=True)
    return torch.cat(pixels), torch.cat(labels)


def assert_same(whole, streamed, augmentation=None, **given):
    for ours, theirs in zip(
        shown(streamed, augmentation, **given), shown(whole, augmentation, **given), strict=True
    ):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize("kind", ["parquet", "folder"])
@pytest.mark.parametrize("augmentation", [None, Augmentation(pad=2, flip=True), CROP])
def test_streamed_batches_are_those_in_memory(make_source, kind, augmentation):
    source = make_source(kind)
    cropped = augmentation is CROP
    whole, streamed = both(source, sizing=Sizing(resolution=9), cropped=cropped)
    assert type(whole) is LabelledImages
    assert_same(whole, streamed, augmentation)
    assert_same(whole, streamed, augmentation, first_batch=2)
    streamed.stored.prepare(SILENT)
    assert_same(whole, streamed, augmentation)


def test_images_of_unequal_sizes_are_squashed_alike(make_source):
    whole, streamed = both(make_source("parquet", unequal=True), sizing=Sizing(resolution=9))
    assert type(whole) is LabelledImages
    assert_same(whole, streamed)


def test_a_centre_crop_is_the_same_in_memory_and_streamed(make_source):
    sizing = Sizing(resolution=8, shorter_side=11)
    whole, streamed = both(make_source("folder", unequal=True), sizing=sizing)
    assert type(whole) is LabelledImages
    assert_same(whole, streamed)


def test_crops_of_unequal_photographs_are_of_the_originals_whatever_the_memory(make_source):
    source = make_source("parquet", unequal=True)
    images = load_images(source, "train", sizing=Sizing(resolution=9), cropped=True)
    assert type(images) is StreamedImages
    assert images.original(1).size == (12, 15)
    assert images.size == (9, 9)
    pixels, _ = shown(images, CROP)
    assert pixels.shape == (COUNT, 3, 9, 9)
    with pytest.raises(DataError, match="give a resolution"):
        load_images(source, "train", cropped=True)


def test_unequal_sizes_without_a_resolution_are_refused_when_they_meet(make_source):
    streamed = load_images(make_source("folder", unequal=True), "train", memory=12 * 10 * 3)
    with pytest.raises(DataError, match="but the first is 10 x 12"):
        shown(streamed)


def test_images_are_decoded_ahead_in_threads_that_end(make_source, monkeypatch):
    decoded, sized = set(), StreamedImages.sized

    def watch(images, number):
        decoded.add((number, threading.current_thread().name))
        return sized(images, number)

    monkeypatch.setattr(StreamedImages, "sized", watch)
    _, streamed = both(make_source("folder"), sizing=Sizing(resolution=9))
    before = threading.active_count()
    epoch = batches(streamed, batch_size=4, normalisation=PLAIN, order=torch.arange(COUNT))
    assert not decoded
    next(epoch)
    assert {number for number, _ in decoded} >= set(range(4))
    assert all(name.startswith("read-ahead") for _, name in decoded)
    epoch.close()
    assert threading.active_count() == before
    assert len(decoded) <= 3 * 4 + 1


def test_a_damaged_image_is_named_when_its_turn_comes(make_source):
    source = make_source("folder")
    victim = Path(source) / "train" / "b" / "21.png"
    victim.write_bytes(victim.read_bytes()[:-30])
    streamed = load_images(source, "train", memory=12 * 10 * 3)
    with pytest.raises(DataError, match=r"b/21\.png.* cannot be read"):
        shown(streamed)
    with pytest.raises(DataError, match=r"b/21\.png"):
        streamed.check_sample()


def test_a_damaged_row_group_is_named(make_source):
    source = make_source("parquet")
    streamed = load_images(source, "train", memory=12 * 10 * 3)
    path = Path(source) / "train-00001-of-00002.parquet"
    content = bytearray(path.read_bytes())
    content[4:900] = bytes(896)
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"train-00001-of-00002\.parquet cannot be read"):
        streamed.sized(14)


def test_parquet_is_copied_once_for_any_order_and_anew_when_it_changes(make_source, cache):
    source = make_source("parquet")

    def copies():
        load = load_images(source, "train", memory=12 * 10 * 3)
        load.stored.prepare(SILENT)
        return {path.name: path.stat().st_mtime_ns for path in cache.glob("*.arrow")}

    first = copies()
    assert len(first) == 1
    assert copies() == first
    path = Path(source) / "train-00000-of-00002.parquet"
    parquet.write_table(parquet.read_table(path).slice(1), path)
    assert len(copies()) == 2
    assert not list(cache.glob(".*.draft"))


def test_a_cache_that_cannot_be_written_is_said(make_source, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("PRUNESCOPE_CACHE", str(tmp_path / "file" / "cache"))
    streamed = load_images(make_source("parquet"), "train", memory=12 * 10 * 3)
    with pytest.raises(ConfigError, match="set PRUNESCOPE_CACHE"):
        streamed.stored.prepare(SILENT)


def test_the_beginning_is_the_first_images(make_source):
    whole, streamed = both(make_source("parquet"), sizing=Sizing(resolution=9))
    first = streamed.beginning(6)
    assert len(first) == 6
    assert torch.equal(first.labels, whole.labels[:6])
    for number in range(6):
        assert np.array_equal(first.sized(number), whole.pixels[number].numpy())
    first.stored.prepare(SILENT)
    assert len(streamed.beginning(99)) == COUNT
