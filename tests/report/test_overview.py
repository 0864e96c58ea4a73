import pandas as pd
import pytest

from prunescope.report.captions import write_captions
from prunescope.report.overview import (
    beyond_chance_text,
    glance_at,
    keep_text,
    share_text,
    tabulate_levels,
)


def test_undefined_is_a_dash_and_not_a_zero() -> None:
    assert share_text(float("nan")) == "–"
    assert share_text(0.0) == "0.0 %"
    assert share_text(2 / 3) == "66.7 %"


def test_weights_left_read_as_on_the_axes() -> None:
    assert [keep_text(keep) for keep in (1.0, 0.4096, 0.035184)] == ["100 %", "41 %", "3.5 %"]


def test_the_glance_stops_at_one_point_of_accuracy(levels: pd.DataFrame) -> None:
    glances = [glance for glance in glance_at(levels) if glance.layer == "layer4"]
    assert [(glance.title, glance.keep) for glance in glances] == [
        ("Unpruned", "100 %"),
        ("Sparsest within one point of accuracy", "64 %"),
        ("Sparsest", "41 %"),
    ]
    assert [glance.accuracy for glance in glances] == ["89.9 %", "89.1 %", "86.7 %"]
    assert [glance.interpretable for glance in glances] == ["3", "2", "1"]


def test_the_glance_names_no_level_twice(levels: pd.DataFrame) -> None:
    held = levels.assign(accuracy=0.9)
    assert [glance.keep for glance in glance_at(held)] == ["100 %", "41 %"] * 2
    assert [glance.keep for glance in glance_at(held[held["level"] == 0])] == ["100 %"] * 2


def test_the_glance_says_where_even_the_first_level_lost_more(levels: pd.DataFrame) -> None:
    fallen = levels.assign(accuracy=0.9 - 0.2 * levels["level"])
    titles = [glance.title for glance in glance_at(fallen) if glance.layer == "layer4"]
    assert titles == ["Unpruned", "Sparsest"]


def test_each_layer_has_a_table_of_replicates_and_levels(levels: pd.DataFrame) -> None:
    tables = tabulate_levels(levels)
    assert [table.layer for table in tables] == ["layer4", "layer3"]
    groups = tables[0].groups
    assert [group.title for group in groups] == ["Replicate 0", "Replicate 1"]
    row = groups[0].rows[1]
    assert (row.level, row.keep, row.still_interpretable) == (1, "64 %", "33.3 %")
    assert row.still_interpretable_of == "1 of 3"
    assert row.same_concept_of == "1 of 1"
    assert row.by_category == ((1, 1), (1, 1), (0, 0))
    assert groups[0].rows[2].same_concept == "–"


def test_descriptions_say_where_the_lines_start_and_end(levels: pd.DataFrame) -> None:
    captions = write_captions(levels)
    assert captions["fig1_accuracy"].description == (
        "Top-1 accuracy, layer4, rewind: 89.9 % at 100 % of weights left, 86.7 % at 41 %."
    )
    assert "Distinct concepts, layer3, rewind: 2 at 100 %" in (
        captions["fig2_interpretability"].description
    )
    assert "color 1 to 0, object 1 to 1" in captions["fig3_taxonomy"].description
    assert "same concept, layer4, rewind: 100.0 % at 100 % of weights left, – at 41 %" in (
        captions["fig4_consistency"].description
    )


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ({}, "–"),
        ({"discoveries": 0, "undecided": 12}, "12 undecided"),
        ({"discoveries": 30, "undecided": 12}, "30, 12 undecided"),
        ({"discoveries": 30, "undecided": 0}, "30"),
        ({"discoveries": 0, "undecided": 0}, "0"),
    ],
)
def test_no_unit_beyond_chance_is_only_said_where_it_is_decided(
    row: dict[str, int], text: str
) -> None:
    assert beyond_chance_text(row) == text
