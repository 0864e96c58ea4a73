"""Is a dissection on disk what it was in memory?"""

import json

import pandas as pd
import pytest
import torch

from prunescope.base.errors import DataError
from prunescope.dissection.result import LayerDissection, count_units
from prunescope.dissection.run import dissect

FILES = ["examples.parquet", "overlap.safetensors", "summary.json", "units.csv", "units.parquet"]


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
    assert sorted(path.name for path in tmp_path.iterdir()) == ["colours", "relu"]
    saved = dissection.layers["colours"]
    read = LayerDissection.load(tmp_path / "colours")
    assert read.layer == "colours"
    pd.testing.assert_frame_equal(read.units, saved.units)
    pd.testing.assert_frame_equal(read.examples, saved.examples)
    assert read.summary == saved.summary
    for name, value in vars(saved.overlap).items():
        other = getattr(read.overlap, name)
        assert torch.equal(other, value) if isinstance(value, torch.Tensor) else other == value


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
    assert list(summary)[1:] == ["units", "interpretable", "concepts", "dead", "by_category"]


def test_the_saved_summary_states_the_conditions(dissection, tmp_path):
    dissection.save(tmp_path)
    summary = json.loads((tmp_path / "colours/summary.json").read_text())
    assert summary["images"] == 4
    assert (summary["cells"], summary["cells_above"]) == (64, 6)
    assert summary["map"] == [4, 4]
    assert summary["concept_set"] == {"name": "painted", "fingerprint": "0" * 64}
    assert summary["settings"]["quantile"] == 0.1
    assert summary["input"] == {"resolution": 4, "mean": [0, 0, 0], "std": [1, 1, 1]}


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
