from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from prunescope.report.curves import curves_of, has_bands, means_of, strategies_of
from prunescope.report.lines import (
    draw_categories,
    draw_curves,
    draw_legend,
    keys_of,
    name_line_ends,
    spread_labels,
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
    draw_curves(axes, two_strategies, "concepts", LIGHT, lines="replicates")
    looks = {(line.get_linestyle(), line.get_marker()) for line in axes.get_lines()}
    assert len(looks) == len(axes.get_lines()) == 4


def test_means_stand_for_all_replicates(two_strategies: pd.DataFrame) -> None:
    axes = Figure().subplots()
    draw_curves(axes, two_strategies, "accuracy", LIGHT, scale=100)
    lines = axes.get_lines()
    assert len(lines) == 2
    assert lines[0].get_ydata().tolist() == pytest.approx([89.9, 89.1, 86.7])
    assert len({(line.get_linestyle(), line.get_marker()) for line in lines}) == 2


def test_a_band_is_the_students_interval_of_the_mean() -> None:
    rows = [
        {"replicate": r, "strategy": "dense", "level": 0, "keep": 1.0, "concepts": value}
        for r, value in enumerate([10, 12, 14])
    ]
    means = means_of(pd.DataFrame(rows), "lottery", "concepts")
    half = 4.302652729911275 * 2 / 3**0.5
    assert (means.mean[0], means.low[0], means.high[0]) == pytest.approx((12, 12 - half, 12 + half))


def test_two_replicates_have_no_band(levels: pd.DataFrame) -> None:
    of_layer = levels[levels["layer"] == "layer4"]
    assert np.isnan(means_of(of_layer, "rewind", "concepts").low).all()
    assert not has_bands(of_layer, "means")
    three = pd.concat([of_layer, of_layer[of_layer["replicate"] == 1].assign(replicate=2)])
    assert has_bands(three, "means")
    assert not has_bands(three, "replicates")


def test_what_is_undefined_in_some_replicates_is_the_mean_of_the_others() -> None:
    rows = [
        {"replicate": r, "strategy": "dense", "level": 0, "keep": 1.0, "same_concept": value}
        for r, value in enumerate([0.5, float("nan"), 0.7])
    ]
    assert means_of(pd.DataFrame(rows), "lottery", "same_concept").mean[0] == pytest.approx(0.6)


def test_strategies_that_do_not_stand_out_are_grey(two_strategies: pd.DataFrame) -> None:
    axes = Figure().subplots()
    draw_curves(axes, two_strategies, "concepts", LIGHT, shown=["fine-tune"])
    grey, shown = axes.get_lines()
    assert (grey.get_color(), shown.get_color()) == (LIGHT.faint, LIGHT.palette[1])


def test_the_legend_names_strategies_and_replicates(two_strategies: pd.DataFrame) -> None:
    figure = Figure(layout="constrained")
    draw_legend(figure, keys_of(two_strategies, LIGHT, "replicates"))
    [legend] = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [
        "rewind",
        "fine-tune",
        "replicate 0",
        "replicate 1",
    ]


def test_a_legend_too_wide_for_its_figure_reads_row_by_row(two_strategies: pd.DataFrame) -> None:
    figure = Figure(figsize=(3.3, 2.5), layout="constrained")
    draw_legend(figure, keys_of(two_strategies, LIGHT, "replicates"))
    columns = [text.get_text() for text in figure.legends[0].get_texts()]
    assert columns == ["rewind", "replicate 1", "fine-tune", "replicate 0"]


def test_one_curve_needs_no_legend(levels: pd.DataFrame) -> None:
    figure = Figure(layout="constrained")
    draw_legend(figure, keys_of(levels[levels["replicate"] == 0], LIGHT, "replicates"))
    draw_legend(figure, keys_of(levels, LIGHT, "means"))
    assert not figure.legends


def test_categories_are_named_at_their_ends_and_empty_ones_left_out(levels: pd.DataFrame) -> None:
    axes = Figure().subplots()
    of_layer = levels[levels["layer"] == "layer4"]
    draw_categories(axes, of_layer, "rewind", ("color", "object", "scene"), LIGHT)
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
