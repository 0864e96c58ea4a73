"""Is what is said of one unit and one concept what the tables and counts hold?"""

from dataclasses import replace

import pandas as pd
import pytest

from layers import make_layer, save_run
from prunescope.base.errors import ConfigError
from prunescope.comparison.details import (
    concept_details,
    concept_through_levels,
    outcome_of,
    unit_details,
    unit_through_levels,
)
from prunescope.results.opened import open_layer
from prunescope.results.run_tables import RunTables


@pytest.fixture
def layer(tmp_path):
    made = make_layer({"red": 200, "cat": 100}, {"cat": 300, "red": 95, "dog": 96}, {}, {"dog": 20})
    made.examples["image"] = ["a.png", "b.png", "c.png", "d.png"]
    made.examples["rank"], made.examples["peak"], made.examples["row"] = 0, 1.5, 0
    made.save(tmp_path / "layer4")
    return open_layer(tmp_path / "layer4")


def test_a_unit_has_its_best_labels_with_what_lies_behind_them(layer):
    details = unit_details(layer, 1)
    assert (details["concept"], details["category"]) == ("cat", "object")
    assert details["iou"] == 300 / 1700
    assert (details["precision"], details["recall"], details["f1"]) == (0.3, 0.3, 0.3)
    assert [each["concept"] for each in details["next"]] == ["dog", "red"]
    assert details["by_category"]["color"] == {"concept": "red", "iou": 95 / 1905}
    assert details["examples"] == [{"image": "b.png", "peak": 1.5}]
    assert details["above"] == 0.05


def test_measures_over_all_pixels_stand_beside_the_iou_where_they_were_made(tmp_path):
    made = make_layer({"red": 200, "cat": 100})
    for name, value in {"pearson": 0.5, "auprc": 0.25, "pearson_2": 0.1, "auprc_2": 0.2}.items():
        made.units[name] = value
    made.examples[["image", "rank", "row", "peak"]] = ["a.png", 0, 0, 1.5]
    made.save(tmp_path / "layer4")
    details = unit_details(open_layer(tmp_path / "layer4"), 0)
    assert (details["pearson"], details["auprc"]) == (0.5, 0.25)
    assert details["next"][0] | {"iou": None} == {
        **{"concept": "cat", "category": "object", "iou": None},
        **{"pearson": 0.1, "auprc": 0.2},
    }
    [unit] = concept_details(open_layer(tmp_path / "layer4"), "red")["units"]
    assert (unit["pearson"], unit["auprc"]) == (0.5, 0.25)


def test_what_a_dead_unit_lacks_is_none(layer):
    details = unit_details(layer, 2)
    assert details["dead"]
    assert details["concept"] is details["iou"] is details["f1"] is None
    assert details["next"] == []


def test_a_concept_has_its_units_and_those_that_overlap_it_too(layer):
    details = concept_details(layer, "dog")
    assert [unit["unit"] for unit in details["units"]] == [3]
    assert not details["units"][0]["interpretable"]
    assert details["others"] == [{"unit": 1, "iou": 96 / 1904, "concept": "cat"}]
    assert concept_details(layer, "blue")["units"] == []


@pytest.mark.parametrize(
    ("name", "category", "words"),
    [
        ("catt", None, 'no label of layer4 is called "catt" (did you mean "cat"?)'),
        ("cat", "color", '"cat" is a label of object, not of color'),
    ],
)
def test_a_concept_that_is_not_there_is_refused(layer, name, category, words):
    with pytest.raises(ConfigError) as refused:
        concept_details(layer, name, category)
    assert words in str(refused.value)


def test_where_only_best_labels_have_names_their_units_are_known():
    named = make_layer({"red": 200, "cat": 100}, {"cat": 300})
    layer = replace(named, overlap=replace(named.overlap, label_names=()))
    details = concept_details(layer, "cat")
    assert [unit["unit"] for unit in details["units"]] == [1]
    assert details["others"] == []
    with pytest.raises(ConfigError, match='"blue" is the best label of no unit of layer4'):
        concept_details(layer, "blue")


def test_a_concept_that_no_unit_of_a_run_sees_is_not_said_to_be_no_label(tables):
    with pytest.raises(ConfigError) as refused:
        concept_through_levels(tables, "layer4", "blue")
    assert str(refused.value) == '"blue" is the best label of no unit of layer4 at any level'
    with pytest.raises(ConfigError, match='did you mean "cat"'):
        concept_through_levels(tables, "layer4", "catt")


def test_a_name_in_two_categories_needs_one(tmp_path):
    layer = make_layer({"red": 200}, {"cat": 200})
    layer.units["concept"] = "both"
    with pytest.raises(ConfigError, match="say which category"):
        concept_through_levels(run_of(tmp_path, layer, layer), "layer4", "both")


def run_of(folder, before, after):
    levels = {(0, "dense", 0): [before], (0, "lottery", 1): [after]}
    return RunTables.read(save_run(folder / "run", levels))


@pytest.fixture
def tables(tmp_path):
    before = make_layer({"red": 200}, {"red": 200}, {"cat": 200}, {"cat": 20})
    after = make_layer({"red": 100}, {"cat": 200}, {"cat": 20}, {"dog": 200})
    return run_of(tmp_path, before, after)


@pytest.mark.parametrize(
    ("unit", "concepts", "outcome"),
    [
        (0, ["red", "red"], "kept"),
        (1, ["red", "cat"], "relabelled"),
        (2, ["cat", "cat"], "lost"),
        (3, ["cat", "dog"], "gained"),
    ],
)
def test_a_unit_is_followed_through_the_levels(tables, unit, concepts, outcome):
    rows = unit_through_levels(tables, "layer4", unit)
    assert [row["concept"] for row in rows] == concepts
    assert [row["outcome"] for row in rows] == ["neither" if unit == 3 else "kept", outcome]
    assert [row["keep"] for row in rows] == [1, 0.8]


def test_a_unit_has_its_shares_of_draws_where_images_were_resampled(tables):
    key = {"replicate": 0, "strategy": "lottery", "level": 1, "layer": "layer4"}
    shares = {"interpretable_share": 0.75, "concept_share": 0.5}
    table = pd.DataFrame([key | {"unit": 1} | shares, key | {"unit": 2} | dict.fromkeys(shares, 1)])
    table.to_parquet(tables.path / "tables" / "unit_shares.parquet")
    dense, pruned = unit_through_levels(tables, "layer4", 1)
    assert {name: pruned[name] for name in shares} == shares
    assert [dense[name] for name in shares] == [None, None]


def test_a_removed_unit_sees_nothing(tmp_path):
    before, after = make_layer({"red": 200}, {"cat": 200}), make_layer({"red": 200})
    _, row = unit_through_levels(run_of(tmp_path, before, after), "layer4", 1)
    assert (row["concept"], row["iou"], row["outcome"]) == (None, None, "lost")


def test_a_concept_is_followed_through_the_levels(tables):
    red, dog = (concept_through_levels(tables, "layer4", name) for name in ("red", "dog"))
    assert [(row["units"], row["best_unit"], row["outcome"]) for row in red] == [
        (2, 0, "kept"),
        (1, 0, "kept"),
    ]
    assert [(row["units"], row["best_unit"], row["outcome"]) for row in dog] == [
        (0, None, "neither"),
        (1, 3, "gained"),
    ]


def test_a_concept_has_its_share_of_draws_where_images_were_resampled(tables):
    key = {"replicate": 0, "strategy": "lottery", "level": 1, "layer": "layer4"}
    outcome = {"outcome": "kept", "units_before": 2, "units_after": 1, "certain": False}
    rows = [
        key | {"category": category, "concept": "red", "share": share} | outcome
        for category, share in (("color", 0.75), ("object", 0.5))
    ]
    pd.DataFrame(rows).to_parquet(tables.path / "tables" / "concept_outcomes.parquet")
    dense, pruned = concept_through_levels(tables, "layer4", "red")
    assert (dense["outcome_share"], pruned["outcome_share"]) == (None, 0.75)


def test_a_unit_that_no_level_has_is_refused(tables):
    with pytest.raises(ConfigError, match="layer4 has units 0 to 3"):
        unit_through_levels(tables, "layer4", 4)


def test_outcomes_are_those_of_a_comparison():
    assert [outcome_of(a, b) for a, b in ((1, 1), (1, 2), (1, None), (None, 1), (None, None))] == [
        *("kept", "relabelled", "lost", "gained", "neither")
    ]
