import pandas as pd
import pytest

from prunescope.report.captions import write_captions
from prunescope.report.document import Cell, Noted, share_text
from prunescope.report.overview import (
    beyond_chance_text,
    glance_at,
    keep_text,
    tabulate_levels,
)
from prunescope.report.panels import Shown


def glances(levels: pd.DataFrame) -> list[list[Cell]]:
    return [list(row) for row in glance_at(levels).groups[0].rows]


def test_undefined_is_a_dash_and_not_a_zero() -> None:
    assert share_text(float("nan")) == "–"
    assert share_text(0.0) == "0.0 %"
    assert share_text(2 / 3) == "66.7 %"


def test_weights_left_read_as_on_the_axes() -> None:
    assert [keep_text(keep) for keep in (1.0, 0.4096, 0.035184)] == ["100 %", "41 %", "3.5 %"]


def test_the_glance_stops_at_one_point_of_accuracy(levels: pd.DataFrame) -> None:
    assert [row[1:] for row in glances(levels) if row[0] == "layer4"] == [
        ["Unpruned", "100 %", "89.9 %", "3", "2"],
        ["Sparsest within one point of accuracy", "64 %", "89.1 %", "2", "2"],
        ["Sparsest", "41 %", "86.7 %", "1", "1"],
    ]
    assert glance_at(levels).caption == "At a glance, means over replicates"


def test_the_glance_names_no_level_twice(levels: pd.DataFrame) -> None:
    held = levels.assign(accuracy=0.9)
    assert [row[2] for row in glances(held)] == ["100 %", "41 %"] * 2
    assert [row[2] for row in glances(held[held["level"] == 0])] == ["100 %"] * 2


def test_the_glance_of_one_layer_does_not_name_it(levels: pd.DataFrame) -> None:
    one = levels[(levels["layer"] == "layer4") & (levels["replicate"] == 0)]
    assert glances(one)[0][0] == "Unpruned"
    assert glance_at(one).columns[0].title == "Level"
    assert glance_at(one).caption == "At a glance"


@pytest.mark.parametrize("percent", [7, 10, 13])
def test_just_one_point_less_is_within_one_point(levels: pd.DataFrame, percent: int) -> None:
    lost = levels.assign(accuracy=(percent - (levels["level"] > 0)) / 100)
    titles = [row[1] for row in glances(lost) if row[0] == "layer4"]
    assert titles == ["Unpruned", "Sparsest within one point of accuracy"]


def test_the_glance_says_where_even_the_first_level_lost_more(levels: pd.DataFrame) -> None:
    fallen = levels.assign(accuracy=0.9 - 0.2 * levels["level"])
    assert [row[1] for row in glances(fallen) if row[0] == "layer4"] == ["Unpruned", "Sparsest"]


def test_each_layer_has_a_table_of_replicates_and_levels(levels: pd.DataFrame) -> None:
    tables = tabulate_levels(levels)
    assert list(tables) == ["layer4", "layer3"]
    groups = tables["layer4"].groups
    assert [group.title for group in groups] == ["Replicate 0", "Replicate 1"]
    first, second = groups[0].rows[1], groups[0].rows[2]
    assert first[:2] == ["1", "64 %"]
    assert first[6:] == [
        *(Noted("33.3 %", "1 of 3"), Noted("100.0 %", "1 of 1")),
        *("1 / 1", "1 / 1", "0 / 0"),
    ]
    assert second[7] == Noted("–", "0 of 0")
    assert [column.title for column in tables["layer4"].columns][-3:] == [
        "color",
        "object",
        "scene",
    ]


def test_descriptions_say_where_the_lines_start_and_end(levels: pd.DataFrame) -> None:
    captions = write_captions(Shown(levels=levels))
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
