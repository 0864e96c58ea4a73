"""Do the first rows of a set come alone, once, and as they are stored? No hub is asked here."""

import datasets
import pytest

from concepts.hub_files import SHOWN, as_parquet, with_classes
from prunescope.base.errors import ConfigError, DataError
from prunescope.base.progress import SILENT
from prunescope.data.first_rows import stream_hub
from prunescope.data.hub import HubChoice


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("PRUNESCOPE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "theirs")


@pytest.fixture
def hub(tmp_path):
    """A folder as it lies on the Hub, which `load_dataset` takes in place of a name."""
    tables = {"train": with_classes([0, 1, 2, 0, 1]), "test": with_classes([2])}
    return as_parquet(tables, tmp_path / "hub", group=2)


def streamed(hub, rows, split=None):
    return stream_hub(str(hub), HubChoice(), rows, split, SILENT)


def test_the_first_rows_of_each_split_come_as_they_are_stored(hub):
    tables = streamed(hub, 3)
    assert {split: tables.count(split) for split in tables.splits} == {"train": 3, "test": 1}
    rows = tables.rows("train")
    assert rows.features == with_classes([0]).features
    assert [rows.in_order("label")(row) for row in range(3)] == [0, 1, 2]
    assert (
        rows.in_order("image")(0) == with_classes([0]).with_format("arrow")[0]["image"][0].as_py()
    )


def test_one_split_comes_alone(hub):
    assert streamed(hub, 3, "test").splits == ("test",)
    with pytest.raises(ConfigError, match=r'no split "tset".*"test"'):
        streamed(hub, 3, "tset")


def test_they_come_once(hub):
    before = streamed(hub, 3)
    for file in hub.rglob("*.parquet"):
        file.unlink()
    again = streamed(hub, 3)
    assert again.files == before.files
    assert again.count("train") == 3
    with pytest.raises(DataError):
        streamed(hub, 2)


def test_images_that_are_files_of_their_own_come_along(tmp_path):
    folder = tmp_path / "pets/train/cat"
    folder.mkdir(parents=True)
    (folder / "1.png").write_bytes(SHOWN)
    tables = streamed(tmp_path / "pets", 1)
    assert tables.rows("train").in_order("image")(0)["bytes"] == SHOWN
