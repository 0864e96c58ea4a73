"""Is the table of IoUs the matrix, under the concepts' names?"""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from prunescope import dissect
from prunescope.base.errors import ConfigError, DataError
from prunescope.concepts.protocol import Label
from prunescope.results.dissection import Dissection, LayerDissection

FORM = {"resolution": 4, "mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0), "quantile": 0.1}


@pytest.fixture
def dissection(eye, painted) -> Dissection:
    return dissect(eye, ["colours", "relu"], painted, **FORM)


def test_each_units_concept_is_its_highest_iou(dissection):
    layer = dissection["colours"]
    table = layer.iou
    assert table.columns.tolist() == ["red-c", "green-c", "top"]
    assert (table.index.name, table.columns.name) == ("unit", "concept")
    np.testing.assert_array_equal(table.to_numpy(), layer.overlap.iou)
    named = layer.units.dropna(subset=["concept"])
    assert table.loc[named["unit"]].idxmax(axis=1).tolist() == named["concept"].tolist()
    assert table.max(axis=1)[named["unit"]].tolist() == named["iou"].tolist()
    dead = layer.units.loc[layer.units["dead"], "unit"]
    assert len(dead) == 1
    assert table.loc[dead].isna().all(axis=None)


def test_it_follows_from_what_was_saved(dissection, tmp_path):
    dissection.save(tmp_path)
    read = LayerDissection.load(tmp_path / "colours")
    pd.testing.assert_frame_equal(read.iou, dissection["colours"].iou)


def test_a_name_of_two_concepts_stands_under_their_categories(eye, painted):
    labels = (*painted.labels[:2], Label(number=9, name="red-c", category="part"))
    table = dissect(eye, "colours", replace(painted, labels=labels), **FORM)["colours"].iou
    assert table.columns.names == ["category", "concept"]
    assert table.columns.tolist() == [("color", "red-c"), ("color", "green-c"), ("part", "red-c")]
    assert table["color"].columns.tolist() == ["red-c", "green-c"]


def test_counts_without_names_say_what_to_do(dissection):
    layer = dissection["colours"]
    nameless = replace(layer, overlap=replace(layer.overlap, label_names=()))
    with pytest.raises(DataError, match="dissect again"):
        _ = nameless.iou


def test_a_saved_dissection_is_read_by_its_folder(dissection, tmp_path):
    dissection.save(tmp_path / "D")
    read = Dissection.load(tmp_path / "D")
    assert list(read.layers) == ["colours", "relu"]
    assert read.summary() == dissection.summary()
    with pytest.raises(DataError, match="holds no dissection"):
        Dissection.load(tmp_path)


def test_a_layer_that_was_not_dissected_is_named(dissection):
    with pytest.raises(ConfigError, match='did you mean "colours"'):
        _ = dissection["colour"]
