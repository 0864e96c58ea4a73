"""Is a set of the Hub had from the cache without a network, and is it said what is there?"""

from pathlib import Path

import datasets
import huggingface_hub
import pytest
from datasets.data_files import DataFilesDict
from datasets.packaged_modules.parquet.parquet import Parquet

from concepts.hub_files import as_parquet, saved, with_classes
from prunescope.base.errors import DataError
from prunescope.data.hub import HubChoice, is_hub_name, open_hub
from prunescope.data.images import load_images
from prunescope.data.sources import open_source


@pytest.fixture
def cache(monkeypatch, tmp_path):
    """Hugging Face's cache with a set that was downloaded before; there is no network."""
    datasets.disable_progress_bars()
    hub = as_parquet({"train": with_classes([0, 1])}, tmp_path / "hub")
    files = DataFilesDict.from_patterns({"train": ["**/*.parquet"]}, base_path=str(hub))
    kept = tmp_path / "cache"
    builder = Parquet(cache_dir=str(kept), data_files=files, dataset_name="pets", hash="1")
    builder.download_and_prepare()
    [config] = (kept / "pets").iterdir()
    (kept / "somebody___pets").mkdir()
    config.rename(kept / "somebody___pets/default")
    (kept / "pets").rmdir()
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", kept)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    return kept


def test_a_set_that_was_downloaded_is_used_without_a_network(cache):
    tables = open_hub("somebody/pets", HubChoice())
    assert tables.splits == ("train",)
    assert tables.count("train") == 2
    assert all(file.is_relative_to(cache / "somebody___pets") for file in tables.files)


def test_one_that_was_not_is_told_with_what_is_cached_and_how_to_go_on(cache):
    with pytest.raises(DataError) as told:
        open_hub("somebody/cars", HubChoice()).count("train")
    said = str(told.value)
    assert "\n" not in said
    assert f"Its cache {cache} holds somebody/pets. " in said
    assert "hf download somebody/cars --repo-type dataset --local-dir DIR" in said


def test_an_empty_cache_is_told(cache, monkeypatch, tmp_path):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "none")
    with pytest.raises(DataError, match="none holds no set"):
        open_hub("somebody/cars", HubChoice()).count("train")


def test_networks_train_on_what_save_to_disk_wrote(tmp_path):
    saved({"train": with_classes([1, 0])}, tmp_path / "pets")
    images = load_images(str(tmp_path / "pets"), "train")
    assert images.classes == ("car", "dog", "grass")
    assert images.labels.tolist() == [1, 0]
    before = open_source(str(tmp_path / "pets")).fingerprint()
    saved({"train": with_classes([1, 1])}, tmp_path / "others")
    assert open_source(str(tmp_path / "others")).fingerprint() != before


@pytest.mark.parametrize(
    ("name", "is_one"),
    [("pets", True), ("me/my-pets.v2", True), ("a/b/c", False), ("/a/b", False), ("a b", False)],
)
def test_a_name_of_the_hub_is_an_owner_and_a_word(name, is_one, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert is_hub_name(name) is is_one
    if is_one:
        Path(name).mkdir(parents=True)
        assert not is_hub_name(name)
