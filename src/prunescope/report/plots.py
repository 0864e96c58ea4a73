"""How is a result plotted from Python? As axes of matplotlib, to change or to save."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from prunescope.base.errors import ConfigError
from prunescope.base.text import a_kind, counted
from prunescope.comparison.dissections import Comparison
from prunescope.comparison.runs import RunComparison
from prunescope.concepts import open_concepts
from prunescope.concepts.protocol import ConceptSet
from prunescope.dissection.conventions import convention_of
from prunescope.report.axes import Panels, draw_on_axes
from prunescope.report.comparison_figure import comparison_names, outcomes_figure
from prunescope.report.examples import draw_saved
from prunescope.report.panels import Shown
from prunescope.report.quantile_figure import level_quantiles_figure
from prunescope.report.run_comparison_figure import levels_figure
from prunescope.report.style import LIGHT, PANEL_INCHES, drawing, names_in, new_figure
from prunescope.report.threshold_figure import quantiles_figure, thresholds_figure
from prunescope.results.dissection import Dissection, LayerDissection
from prunescope.results.layout import TABLES
from prunescope.results.quantiles import read_level_quantiles
from prunescope.results.run import Run

_BAR_INCHES = 0.21
_FRAME_INCHES = 0.55
_EXAMPLE_INCHES = 1.35


def plot_units(result: Dissection | LayerDissection, *, axes: Axes | None = None) -> Axes:
    """Draw a layer's interpretable units by the category of their concept, and return the axes.

    A bar is a category, as long as its units; beside it stand its distinct concepts (what Frankle &
    Bau 2019 count in Figure 3). Categories without any stand with 0.

    result: one layer, or a dissection of one. axes: where to draw; a figure of its own when None.
    Raises ConfigError for a dissection of several layers: take one, `result["layer4"]`.
    """
    layer = _one_layer(result)
    counts = layer.summary["by_category"]
    bars = [
        (name, within["units"], f"{within['concepts']:,} concept{'s' * (within['concepts'] != 1)}")
        for name, within in counts.items()
    ]
    share = f"{layer.summary['interpretable']:,} of {layer.summary['units']:,}"
    return _draw_bars(axes, f"Interpretable units, {layer.layer}: {share}", bars)


def plot_concepts(
    result: Dissection | LayerDissection, *, most: int = 20, axes: Axes | None = None
) -> Axes:
    """Draw the concepts of most interpretable units in a layer, and return the axes.

    A bar is a concept, as long as its units; beside it stands the highest IoU among them. Equal
    numbers are ordered by that IoU.

    result: one layer, or a dissection of one. most: how many concepts, at least 1.
    axes: where to draw; a figure of its own when None.
    Raises ConfigError for a dissection of several layers, or a `most` below 1.
    """
    layer = _one_layer(result)
    if most < 1:
        raise ConfigError(f"most is {most}, but must be at least 1")
    units = layer.units[layer.units["interpretable"].astype(bool)]
    groups = units.groupby(["category", "concept"])["iou"].agg(["size", "max"]).reset_index()
    order = groups.sort_values(["size", "max"], ascending=False, kind="stable").head(most)
    bars = [
        (str(row["concept"]), int(row["size"]), f"IoU up to {row['max']:.2f}, {row['category']}")
        for row in order.to_dict("records")
    ]
    shown = f"{len(order):,} of {len(groups):,}"
    return _draw_bars(axes, f"Concepts by units, {layer.layer}: {shown}", bars)


def plot_thresholds(
    results: Dissection | LayerDissection | Mapping[str, LayerDissection],
) -> Panels:
    """Draw units (left) and concepts (right) above each IoU threshold; return the axes (1, 2).

    results: a dissection, whose layers have a line each, one layer, or layers by names of your own,
    such as the levels of a run. The vertical line marks the threshold they were dissected with.
    """
    layers = _by_name(results)
    return draw_on_axes(thresholds_figure, layers, layers)


def plot_quantiles(
    results: Dissection | LayerDissection | Mapping[str, LayerDissection] | Run,
) -> Panels:
    """Draw units (left) and concepts (right) at each quantile; return the axes.

    results: as for `plot_thresholds`, dissected at several quantiles (`quantiles`): the axis of
    these is logarithmic, and a vertical line marks the quantile of the tables. Of a Run they are
    drawn against the weights left, a line per quantile, a row per layer and strategy.
    Raises ConfigError where there is one quantile only.
    """
    if isinstance(results, Run):
        tables, quantiles = results.tables, read_level_quantiles(results.path / TABLES)
        if quantiles is None:
            raise ConfigError(
                f"{results.path} was dissected at one quantile only: set dissection.quantiles"
            )
        shown = Shown(levels=tables.levels, quantiles=quantiles)
        return draw_on_axes(level_quantiles_figure, shown, names_in(tables.levels))
    layers = _by_name(results)
    if all(layer.quantile_curve() is None for layer in layers.values()):
        raise ConfigError(
            f"{' and '.join(layers)} {'was' if len(layers) == 1 else 'were'} dissected at one "
            "quantile only: dissect with others, too (--quantiles 0.001,0.01)"
        )
    return draw_on_axes(quantiles_figure, layers, layers)


def _by_name(
    results: Dissection | LayerDissection | Mapping[str, LayerDissection],
) -> Mapping[str, LayerDissection]:
    layers = {results.layer: results} if isinstance(results, LayerDissection) else results
    if isinstance(layers, Dissection):
        layers = layers.layers
    if not isinstance(layers, Mapping) or not layers:
        raise ConfigError(f"{a_kind(results)} is no dissection: give one, or layers by name")
    return layers


def plot_examples(
    result: Dissection | LayerDissection,
    units: int | Sequence[int],
    concepts: ConceptSet | str,
    *,
    images: int = 6,
) -> Panels:
    """Draw the images on which units peak highest, dimmed outside their masks; return the axes.

    The mask is the saved activation map, upsampled as it was counted, above the unit's threshold
    (Bau et al. 2017; docs/method.md). No network is needed.

    result: one layer, or a dissection of one. units: a number or several, from 0: a row each.
    concepts: the set that it was dissected on, or its name ("scenes", "broden:DIR"); images are
        found in it by their names, so all of it will do where a part was dissected.
    images: columns, at least 1; no more than were saved.
    Raises ConfigError for a unit or a number that cannot be, DataError where the set lacks an
    image that was dissected.
    """
    layer = _one_layer(result)
    chosen = [units] if isinstance(units, int | np.integer) else list(units)
    there = layer.units["unit"].tolist()
    wrong = [unit for unit in chosen if unit not in there]
    if wrong or not chosen or images < 1:
        present = f"units 0 to {max(there):,}" + (
            f", without those that were removed: {len(there):,}" if max(there) >= len(there) else ""
        )
        raise ConfigError(
            f"units {chosen} and {counted(images, 'image')} are asked for, but {layer.layer} "
            f"has {present}, and at least one of each is needed"
        )
    opened = open_concepts(concepts) if isinstance(concepts, str) else concepts
    saved = layer.examples.sort_values(["unit", "rank"])
    rows = [saved[saved["unit"] == unit].head(images).to_dict("records") for unit in chosen]
    named = layer.units.set_index("unit").loc[chosen].to_dict("records")
    side, columns, centring = (
        _EXAMPLE_INCHES,
        max(map(len, rows)),
        convention_of(layer.summary).centring,
    )
    with drawing(LIGHT, [str(about["concept"]) for about in named]):
        figure = new_figure(side * columns, (side + 0.2) * len(chosen), pyplot.figure())
        panels = figure.subplots(len(chosen), columns, squeeze=False)
        for axes in panels.flat:
            axes.set_axis_off()
        for unit, about, examples, row in zip(chosen, named, rows, panels, strict=True):
            row[0].set_title(_name_unit(unit, about))
            for example, axes in zip(examples, row, strict=False):
                axes.imshow(draw_saved(example, about["threshold"], centring, opened))
    return np.array(panels, object)


def plot_comparison(comparison: Comparison | RunComparison) -> Panels:
    """Draw a comparison: kept, relabelled, lost and gained, or two runs' levels; return the axes.

    Of two dissections a row per layer, units left and concepts right: to the right of the line
    what B kept, relabelled and gained, to its left what it lost. Of two runs, units and concepts
    against the weights left. It is the figure that `compare --out` saves.
    """
    if isinstance(comparison, RunComparison):
        return draw_on_axes(levels_figure, comparison, comparison_names(comparison))
    if not isinstance(comparison, Comparison):
        raise ConfigError(f"the comparison is {a_kind(comparison)}: give what `compare` returns")
    return draw_on_axes(outcomes_figure, comparison.summary(), comparison_names(comparison))


def _one_layer(result: Dissection | LayerDissection) -> LayerDissection:
    if isinstance(result, LayerDissection):
        return result
    if not isinstance(result, Dissection):
        raise ConfigError(f"{a_kind(result)} is no dissection: give one, or a layer of it")
    if len(result.layers) != 1:
        choices = " or ".join(f'result["{name}"]' for name in result.layers)
        raise ConfigError(
            f"the dissection has {counted(len(result.layers), 'layer')}: give {choices}"
        )
    return next(iter(result.layers.values()))


def _draw_bars(axes: Axes | None, title: str, bars: Sequence[tuple[str, int, str]]) -> Axes:
    """Draw a bar for each name, its length and a note behind it, the first at the top."""
    with drawing(LIGHT, [name for name, _, _ in bars]):
        if axes is None:
            height = _FRAME_INCHES + _BAR_INCHES * max(1, len(bars))
            axes = new_figure(1.5 * PANEL_INCHES[0], height, pyplot.figure()).subplots()
        lengths = [length for _, length, _ in bars]
        axes.set_title(title)
        axes.barh(range(len(bars)), lengths, height=0.74, color=LIGHT.palette[0], linewidth=0)
        axes.set_yticks(range(len(bars)), labels=[name for name, _, _ in bars])
        axes.set_ylim(max(1, len(bars)) - 0.4, -0.6)
        longest = max([1, *lengths])
        axes.set_xlim(0, 1.45 * longest)
        for row, (_, length, note) in enumerate(bars):
            text = f"{length:,} · {note}"
            axes.text(
                length + 0.015 * longest, row, text, va="center_baseline", fontsize=7,
                color=LIGHT.muted,
            )  # fmt: skip
        axes.grid(visible=True, axis="x")
        axes.grid(visible=False, axis="y")
        axes.spines["left"].set_visible(False)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10], integer=True))
    return axes


def _name_unit(unit: int, row: Any) -> str:
    concept = "no concept" if pd.isna(row["concept"]) else f"{row['concept']}, IoU {row['iou']:.2f}"
    return f"unit {unit}: {concept}"
