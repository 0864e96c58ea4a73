"""What do the levels show beyond the paper's figures: survival, chance, IoUs, and classes?"""

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from prunescope.report.lines import cycle, draw_legend, keys_of
from prunescope.report.panels import (
    WIDEST,
    Quantity,
    Shown,
    blocks_of,
    draw_panel,
    finish,
    of_layer,
    strategy_panels,
)
from prunescope.report.style import PANEL_INCHES, Theme, count_from_zero, new_figure, show_percent
from prunescope.results.layout import DENSE

SURVIVAL = Quantity(column="concept_survival", title="Concepts of level 0 left", is_share=True)
BEYOND_CHANCE = (
    Quantity(column="interpretable", title="Interpretable units"),
    Quantity(column="discoveries", title="Of these, beyond chance"),
)
_BANDS = ((0.05, 0.95), (0.25, 0.75))
_CLASSES = 12  # of a panel
_ROW_INCHES = 0.19
_FRAME_INCHES = 0.75


def survival_figure(shown: Shown, theme: Theme, into: Figure | None = None) -> Figure:
    """Draw which share of the unpruned network's concepts any unit still sees, layer by layer."""
    figure, blocks = blocks_of(shown, [SURVIVAL], into)
    for [panels] in blocks:
        for panel in panels:
            draw_panel(panel, shown, theme)
            panel.axes.set_ylim(0, 104)
            show_percent(panel.axes, least_span=100.0)
    finish(figure, shown)
    draw_legend(figure, keys_of(shown.levels, theme, shown.lines, together=not shown.per_row))
    return figure


def chance_figure(shown: Shown, theme: Theme, into: Figure | None = None) -> Figure:
    """Draw interpretable units, and those of them beyond chance, on one scale.

    The table of levels must have `discoveries`.
    """
    figure, blocks = blocks_of(shown, BEYOND_CHANCE, into)
    for block in blocks:
        for panels in block:
            for panel in panels:
                draw_panel(panel, shown, theme)
        count_from_zero([panel.axes for panels in block for panel in panels])
    finish(figure, shown)
    draw_legend(figure, keys_of(shown.levels, theme, shown.lines, together=not shown.per_row))
    return figure


def ious_figure(shown: Shown, theme: Theme, into: Figure | None = None) -> Figure:
    """Draw how the best IoU of a layer's units is spread at each level, a panel per strategy.

    The line is the median over the units of all replicates, the bands hold the middle half and the
    middle nine tenths; dead units count as 0. `shown.units` must be there.
    """
    assert shown.units is not None  # as documented
    figure, blocks = strategy_panels(shown, "best IoU of a unit", into)
    for panel in (panel for block in blocks for panel in block):
        names = [DENSE, *panel.strategies]
        units = of_layer(shown.units, panel.layer)
        keeps = of_layer(shown.levels, panel.layer)
        units, keeps = (table[table["strategy"].isin(names)] for table in (units, keeps))
        _draw_ious(panel.axes, units, keeps, theme)
    highest = max(panel.axes.dataLim.y1 for block in blocks for panel in block)
    for panel in (panel for block in blocks for panel in block):
        panel.axes.set_ylim(0, max(highest, 0.01) * 1.05)
    finish(figure, shown)
    return figure


def classes_figure(shown: Shown, theme: Theme, into: Figure | None = None) -> Figure:
    """Draw the classes whose accuracy changed most at each strategy's sparsest level.

    Points of accuracy against level 0, with their 95 % interval. Strategies have their colours in
    the other figures; dense twins, without one, stand last. `shown.classes` must be there.
    """
    assert shown.classes is not None  # as documented
    classes = shown.classes
    colours = {name: cycle(theme.palette, index) for index, name in enumerate(shown.strategies)}
    names = sorted(map(str, classes["strategy"].unique()), key=lambda name: name not in colours)
    chosen = {name: _changed_most(classes[classes["strategy"] == name]) for name in names}
    longest = max(map(len, chosen.values()), default=1)
    height = _FRAME_INCHES + _ROW_INCHES * longest
    rows_of_panels = math.ceil(len(chosen) / WIDEST)
    width = math.ceil(len(chosen) / rows_of_panels)
    figure = new_figure(PANEL_INCHES[0] * width, height * rows_of_panels, into)
    grid = figure.subplots(rows_of_panels, width, squeeze=False, sharex=True)
    places = list(grid.flat)
    for left_over in places[len(chosen) :]:
        left_over.remove()
    for axes, (strategy, rows) in zip(places, chosen.items(), strict=False):
        level = rows["level"].iloc[0]
        title = f"{strategy}, level {level}" if level else f"dense {strategy.replace('-', ' ')}"
        axes.set_title(title)
        _draw_classes(axes, rows, colours.get(strategy, theme.ink), theme)
        axes.set_xlabel("change of accuracy (points)")
    return figure


def _draw_ious(axes: Axes, units: pd.DataFrame, levels: pd.DataFrame, theme: Theme) -> None:
    keep = 100 * levels.groupby("level")["keep"].mean()
    ious = units.assign(iou=units["iou"].fillna(0.0)).groupby("level")["iou"]
    at = keep.reindex(ious.median().index).to_numpy()
    for low, high in _BANDS:
        axes.fill_between(
            *(at, ious.quantile(low).to_numpy(), ious.quantile(high).to_numpy()),
            color=theme.palette[0],
            alpha=0.16,
            linewidth=0,
        )
    axes.plot(at, ious.median().to_numpy(), color=theme.palette[0], marker="o", clip_on=False)


def _changed_most(classes: pd.DataFrame) -> pd.DataFrame:
    """Return the classes of the sparsest level that changed most, the greatest loss first."""
    last = classes[classes["level"] == classes["level"].max()]
    order = last["difference"].abs().sort_values(ascending=False, kind="stable").index[:_CLASSES]
    chosen: pd.DataFrame = last.loc[order].sort_values("difference", kind="stable")
    return chosen


def _draw_classes(axes: Axes, rows: pd.DataFrame, colour: str, theme: Theme) -> None:
    places = np.arange(len(rows))
    axes.axvline(0, color=theme.muted, linewidth=0.7)
    axes.hlines(places, 100 * rows["low"], 100 * rows["high"], color=colour, linewidth=1.0)
    axes.plot(100 * rows["difference"], places, color=colour, marker="o", linestyle="none")
    axes.set_yticks(places, labels=rows["class"].astype(str).tolist())
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.grid(visible=True, axis="x")
    axes.grid(visible=False, axis="y")
