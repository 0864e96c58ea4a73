"""Do the plots show what the results say?"""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from layers import make_layer, save_run
from prunescope import dissect
from prunescope.base.errors import ConfigError, DataError
from prunescope.concepts.sources.broden import BrodenFolder
from prunescope.report import run_plots
from prunescope.report.plots import (
    plot_comparison,
    plot_concepts,
    plot_examples,
    plot_units,
)
from prunescope.report.run_plots import plot_quantiles, plot_thresholds
from prunescope.report.views import as_text
from prunescope.results.dissection import Dissection, LayerDissection
from prunescope.results.run import Run
from prunescope.statistics.compare import compare

LAYER = make_layer({"red": 200}, {"cat": 300}, {"dog": 100}, {"cat": 200}, {"dog": 20}, {})


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    pyplot.close("all")


def bars(axes: Axes) -> dict[str, float]:
    """Return the length of each bar by its name."""
    names = [label.get_text() for label in axes.get_yticklabels()]
    return dict(zip(names, [patch.get_width() for patch in axes.patches], strict=True))  # type: ignore[attr-defined]


def texts(axes: Axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


def test_a_bar_is_a_category_as_long_as_its_units() -> None:
    axes = plot_units(LAYER)
    assert bars(axes) == {"color": 1, "object": 3}
    assert texts(axes) == ["1 · 1 concept", "3 · 2 concepts"]
    assert axes.get_title(loc="left") == "Interpretable units, layer4: 4 of 6"
    assert axes.figure is pyplot.gcf()


def test_the_concepts_of_most_units_come_first() -> None:
    axes = plot_concepts(Dissection(layers={"layer4": LAYER}))
    assert list(bars(axes).items()) == [("cat", 2), ("red", 1), ("dog", 1)]
    assert texts(axes)[0] == f"2 · IoU up to {300 / 1700:.2f}, object"
    assert list(bars(plot_concepts(LAYER, most=1))) == ["cat"]


def test_it_draws_into_the_axes_it_is_given() -> None:
    own = Figure().subplots()
    assert plot_units(LAYER, axes=own) is own
    assert bars(own) == {"color": 1, "object": 3}
    assert not pyplot.get_fignums()


def test_a_layer_without_any_is_drawn_empty() -> None:
    none = make_layer({}, {"dog": 20})
    assert bars(plot_units(none)) == {"color": 0, "object": 0}
    assert bars(plot_concepts(none)) == {}


def test_the_users_own_settings_of_matplotlib_stay() -> None:
    before = dict(pyplot.rcParams)
    plot_units(LAYER)
    assert dict(pyplot.rcParams) == before


@pytest.fixture
def shown(dissection: Path) -> LayerDissection:
    """A layer with saved examples on the three plain pictures."""
    layer = make_layer({"red": 200}, {"cat": 200}, {}, {"cat": 20})
    units = layer.units.assign(threshold=0.5)
    examples = pd.read_parquet(dissection / "examples.parquet")
    return replace(layer, units=units, examples=examples)


def test_examples_stand_in_a_row_for_each_unit_outside_its_mask_dimmed(
    shown: LayerDissection, photographs
) -> None:
    panels = plot_examples(shown, [1, 2], photographs, images=2)
    assert panels.shape == (2, 2)
    titles = [row[0].get_title(loc="left") for row in panels]
    assert titles == [f"unit 1: cat, IoU {200 / 1800:.2f}", "unit 2: no concept"]
    for axes in panels.flat:
        [picture] = axes.get_images()
        pixels = np.asarray(picture.get_array())
        assert pixels[:, :40].mean() > 1.5 * pixels[:, -40:].mean()


def test_examples_of_another_set_are_refused(shown: LayerDissection, photographs) -> None:
    other = replace(photographs, images=("x.png", "y.png", "z.png"))
    with pytest.raises(DataError, match="has no image"):
        plot_examples(shown, 0, other)


def test_examples_of_a_part_of_a_set_are_found_in_all_of_it(
    drawn: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3, padding=1))
    form = {"resolution": 32, "mean": (0.5,) * 3, "std": (0.25,) * 3}
    name = f"broden:{drawn}"
    found = dissect(network, "0", name, split="val", quantile=0.02, examples=2, **form)
    [first] = found["0"].examples["image"][:1]
    read: list[Path] = []
    own = BrodenFolder.read_image
    monkeypatch.setattr(
        BrodenFolder,
        "read_image",
        lambda self, index: read.append(self.images[index]) or own(self, index),
    )
    plot_examples(found, 0, name, images=1)
    assert read == [first]


@pytest.mark.parametrize("asked", [{"units": 4}, {"units": []}, {"units": 0, "images": 0}])
def test_examples_that_are_not_there_are_refused(
    shown: LayerDissection, photographs, asked: dict[str, object]
) -> None:
    with pytest.raises(ConfigError, match="units 0 to 3"):
        plot_examples(shown, concepts=photographs, **asked)  # type: ignore[arg-type]


SEVERAL = Dissection(layers={"layer3": make_layer({"cat": 300}, name="layer3"), "layer4": LAYER})


def test_several_layers_have_a_panel_each() -> None:
    units, concepts = plot_units(SEVERAL), plot_concepts(SEVERAL, most=2)
    assert units.shape == concepts.shape == (2, 1)
    assert [bars(row[0]) for row in units] == [{"color": 0, "object": 1}, {"color": 1, "object": 3}]
    assert [list(bars(row[0])) for row in concepts] == [["cat"], ["cat", "red"]]


def test_what_takes_one_layer_asks_for_it() -> None:
    with pytest.raises(ConfigError, match=r'result\["layer3"\] or result\["layer4"\]'):
        plot_units(SEVERAL, axes=Figure().subplots())
    with pytest.raises(ConfigError, match="most is 0"):
        plot_concepts(LAYER, most=0)


def test_layers_stand_side_by_side_with_their_sums() -> None:
    units, concepts = run_plots.plot_layers(SEVERAL)[0]
    assert [label.get_text() for label in units.get_yticklabels()] == ["layer3", "layer4"]
    widths = [patch.get_width() for patch in units.patches]
    assert widths == [0, 1, 1, 3]  # color of both, then object of both
    assert texts(units) == ["1", "4"]
    assert texts(concepts) == ["1", "3"]


def test_layers_of_a_run_are_shown_unpruned_and_at_the_sparsest_level(tmp_path: Path) -> None:
    other = make_layer({"cat": 300}, {"red": 200}, name="layer3")
    fewer = make_layer({"cat": 300}, {}, name="layer3")
    levels = {
        (replicate, strategy, level): [LAYER, layer]
        for replicate, last in ((0, fewer), (1, other))
        for strategy, level, layer in (
            ("dense", 0, other),
            ("lottery", 1, other),
            ("lottery", 2, last),
        )
    }
    units, _ = run_plots.plot_layers(save_run(tmp_path, levels))[0]
    assert [label.get_text() for label in units.get_yticklabels()] == [
        "layer4, unpruned",
        "layer4, lottery, 64 %",
        "layer3, unpruned",
        "layer3, lottery, 64 %",
    ]
    assert texts(units) == ["4", "4", "2", "1.5"]


def test_ious_of_layers_have_a_row_each_with_their_median() -> None:
    [[axes]] = run_plots.plot_ious(SEVERAL)
    medians = [float(line.get_xdata()[0]) for line in axes.get_lines() if line.get_marker() == "o"]
    expected = [layer.units["iou"].fillna(0).median() for layer in SEVERAL.layers.values()]
    assert medians == pytest.approx(expected)


def test_chance_of_layers_stands_beside_all_that_is_interpretable() -> None:
    with pytest.raises(ConfigError, match="layer3 has no draws of chance"):
        run_plots.plot_chance(SEVERAL)
    chance = {"discoveries": 3, "concepts": 2}
    layer = replace(LAYER, summary=LAYER.summary | {"chance": chance})
    units, concepts = run_plots.plot_chance({"mine": layer})[0]
    assert texts(units) == ["3 of 4"]
    assert texts(concepts) == ["2 of 3"]
    chance = {"discoveries": 1, "concepts": 1, "undecided": 2}
    layer = replace(LAYER, summary=LAYER.summary | {"chance": chance})
    units, concepts = run_plots.plot_chance({"mine": layer})[0]
    assert texts(units) == ["1 of 4, 2 undecided"]
    assert texts(concepts) == ["at least 1 of 3"]


def test_thresholds_of_a_run_are_means_of_the_sparsest_levels(tmp_path: Path) -> None:
    fewer = make_layer({"red": 200}, {"cat": 300}, {}, {}, {"dog": 20}, {})
    levels = {
        (replicate, strategy, level): [layer]
        for replicate, last in ((0, fewer), (1, LAYER))
        for strategy, level, layer in (("dense", 0, LAYER), ("lottery", 1, last))
    }
    panels = plot_thresholds(save_run(tmp_path, levels))
    assert panels.shape == (1, 2)
    unpruned, pruned = panels[0, 0].get_lines()
    assert [unpruned.get_label(), pruned.get_label()] == ["unpruned", "lottery, 80 %"]
    assert unpruned.get_ydata()[10] == 4
    assert pruned.get_ydata()[10] == 3


@pytest.mark.parametrize("plot", ["layers", "ious", "chance", "thresholds"])
def test_what_is_no_result_is_refused(plot: str) -> None:
    with pytest.raises(ConfigError, match="is no dissection"):
        getattr(run_plots, f"plot_{plot}")({})


def test_a_comparison_is_drawn_with_its_counts() -> None:
    other = make_layer({"red": 200}, {"dog": 300}, {}, {"cat": 200}, {"dog": 20}, {})
    panels = plot_comparison(compare(LAYER, other))
    assert panels.shape == (1, 2)
    assert [axes.get_title(loc="left") for axes in panels[0]] == [
        "Interpretable units, layer4",
        "Distinct concepts, layer4",
    ]
    assert {"1 → 1", "3 → 2"} <= set(texts(panels[0, 0]))


@pytest.mark.parametrize(
    ("name", "shape"),
    [("accuracy", (1, 1)), ("interpretability", (1, 2)), ("taxonomy", (1, 1)),
     ("consistency", (1, 2))],
)  # fmt: skip
def test_the_papers_figures_of_a_run(tmp_path: Path, name: str, shape: tuple[int, int]) -> None:
    run = Run.load(save_run(tmp_path, {(0, "dense", 0): [LAYER], (0, "lottery", 1): [LAYER]}))
    panels = getattr(run_plots, f"plot_{name}")(run)
    assert panels.shape == shape
    x, y = panels[0, 0].get_lines()[0].get_data()
    assert list(x) == [100.0, 80.0]
    first = {"accuracy": 90.0, "interpretability": 4, "taxonomy": 1, "consistency": 100.0}
    assert list(y) == pytest.approx([first[name]] * 2)
    again = getattr(run_plots, f"plot_{name}")(tmp_path)
    assert again.shape == shape


def test_two_runs_are_drawn_by_level(tmp_path: Path) -> None:
    levels = {(0, "dense", 0): [LAYER], (0, "lottery", 1): [LAYER]}
    runs = [save_run(tmp_path / name, levels) for name in "ab"]
    assert plot_comparison(compare(*runs)).shape == (1, 2)


def test_thresholds_have_a_line_per_layer_and_mark_the_one_used() -> None:
    panels = plot_thresholds({"a": LAYER, "b": LAYER})
    units, concepts = panels[0]
    first, second, used = units.get_lines()
    assert first.get_ydata().tolist() == second.get_ydata().tolist()
    assert first.get_ydata()[0] == 5  # with an IoU above 0
    assert list(used.get_xdata()) == [0.05, 0.05]
    assert first.get_ydata()[10] == LAYER.units["interpretable"].sum()
    assert concepts.get_lines()[0].get_ydata()[10] == 3
    assert plot_thresholds(LAYER).shape == (1, 2)
    with pytest.raises(ConfigError, match="is no dissection"):
        plot_thresholds({})


def at_quantiles(layer: LayerDissection) -> LayerDissection:
    """Return a layer that was counted at 0.001, where unit 0 sees red, and at 0.02, where none."""
    units = len(layer.units)
    rows = pd.DataFrame({"quantile": np.repeat([0.001, 0.02], units), "unit": [*range(units)] * 2})
    red = np.where((rows["unit"] == 0) & (rows["quantile"] == 0.001), 0.06, 0.0)
    table = rows.assign(
        threshold=1.0, color_label=1, color_iou=red, object_label=pd.NA, object_iou=np.nan
    )
    return replace(layer, quantiles=table)


def test_quantiles_have_a_line_per_layer_and_mark_the_one_of_the_tables() -> None:
    panels = plot_quantiles({"a": at_quantiles(LAYER), "b": LAYER})
    line, used = panels[0, 0].get_lines()
    assert line.get_xdata().tolist() == [0.001, 0.005, 0.02]
    assert line.get_ydata().tolist() == [1, LAYER.units["interpretable"].sum(), 0]
    assert list(used.get_xdata()) == [0.005, 0.005]
    assert panels[0, 0].get_xscale() == "log"
    with pytest.raises(ConfigError, match="layer4 was dissected at one quantile only"):
        plot_quantiles(LAYER)


def test_the_counts_at_every_quantile_are_shown() -> None:
    text = as_text(Dissection(layers={"layer4": at_quantiles(LAYER)}))
    assert re.search(
        r"quantile +units +concepts\n.*0.001 +1 +1\n.*0.005 +\d+ +3\n.*0.02 +0 +0", text
    )
    assert "quantile" not in as_text(Dissection(layers={"layer4": LAYER}))


def test_what_a_run_does_not_hold_is_said(tmp_path: Path) -> None:
    run = save_run(tmp_path, {(0, "dense", 0): [LAYER], (0, "lottery", 1): [LAYER]})
    assert run_plots.plot_survival(run).shape == run_plots.plot_ious(run).shape == (1, 1)
    with pytest.raises(ConfigError, match=r'have no discoveries: set dissection\."null"'):
        run_plots.plot_chance(run)


def test_classes_are_drawn_by_strategy(tmp_path: Path) -> None:
    run = save_run(tmp_path, {(0, "dense", 0): [LAYER], (0, "lottery", 1): [LAYER]})
    rows = {"before": 0.5, "after": 0.4, "difference": -0.1, "low": -0.2, "high": 0.0}
    table = pd.DataFrame(
        [{"strategy": "lottery", "level": 1, "class": "cat", "images": 9, "replicates": 1} | rows]
    )
    table.to_csv(run / "tables" / "classes.csv", index=False)
    [[axes]] = run_plots.plot_classes(run)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["cat"]
