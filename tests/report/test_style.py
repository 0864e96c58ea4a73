from itertools import pairwise

import matplotlib as mpl
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from prunescope.report.style import (
    DARK,
    LIGHT,
    Theme,
    count_from_zero,
    drawing,
    percent_text,
    scale_weights_left,
    show_percent,
    spread_ticks,
)

PAPER = [100 * 0.8**level for level in range(16)]


def contrast(colour: str, paper: str) -> float:
    """The ratio of relative luminances that WCAG 2 defines."""

    def luminance(name: str) -> float:
        channels = [
            value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
            for value in mpl.colors.to_rgb(name)
        ]
        return sum(
            weight * channel
            for weight, channel in zip((0.2126, 0.7152, 0.0722), channels, strict=True)
        )

    light, dark = sorted((luminance(colour), luminance(paper)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_lines_and_letters_stand_out_from_the_paper_in_both_themes() -> None:
    for theme in (LIGHT, DARK):
        assert all(contrast(colour, theme.paper) >= 2.7 for colour in theme.palette)
        assert contrast(theme.ink, theme.paper) >= 7
        assert contrast(theme.muted, theme.paper) >= 4.5


def test_percentages_read_as_in_the_paper() -> None:
    assert [percent_text(value) for value in (100.0, 51.2, 40.96, 10.7374, 3.5184, 0.0421)] == [
        "100",
        "51.2",
        "41",
        "10.7",
        "3.5",
        "0.042",
    ]


def test_every_level_is_labelled_where_there_is_room() -> None:
    assert spread_ticks(PAPER[:8]) == PAPER[:8]


def test_many_levels_are_labelled_at_even_distances_with_the_last() -> None:
    labels = [percent_text(percent) for percent in spread_ticks(PAPER)]
    assert labels == ["100", "64", "41", "26.2", "16.8", "10.7", "6.9", "3.5"]


@given(percents=st.lists(st.floats(0.01, 99), min_size=1, unique=True))
def test_labels_never_crowd_and_always_hold_both_ends(percents: list[float]) -> None:
    falling = [100.0, *sorted(percents, reverse=True)]
    labelled = spread_ticks(falling)
    apart = (100 / falling[-1]) ** (1 / 8) * (1 - 1e-6)
    assert labelled[0] == 100
    assert labelled[-1] == falling[-1]
    assert all(left / right >= apart for left, right in pairwise(labelled))


def test_weights_left_fall_to_the_right_on_a_logarithmic_axis() -> None:
    axes = Figure().subplots()
    scale_weights_left(axes, [1.0, 0.64, 0.4096])
    assert axes.get_xscale() == "log"
    left, right = axes.get_xlim()
    assert left > 100
    assert right < 40.96
    assert [label.get_text() for label in axes.get_xticklabels()] == ["100", "64", "41"]


def test_the_unpruned_level_alone_still_has_an_axis() -> None:
    axes = Figure().subplots()
    scale_weights_left(axes, [1.0])
    assert [label.get_text() for label in axes.get_xticklabels()] == ["100"]
    assert axes.get_xlim()[0] > 100 > axes.get_xlim()[1]


def test_panels_of_counts_share_one_scale_from_zero() -> None:
    low, high = Figure().subplots(1, 2)
    low.plot([1, 2], [3, 4])
    high.plot([1, 2], [30, 40])
    count_from_zero([low, high])
    assert low.get_ylim() == high.get_ylim()
    assert low.get_ylim()[0] == 0
    assert low.get_ylim()[1] > 40


def test_small_differences_of_accuracy_are_not_drawn_tall() -> None:
    axes = Figure().subplots()
    axes.plot([1, 2], [76.0, 76.1])
    show_percent(axes, least_span=2.0)
    low, high = axes.get_ylim()
    assert high - low >= 2
    assert low < 76 < high


def test_a_users_own_settings_have_no_say_and_come_back() -> None:
    with mpl.rc_context({"font.size": 30, "axes.grid": False}):
        with drawing(LIGHT):
            assert mpl.rcParams["font.size"] == 8
            assert mpl.rcParams["axes.grid"]
        assert mpl.rcParams["font.size"] == 30


def test_a_theme_has_as_many_colours_in_the_dark() -> None:
    themes: list[Theme] = [LIGHT, DARK]
    assert len({len(theme.palette) for theme in themes}) == 1
