"""Is a dissection on disk what it was in memory?"""

import json
import os

import numpy as np
import pandas as pd
import pytest

from prunescope import dissect
from prunescope.base.errors import ConfigError, DataError, StoreError
from prunescope.results.dissection import Dissection, LayerDissection
from prunescope.results.room import check_room
from prunescope.results.units import count_units

FILES = [
    "borderline.parquet",
    "examples.parquet",
    "images.parquet",
    "overlap.safetensors",
    "peaks.parquet",
    "summary.json",
    "units.csv",
    "units.parquet",
]


@pytest.fixture
def dissection(eye, painted):
    return dissect(
        eye,
        ["colours", "relu"],
        painted,
        resolution=4,
        mean=(0.0, 0.0, 0.0),
        std=(1.0, 1.0, 1.0),
        quantile=0.1,
        examples=2,
    )


def test_a_layer_read_again_equals_the_one_that_was_saved(dissection, tmp_path):
    dissection.save(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["colours", "layers.json", "relu"]
    saved = dissection.layers["colours"]
    read = LayerDissection.load(tmp_path / "colours")
    assert read.layer == "colours"
    pd.testing.assert_frame_equal(read.units, saved.units)
    pd.testing.assert_frame_equal(read.examples, saved.examples)
    pd.testing.assert_frame_equal(read.images, saved.images)
    assert read.summary == saved.summary
    for name, value in vars(saved.overlap).items():
        assert np.array_equal(getattr(read.overlap, name), value)


def test_two_dissections_have_the_same_bytes(dissection, eye, painted, tmp_path):
    dissection.save(tmp_path / "first")
    again = dissect(
        eye, "colours", painted, resolution=4, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0),
        quantile=0.1, examples=2,
    )  # fmt: skip
    again.save(tmp_path / "second")
    assert sorted(path.name for path in (tmp_path / "second/colours").iterdir()) == FILES
    for name in FILES:
        first = (tmp_path / "first/colours" / name).read_bytes()
        assert first == (tmp_path / "second/colours" / name).read_bytes(), name


def test_the_layers_of_an_earlier_dissection_do_not_stay_beside_the_new_ones(dissection, tmp_path):
    dissection.save(tmp_path / "D")
    alone = Dissection(layers={"relu": dissection.layers["relu"]})
    alone.save(tmp_path / "D")
    assert {path.name for path in (tmp_path / "D").iterdir()} == {"layers.json", "relu"}
    assert [path.name for path in tmp_path.iterdir()] == ["D"]


@pytest.mark.parametrize("files", range(0, 20, 3))
def test_a_disk_that_is_full_midway_leaves_the_earlier_dissection(
    dissection, tmp_path, monkeypatch, files
):
    Dissection(layers={"relu": dissection.layers["relu"]}).save(tmp_path / "D")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    left = iter(range(files))
    fsync = os.fsync

    def fill(handle):
        if next(left, None) is None:
            raise OSError(28, "No space left on device")
        fsync(handle)

    monkeypatch.setattr(os, "fsync", fill)
    with pytest.raises(StoreError, match="No space left"):
        dissection.save(tmp_path / "D")
    after = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    assert after == before


@pytest.mark.parametrize("stranger", ["letter.txt", "letters/letter.txt", "relu/letter.txt"])
def test_what_is_no_dissection_is_not_replaced(dissection, tmp_path, stranger):
    dissection.save(tmp_path)
    (tmp_path / stranger).parent.mkdir(exist_ok=True)
    (tmp_path / stranger).write_text("dear")
    with pytest.raises(ConfigError, match=f"not a dissection .it holds {stranger}"):
        dissection.save(tmp_path)
    assert (tmp_path / stranger).read_text() == "dear"


def test_a_file_takes_no_dissection(tmp_path):
    (tmp_path / "D").write_text("dear")
    with pytest.raises(ConfigError, match="D is a file"):
        check_room(tmp_path / "D")
    assert [path.name for path in tmp_path.iterdir()] == ["D"]


def test_asking_for_room_makes_nothing(tmp_path):
    check_room(tmp_path / "a" / "D")
    assert list(tmp_path.iterdir()) == []


def test_units_as_csv_hold_the_same_numbers(dissection, tmp_path):
    dissection.save(tmp_path)
    units = pd.read_csv(tmp_path / "colours/units.csv")
    assert units["iou"].tolist()[:2] == dissection.layers["colours"].units["iou"].tolist()[:2]
    assert units.columns.tolist() == dissection.layers["colours"].units.columns.tolist()


def test_the_summary_of_several_layers_is_keyed_by_layer(dissection):
    summary = dissection.summary()
    assert list(summary) == ["layers"]
    assert list(summary["layers"]) == ["colours", "relu"]
    assert json.dumps(summary)


def test_the_summary_of_one_layer_stands_at_the_top_too(dissection):
    colours = type(dissection)(layers={"colours": dissection.layers["colours"]})
    summary = colours.summary()
    assert {key: summary[key] for key in summary if key != "layers"} == summary["layers"]["colours"]
    assert list(summary)[1:] == ["units", "interpretable", "concepts", "dead", "by_category", "iou"]


def test_the_saved_summary_states_the_conditions(dissection, tmp_path):
    dissection.save(tmp_path)
    summary = json.loads((tmp_path / "colours/summary.json").read_text())
    assert summary["images"] == 4
    assert (summary["cells"], summary["cells_above"]) == (64, 6)
    assert summary["map"] == [4, 4]
    assert summary["concept_set"] == {"name": "painted", "fingerprint": "0" * 64}
    assert summary["settings"]["quantile"] == 0.1
    assert summary["input"] == {"resolution": 4, "mean": [0, 0, 0], "std": [1, 1, 1]}


def test_it_shows_itself_in_a_line(dissection):
    assert repr(dissection) == (
        "Dissection(colours: 2 of 3 units interpretable, 2 concepts; "
        "relu: 2 of 3 units interpretable, 2 concepts)"
    )
    assert repr(dissection["relu"]).startswith("LayerDissection(relu: 2 of 3 units")


def test_distinct_concepts_are_counted_once_and_by_primary_category():
    units = pd.DataFrame(
        {
            "label": pd.array([3, 3, 9, 5, pd.NA], dtype="Int64"),
            "concept": ["red-c", "red-c", "top", "green-c", None],
            "category": ["color", "color", "part", "color", None],
            "interpretable": [True, True, True, False, False],
            "dead": [False, False, False, False, True],
        }
    )
    assert count_units(units, ("color", "part", "scene")) == {
        "units": 5,
        "interpretable": 3,
        "concepts": 2,
        "dead": 1,
        "by_category": {
            "color": {"units": 2, "concepts": 1},
            "part": {"units": 1, "concepts": 1},
            "scene": {"units": 0, "concepts": 0},
        },
    }


@pytest.mark.parametrize("name", [name for name in FILES if name != "units.csv"])
@pytest.mark.parametrize("damage", ["missing", "cut"])
def test_a_missing_or_damaged_file_is_named(dissection, tmp_path, name, damage):
    dissection.save(tmp_path)
    path = tmp_path / "relu" / name
    content = path.read_bytes()
    path.unlink()
    if damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match=name.replace(".", r"\.")):
        LayerDissection.load(tmp_path / "relu")
