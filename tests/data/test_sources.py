"""Are sets and their splits found where they lie, and is their content named by a hash?"""

import logging
import os
import subprocess
import sys

import datasets
import numpy as np
import pytest
import torch

from prunescope.base.errors import DataError
from prunescope.data.images import count_images, find_split, load_images
from prunescope.data.sources import open_source


def test_a_folder_per_split_names_the_splits(tmp_path, three_pictures, encode, write_parquet):
    for split in ("train", "val"):
        write_parquet(tmp_path / split / "0000.parquet", [encode(three_pictures[0])], [0])
    assert find_split(str(tmp_path), "test") == "val"


def test_two_sets_in_one_folder_are_not_mixed(tmp_path, three_pictures, encode, write_parquet):
    for name in ("fruit", "birds"):
        write_parquet(tmp_path / name / "train.parquet", [encode(three_pictures[0])], [0])
    with pytest.raises(DataError, match=r"train lies in several folders.*birds.*fruit"):
        load_images(str(tmp_path), "train")


@pytest.mark.parametrize(
    ("wanted", "found"), [(("train",), "train"), (("val",), "test"), (("other", "test"), "test")]
)
def test_a_wanted_split_is_found_under_the_name_the_source_has(folder, wanted, found):
    assert find_split(str(folder), *wanted) == found


def test_a_synonym_of_a_wanted_split_goes_before_a_stand_in(tmp_path, encode, write_parquet):
    for split in ("test", "validation", "train"):
        write_parquet(tmp_path / f"{split}.parquet", [encode(np.zeros((2, 2, 3), np.uint8))], [0])
    assert find_split(str(tmp_path), "val") == "validation"
    assert find_split(str(tmp_path), "test") == "test"


def test_an_absent_or_empty_folder_is_refused_without_the_network(tmp_path, no_network):
    with pytest.raises(DataError, match="absent does not exist"):
        load_images(str(tmp_path / "absent"), "train")
    with pytest.raises(DataError, match="neither parquet files nor class folders"):
        load_images(str(tmp_path), "train")


def test_a_file_in_place_of_a_folder_is_refused(folder):
    with pytest.raises(DataError, match="is a file"):
        load_images(str(folder / "train-00000-of-00001.parquet"), "train")


def test_a_copy_has_the_same_fingerprint_and_a_change_another(
    tmp_path, three_pictures, encode, write_parquet
):
    sources = [tmp_path / name for name in ("one", "two", "three")]
    for source, label in zip(sources, (0, 0, 1), strict=True):
        write_parquet(source / "train.parquet", [encode(three_pictures[0])], [label])
    one, two, three = (open_source(str(source)).fingerprint() for source in sources)
    assert one == two != three
    (sources[1] / "classes.csv").write_text("label,names\n0,a\n")
    assert open_source(str(sources[1])).fingerprint() != one


def test_an_image_folders_fingerprint_holds_its_images_alone(
    tmp_path, three_pictures, save_picture
):
    save_picture(tmp_path / "train" / "a" / "1.png", three_pictures[0])
    before = open_source(str(tmp_path)).fingerprint()
    (tmp_path / "notes.txt").write_text("not an image")
    assert open_source(str(tmp_path)).fingerprint() == before
    save_picture(tmp_path / "train" / "a" / "1.png", three_pictures[1])
    assert open_source(str(tmp_path)).fingerprint() != before


def test_a_hub_name_is_read_through_hugging_face(
    monkeypatch, tmp_path, three_pictures, save_picture
):
    save_picture(tmp_path / "1.png", three_pictures[0])
    features = datasets.Features(
        {"image": datasets.Image(), "label": datasets.ClassLabel(names=["cat", "dog"])}
    )
    columns = {"image": [str(tmp_path / "1.png")], "label": ["dog"]}
    table = datasets.Dataset.from_dict(columns, features=features)
    asked = []

    def load_dataset(name):
        asked.append(name)
        return datasets.DatasetDict({"train": table})

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    images = load_images("somebody/pets", "train")
    assert asked == ["somebody/pets"]
    assert (images.classes, images.labels.tolist()) == (("cat", "dog"), [1])
    assert torch.equal(images.pixels[0], torch.from_numpy(three_pictures[0]))
    assert count_images("somebody/pets", "train") == 1
    before = open_source("somebody/pets").fingerprint()
    save_picture(tmp_path / "1.png", three_pictures[1])
    assert open_source("somebody/pets").fingerprint() != before


def test_an_unreachable_hub_is_a_plain_error(monkeypatch, caplog):
    def load_dataset(name):
        logging.getLogger("huggingface_hub.utils._http").warning("Retrying in 1s")
        raise ConnectionError("no way there")

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    with pytest.raises(DataError, match=r"no folder here, and could not be had.*no way there"):
        load_images("somebody/pets", "train")
    assert not caplog.records


@pytest.mark.long
def test_no_home_is_needed_and_nothing_is_written_beside_the_data(folder, tmp_path_factory):
    before = sorted(folder.iterdir())
    home = tmp_path_factory.mktemp("elsewhere") / "absent"
    load = "from prunescope.data.images import load_images; load_images(sys.argv[1], 'train')"
    code = f"import sys; {load}"
    subprocess.run(
        [sys.executable, "-c", code, str(folder)],
        env={**os.environ, "HOME": str(home), "HF_HOME": "/proc/no/such/place"},
        check=True,
    )
    assert sorted(folder.iterdir()) == before
    assert not home.exists()
