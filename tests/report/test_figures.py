import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from prunescope.report.figures import (
    accuracy_figure,
    consistency_figure,
    draw_figures,
    interpretability_figure,
    render_figures,
    taxonomy_figure,
)
from prunescope.report.more_figures import (
    chance_figure,
    classes_figure,
    ious_figure,
    survival_figure,
)
from prunescope.report.panels import Shown
from prunescope.report.settings import FigureSettings
from prunescope.report.style import DARK, LIGHT, darkened

NAMES = ("fig1_accuracy", "fig2_interpretability", "fig3_taxonomy", "fig4_consistency")


@pytest.fixture(scope="module")
def one_layer(levels: pd.DataFrame) -> pd.DataFrame:
    return levels[levels["layer"] == "layer4"]


@pytest.fixture(scope="module")
def drawn(one_layer: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return draw_figures(Shown(levels=one_layer), tmp_path_factory.mktemp("run") / "figures")


def test_they_come_in_the_formats_asked_for(one_layer: pd.DataFrame, tmp_path: Path) -> None:
    asked = draw_figures(Shown(levels=one_layer), tmp_path / "figures", ("png",))
    assert {path.suffix for path in asked} == {".png", ".svg"}
    assert len(asked) == 2 * len(NAMES)


def test_other_formats_change_the_key_of_figures_alone() -> None:
    assert FigureSettings().for_key() == {"lines": "means"}
    assert FigureSettings(formats=("pdf",)).for_key() == {"lines": "means", "formats": ["pdf"]}


def test_four_figures_come_in_three_forms(drawn: list[Path]) -> None:
    expected = [f"{name}.{form}" for name in NAMES for form in ("pdf", "png", "svg")]
    assert [path.name for path in drawn] == expected
    starts = {".pdf": b"%PDF", ".png": b"\x89PNG", ".svg": b"<?xml"}
    assert all(path.read_bytes().startswith(starts[path.suffix]) for path in drawn)


def test_pictures_have_200_dots_per_inch_at_column_width(drawn: list[Path]) -> None:
    with Image.open(drawn[1]) as picture:
        assert picture.width == 660


@pytest.mark.long
def test_equal_levels_give_equal_bytes(drawn: list[Path], one_layer: pd.DataFrame) -> None:
    again = render_figures(Shown(levels=one_layer), ("png", "svg", "pdf"), LIGHT)
    for path in drawn:
        assert again[path.stem][path.suffix.removeprefix(".")] == path.read_bytes()
    alone = render_figures(Shown(levels=one_layer), ("svg",), LIGHT)  # whatever else it is drawn as
    assert all(forms["svg"] == again[name]["svg"] for name, forms in alone.items())


def test_no_date_and_no_version_is_in_a_file(drawn: list[Path]) -> None:
    for path in drawn:
        content = path.read_bytes()
        for noise in (b"Date", b"Creator", b"Software", b"Producer", b"matplotlib.org"):
            assert noise not in content, f"{path.name} holds {noise!r}"


def test_a_dark_figure_is_a_light_one_in_other_colours(one_layer: pd.DataFrame) -> None:
    light, dark = (
        render_figures(Shown(levels=one_layer), ("svg",), theme) for theme in (LIGHT, DARK)
    )
    for name, drawn in dark.items():
        assert _numbered(darkened(light[name]["svg"])) == _numbered(drawn["svg"])
        assert LIGHT.ink.encode() not in drawn["svg"]


def _numbered(svg: bytes) -> bytes:
    """Return a figure with its markers numbered, whose names depend on their colours."""
    names: dict[bytes, bytes] = {}
    return re.sub(rb"\bm[0-9a-f]{10}\b", lambda m: names.setdefault(m[0], b"%d" % len(names)), svg)


def test_fig_1_shows_accuracy_once_per_network(levels: pd.DataFrame) -> None:
    [axes] = accuracy_figure(Shown(levels=levels, lines="replicates"), LIGHT).axes
    lines = [line.get_xydata() for line in axes.get_lines()]
    assert len(lines) == 2
    np.testing.assert_allclose(lines[0], [[100, 90], [64, 89.2], [40.96, 86.8]])
    np.testing.assert_allclose(lines[1], [[100, 89.8], [64, 89.0], [40.96, 86.6]])


def test_fig_2_shows_units_and_concepts_with_a_row_per_layer(levels: pd.DataFrame) -> None:
    panels = interpretability_figure(Shown(levels=levels), LIGHT).axes
    assert [axes.get_title(loc="left") or axes.get_title() for axes in panels] == [
        "Interpretable units, layer4",
        "Distinct concepts, layer4",
        "Interpretable units, layer3",
        "Distinct concepts, layer3",
    ]
    assert panels[0].get_lines()[0].get_ydata().tolist() == [3, 2, 1]
    assert panels[1].get_lines()[0].get_ydata().tolist() == [2, 2, 1]


def test_fig_3_shows_means_or_the_first_replicate_alone(one_layer: pd.DataFrame) -> None:
    other = one_layer[one_layer["replicate"] == 1].assign(color_concepts=3)
    both = pd.concat([one_layer[one_layer["replicate"] == 0], other])
    [means] = taxonomy_figure(Shown(levels=both), LIGHT).axes
    assert means.get_lines()[0].get_ydata().tolist() == [2, 2, 1.5]
    panels = taxonomy_figure(Shown(levels=both, lines="replicates"), LIGHT).axes
    assert len(panels) == 1
    assert [line.get_label() for line in panels[0].get_lines()] == ["color", "object"]
    assert panels[0].get_lines()[0].get_ydata().tolist() == [1, 1, 0]


@pytest.mark.parametrize(
    ("strategies", "shape"), [(1, (1, 1)), (4, (1, 4)), (5, (2, 3)), (9, (3, 3))]
)
def test_fig_3_breaks_into_rows_where_strategies_are_many(
    one_layer: pd.DataFrame, strategies: int, shape: tuple[int, int]
) -> None:
    parts = [one_layer.assign(strategy=f"s{number}") for number in range(strategies)]
    panels = taxonomy_figure(Shown(levels=pd.concat(parts)), LIGHT).axes
    assert [axes.get_title().partition(",")[0] for axes in panels[1:]] == [
        f"s{number}" for number in range(1, strategies)
    ]
    assert panels[0].get_gridspec().get_geometry() == shape
    assert all(axes.get_xlabel() for axes in panels[-shape[1] :])  # also above an empty place


def test_fig_4_shows_shares_and_leaves_the_undefined_out(levels: pd.DataFrame) -> None:
    still, same, *_ = consistency_figure(Shown(levels=levels), LIGHT).axes
    np.testing.assert_allclose(still.get_lines()[0].get_ydata(), [100, 100 / 3, 0])
    np.testing.assert_allclose(same.get_lines()[0].get_ydata(), [100, 100, np.nan])
    assert still.get_ylim() == same.get_ylim()


def test_the_unpruned_level_alone_can_be_drawn(one_layer: pd.DataFrame) -> None:
    unpruned = one_layer[one_layer["level"] == 0]
    assert set(render_figures(Shown(levels=unpruned), ("svg",), LIGHT)) == set(NAMES)


def test_no_concept_at_all_can_be_drawn(levels: pd.DataFrame) -> None:
    counts = [name for name in levels.columns if name.endswith(("_concepts", "_units"))]
    nothing = levels.assign(**dict.fromkeys([*counts, "interpretable", "concepts"], 0))
    [axes, *_] = taxonomy_figure(Shown(levels=nothing), LIGHT).axes
    assert not axes.get_lines()
    assert axes.get_ylim()[0] == 0


def test_each_of_more_than_three_strategies_has_a_panel(one_layer: pd.DataFrame) -> None:
    pruned = one_layer[one_layer["level"] > 0]
    parts = [pruned.assign(strategy=f"s{number}") for number in range(5)]
    levels = pd.concat([one_layer[one_layer["level"] == 0], *parts])
    panels = interpretability_figure(Shown(levels=levels), LIGHT).axes
    titles = [axes.get_title(loc="left") or axes.get_title() for axes in panels]
    assert titles == [f"s{number}" for number in range(5)] * 2
    assert [axes.get_ylabel() for axes in panels if axes.get_ylabel()] == [
        *["Interpretable units\nlayer4"] * 2,
        *["Distinct concepts\nlayer4"] * 2,
    ]
    assert all(len(axes.get_lines()) == 5 for axes in panels)
    assert len({axes.get_ylim() for axes in panels[:5]}) == 1
    three = pd.concat([levels[levels["strategy"].isin(["dense", "s0", "s1", "s2"])]])
    assert len(interpretability_figure(Shown(levels=three), LIGHT).axes) == 2


def test_fig_4_shows_what_dense_twins_and_chance_would_leave(one_layer: pd.DataFrame) -> None:
    twins = one_layer[one_layer["level"] == 1].assign(strategy="twin-1", same_concept=0.5)
    chances = {"still_interpretable_chance": 0.75, "same_concept_chance": 0.1}
    figure = consistency_figure(Shown(levels=one_layer.assign(**chances), twins=twins), LIGHT)
    still, same = figure.axes
    _, ceiling, chance = still.get_lines()
    assert ceiling.get_ydata() == pytest.approx([100 / 3] * 2)
    assert chance.get_ydata() == pytest.approx([75] * 3)
    assert same.get_lines()[1].get_ydata() == pytest.approx([50] * 2)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        *("dense twins", "by chance")
    ]


def made_units(levels: pd.DataFrame, ious: dict[int, list[float]]) -> pd.DataFrame:
    """Return units of these best IoUs, by level."""
    rows = [
        {**{name: row[name] for name in ("replicate", "strategy", "level", "layer")}, "iou": iou}
        for row in levels.to_dict("records")
        for iou in ious[row["level"]]
    ]
    return pd.DataFrame(rows)


def test_ious_are_drawn_as_median_and_bands(one_layer: pd.DataFrame) -> None:
    units = made_units(one_layer, {0: [0.1, 0.2, 0.3], 1: [0.1, 0.1, np.nan], 2: [0.0, 0.0, 0.0]})
    [axes] = ious_figure(Shown(levels=one_layer, units=units), LIGHT).axes
    [median] = axes.get_lines()
    np.testing.assert_allclose(median.get_xydata(), [[100, 0.2], [64, 0.1], [40.96, 0]])
    assert len(axes.collections) == 2


def test_survival_and_chance_are_drawn_where_the_table_has_them(one_layer: pd.DataFrame) -> None:
    more = one_layer.assign(concept_survival=[1.0, 0.5, 0.25] * 2, discoveries=[2, 1, 0] * 2)
    [axes] = survival_figure(Shown(levels=more), LIGHT).axes
    assert axes.get_lines()[0].get_ydata().tolist() == [100, 50, 25]
    plain, beyond = chance_figure(Shown(levels=more), LIGHT).axes
    assert beyond.get_lines()[0].get_ydata().tolist() == [2, 1, 0]
    assert plain.get_ylim() == beyond.get_ylim()
    assert set(render_figures(Shown(levels=more), ("svg",), LIGHT)) == {
        *NAMES,
        *("survival", "chance"),
    }


def test_the_classes_that_changed_most_stand_with_their_intervals() -> None:
    rows = [
        {
            **{"strategy": "lottery", "level": level, "class": f"c{number}", "images": 50},
            **{"difference": (number - 9) / 100 * level, "low": -0.2, "high": 0.2},
        }
        for level in (1, 2)
        for number in range(20)
    ]
    levels = pd.DataFrame({"layer": ["layer4"], "strategy": ["dense"], "keep": [1.0], "level": [0]})
    [axes] = classes_figure(Shown(levels=levels, classes=pd.DataFrame(rows)), LIGHT).axes
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert len(names) == 12
    assert (names[0], names[-1]) == ("c0", "c19")
    assert (axes.get_title(loc="left") or axes.get_title()) == "lottery, level 2"
    [_, dots] = axes.get_lines()
    assert dots.get_xdata()[-1] == pytest.approx(20)


def test_a_strategy_keeps_its_colour_beside_its_twin() -> None:
    rows = [
        {"strategy": name, "level": level, "class": "c", "difference": 0, "low": -1, "high": 1}
        for name, level in (("twin-1", 0), ("lottery", 1), ("random", 1))
    ]
    keys = {"layer": "layer4", "keep": 1.0, "level": 1}
    levels = pd.DataFrame([keys | {"strategy": name} for name in ("lottery", "random")])
    panels = classes_figure(Shown(levels=levels, classes=pd.DataFrame(rows)), LIGHT).axes
    titles = [axes.get_title(loc="left") or axes.get_title() for axes in panels]
    assert titles == ["lottery, level 1", "random, level 1", "dense twin 1"]
    colours = [axes.get_lines()[-1].get_color() for axes in panels]
    assert colours == [*LIGHT.palette[:2], LIGHT.ink]
