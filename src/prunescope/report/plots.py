"""How is a result plotted from Python? As axes of matplotlib, to change or to save."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from prunescope.base.errors import ConfigError
from prunescope.base.text import a_kind, counted
from prunescope.comparison.dissections import Comparison
from prunescope.comparison.runs import RunComparison
from prunescope.concepts import open_concepts
from prunescope.concepts.protocol import ConceptSet
from prunescope.dissection.conventions import convention_of
from prunescope.report.axes import Panels, draw_on_axes, named_layers, shown_figure
from prunescope.report.comparison_figure import comparison_names, outcomes_figure
from prunescope.report.examples import draw_saved
from prunescope.report.run_comparison_figure import levels_figure
from prunescope.report.style import LIGHT, PANEL_INCHES, drawing, new_figure
from prunescope.results.dissection import Dissection, LayerDissection

Bars: TypeAlias = tuple[str, list[tuple[str, int, str]]]
"""A title; name, length and note of each bar."""

_BAR_INCHES = 0.21
_FRAME_INCHES = 0.55
_EXAMPLE_INCHES = 1.35


def plot_units(result: Dissection | LayerDissection, *, axes: Axes | None = None) -> Axes | Panels:
    """Draw a layer's interpretable units by the category of their concept, and return the axes.

    A bar is a category, as long as its units; beside it stand its distinct concepts (what Frankle &
    Bau 2019 count in Figure 3). Categories without any stand with 0.

    result: one layer, or a dissection, of whose layers each has a panel below the one before: then
        the axes are an array (layer, 1).
    axes: where to draw one layer; a figure of its own when None.
    Raises ConfigError for several layers and `axes`: take one, `result["layer4"]`.
    """
    return _draw_layers(result, axes, _unit_bars)


def plot_concepts(
    result: Dissection | LayerDissection, *, most: int = 20, axes: Axes | None = None
) -> Axes | Panels:
    """Draw the concepts of most interpretable units in a layer, and return the axes.

    A bar is a concept, as long as its units; beside it stands the highest IoU among them. Equal
    numbers are ordered by that IoU.

    result, axes: as `plot_units`. most: how many concepts of a layer, at least 1.
    Raises ConfigError for a `most` below 1.
    """
    if most < 1:
        raise ConfigError(f"most is {most}, but must be at least 1")
    return _draw_layers(result, axes, partial(_concept_bars, most=most))


def _unit_bars(layer: LayerDissection) -> Bars:
    bars = [
        (name, within["units"], f"{within['concepts']:,} concept{'s' * (within['concepts'] != 1)}")
        for name, within in layer.summary["by_category"].items()
    ]
    share = f"{layer.summary['interpretable']:,} of {layer.summary['units']:,}"
    return f"Interpretable units, {layer.layer}: {share}", bars


def _concept_bars(layer: LayerDissection, most: int) -> Bars:
    units = layer.units[layer.units["interpretable"].astype(bool)]
    groups = units.groupby(["category", "concept"])["iou"].agg(["size", "max"]).reset_index()
    order = groups.sort_values(["size", "max"], ascending=False, kind="stable").head(most)
    bars = [
        (str(row["concept"]), int(row["size"]), f"IoU up to {row['max']:.2f}, {row['category']}")
        for row in order.to_dict("records")
    ]
    shown = f"{len(order):,} of {len(groups):,}"
    return f"Concepts by units, {layer.layer}: {shown}", bars


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
    with shown_figure([str(about["concept"]) for about in named]) as empty:
        figure = new_figure(side * columns, (side + 0.2) * len(chosen), empty)
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


def _draw_layers(
    result: Dissection | LayerDissection,
    axes: Axes | None,
    bars_of: Callable[[LayerDissection], Bars],
) -> Axes | Panels:
    """Draw the bars of one layer, or of several in a panel each."""
    if axes is not None or isinstance(result, LayerDissection):
        return _draw_bars(axes, *bars_of(_one_layer(result)))
    found = [bars_of(layer) for layer in named_layers(result).values()]
    if len(found) == 1:
        return _draw_bars(None, *found[0])
    heights = [_FRAME_INCHES + _BAR_INCHES * max(1, len(bars)) for _, bars in found]
    with shown_figure() as empty:
        figure = new_figure(1.5 * PANEL_INCHES[0], sum(heights), empty)
        panels = figure.subplots(len(found), 1, squeeze=False, height_ratios=heights)
    for row, each in zip(panels, found, strict=True):
        _draw_bars(row[0], *each)
    return np.array(panels, object)


def _draw_bars(axes: Axes | None, title: str, bars: Sequence[tuple[str, int, str]]) -> Axes:
    """Draw a bar for each name, its length and a note behind it, the first at the top."""
    names = [name for name, _, _ in bars]
    if axes is None:
        height = _FRAME_INCHES + _BAR_INCHES * max(1, len(bars))
        with shown_figure(names) as empty:
            axes = new_figure(1.5 * PANEL_INCHES[0], height, empty).subplots()
    with drawing(LIGHT, names):
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
