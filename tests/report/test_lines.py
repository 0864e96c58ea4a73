from itertools import pairwise

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from prunescope.report.lines import (
    curves_of,
    draw_categories,
    draw_curves,
    draw_legend,
    name_line_ends,
    spread_labels,
    strategies_of,
)
from prunescope.report.style import LIGHT


@pytest.fixture
def two_strategies(levels: pd.DataFrame) -> pd.DataFrame:
    pruned = levels[levels["strategy"] == "rewind"]
    both = pd.concat([levels, pruned.assign(strategy="fine-tune")])
    return both[both["layer"] == "layer4"]


def test_every_strategys_curve_starts_at_the_shared_level_0(two_strategies: pd.DataFrame) -> None:
    curves = list(curves_of(two_strategies))
    assert [(curve.strategy, curve.replicate) for curve in curves] == [
        ("rewind", 0),
        ("rewind", 1),
        ("fine-tune", 0),
        ("fine-tune", 1),
    ]
    for curve in curves:
        assert curve.rows["level"].tolist() == [0, 1, 2]
        assert curve.rows["strategy"].tolist() == ["dense", curve.strategy, curve.strategy]


def test_level_0_alone_is_a_curve(levels: pd.DataFrame) -> None:
    unpruned = levels[(levels["level"] == 0) & (levels["layer"] == "layer4")]
    assert strategies_of(unpruned) == ["dense"]
    assert [len(curve.rows) for curve in curves_of(unpruned)] == [1, 1]


def test_no_two_lines_differ_by_colour_alone(two_strategies: pd.DataFrame) -> None:
    axes = Figure().subplots()
    draw_curves(axes, two_strategies, "concepts", LIGHT)
    looks = {(line.get_linestyle(), line.get_marker()) for line in axes.get_lines()}
    assert len(looks) == len(axes.get_lines()) == 4


def test_the_legend_names_strategies_and_replicates(two_strategies: pd.DataFrame) -> None:
    figure = Figure(layout="constrained")
    draw_legend(figure, two_strategies, LIGHT)
    [legend] = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [
        "rewind",
        "fine-tune",
        "replicate 0",
        "replicate 1",
    ]


def test_a_legend_too_wide_for_its_figure_reads_row_by_row(two_strategies: pd.DataFrame) -> None:
    figure = Figure(figsize=(3.3, 2.5), layout="constrained")
    draw_legend(figure, two_strategies, LIGHT)
    columns = [text.get_text() for text in figure.legends[0].get_texts()]
    assert columns == ["rewind", "replicate 1", "fine-tune", "replicate 0"]


def test_one_curve_needs_no_legend(levels: pd.DataFrame) -> None:
    figure = Figure(layout="constrained")
    draw_legend(figure, levels[levels["replicate"] == 0], LIGHT)
    assert not figure.legends


def test_categories_are_named_at_their_ends_and_empty_ones_left_out(levels: pd.DataFrame) -> None:
    axes = Figure().subplots()
    [curve, _] = curves_of(levels[levels["layer"] == "layer4"])
    draw_categories(axes, curve.rows, ("color", "object", "scene"), LIGHT)
    name_line_ends(axes)
    assert [text.get_text() for text in axes.texts] == ["color", "object"]
    assert [line.get_ydata().tolist() for line in axes.get_lines()] == [[1, 1, 0], [1, 1, 1]]


def test_labels_move_apart_evenly_around_where_they_belong() -> None:
    assert spread_labels([0.5, 0.5, 0.9], 0.1) == pytest.approx([0.45, 0.55, 0.9])
    assert spread_labels([0.9, 0.1], 0.1) == pytest.approx([0.9, 0.1])
    assert spread_labels([], 0.1) == []


@given(heights=st.lists(st.floats(0, 1), max_size=8))
def test_labels_keep_their_order_and_their_distance(heights: list[float]) -> None:
    spread = spread_labels(heights, 0.1)
    pairs = sorted(zip(heights, spread, strict=True))
    places = [place for _, place in pairs]
    assert all(b - a >= 0.1 - 1e-9 for a, b in pairwise(places))
    assert sum(spread) == pytest.approx(sum(heights))
