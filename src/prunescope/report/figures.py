"""What do the levels show? Figures 1-4 of Frankle and Bau (2019)."""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from prunescope.base.files import write_atomically
from prunescope.report.lines import (
    curves_of,
    draw_categories,
    draw_curves,
    draw_legend,
    name_line_ends,
    replicates_of,
    strategies_of,
)
from prunescope.report.style import (
    LIGHT,
    Theme,
    count_from_zero,
    drawing,
    figure_bytes,
    names_in,
    new_panels,
    scale_weights_left,
    show_percent,
)
from prunescope.results.run_tables import level_categories

_WIDEST = 4  # panels beside each other
FORMATS = ("png", "svg", "pdf")


def draw_figures(levels: pd.DataFrame, folder: Path) -> list[Path]:
    """Draw Figures 1-4 as png (200 dpi), svg and pdf into a folder and return their paths.

    levels: the table of levels. Each layer is a row of panels. Counts start at 0; shares span 0 to
    100 %; an undefined value leaves a gap. Equal tables give equal bytes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, contents in render_figures(levels, FORMATS, LIGHT).items():
        for form, content in contents.items():
            path = folder / f"{name}.{form}"
            write_atomically(path, content)
            paths.append(path)
    return sorted(paths)


def render_figures(
    levels: pd.DataFrame, forms: Sequence[str], theme: Theme
) -> dict[str, dict[str, bytes]]:
    """Return the four figures by file name without its ending, each as png, svg or pdf by form."""
    drawn: dict[str, Callable[[pd.DataFrame, Theme], Figure]] = {
        "fig1_accuracy": accuracy_figure,
        "fig2_interpretability": interpretability_figure,
        "fig3_taxonomy": taxonomy_figure,
        "fig4_consistency": consistency_figure,
    }
    with drawing(theme, names_in(levels)):
        return {name: figure_bytes(draw(levels, theme), forms) for name, draw in drawn.items()}


def accuracy_figure(levels: pd.DataFrame, theme: Theme, into: Figure | None = None) -> Figure:
    """Fig. 1: top-1 accuracy against weights left, a line per replicate and strategy."""
    figure, [[axes]] = new_panels(1, 1, into)
    axes.set_title("Top-1 accuracy")
    draw_curves(axes, _of_layer(levels, _layers(levels)[0]), "accuracy", theme, scale=100.0)
    show_percent(axes, least_span=2.0)
    _finish([[axes]], levels)
    draw_legend(figure, levels, theme)
    return figure


def interpretability_figure(
    levels: pd.DataFrame, theme: Theme, into: Figure | None = None
) -> Figure:
    """Fig. 2: interpretable units (left) and distinct concepts (right), a row per layer."""
    columns = {"interpretable": "Interpretable units", "concepts": "Distinct concepts"}
    return _curves_figure(levels, columns, theme, into, shares=False)


def taxonomy_figure(levels: pd.DataFrame, theme: Theme, into: Figure | None = None) -> Figure:
    """Fig. 3: distinct concepts by category in the first replicate, a panel per strategy.

    The strategies of a layer stand side by side, in several rows where they are many.
    """
    replicate = replicates_of(levels)[0]
    of_replicate = levels[levels["replicate"] == replicate]
    layers, strategies = _layers(of_replicate), strategies_of(of_replicate)
    rows = math.ceil(len(strategies) / _WIDEST)  # of a layer
    figure, grid = new_panels(len(layers) * rows, math.ceil(len(strategies) / rows), into)
    panels = []
    for number, layer in enumerate(layers):
        row = [axes for line in grid[number * rows : (number + 1) * rows] for axes in line]
        for left_over in row[len(strategies) :]:
            left_over.remove()
        panels.append(row[: len(strategies)])
        for axes, curve in zip(panels[-1], curves_of(_of_layer(of_replicate, layer)), strict=True):
            kind = "Concepts by category" if len(strategies) == 1 else curve.strategy
            axes.set_title(f"{kind}, {layer}, replicate {replicate}")
            draw_categories(axes, curve.rows, level_categories(levels), theme)
        count_from_zero(panels[-1])
        for axes in panels[-1]:
            name_line_ends(axes)
    _finish(panels, of_replicate)
    return figure


def consistency_figure(levels: pd.DataFrame, theme: Theme, into: Figure | None = None) -> Figure:
    """Fig. 4: units of level 0 still interpretable, and those of them with the same concept."""
    columns = {
        "still_interpretable": "Units still interpretable",
        "same_concept": "Of these, with the same concept",
    }
    return _curves_figure(levels, columns, theme, into, shares=True)


def _curves_figure(
    levels: pd.DataFrame,
    columns: Mapping[str, str],
    theme: Theme,
    into: Figure | None,
    *,
    shares: bool,
) -> Figure:
    """Draw columns of the table, by their titles, beside each other, a row of panels per layer."""
    layers = _layers(levels)
    figure, panels = new_panels(len(layers), len(columns), into)
    for layer, row in zip(layers, panels, strict=True):
        for axes, (column, title) in zip(row, columns.items(), strict=True):
            axes.set_title(f"{title}, {layer}")
            scale = 100.0 if shares else 1.0
            draw_curves(axes, _of_layer(levels, layer), column, theme, scale=scale)
            if shares:
                axes.set_ylim(0, 104)
                show_percent(axes, least_span=100.0)
            else:
                count_from_zero([axes])
    _finish(panels, levels)
    draw_legend(figure, levels, theme)
    return figure


def _layers(levels: pd.DataFrame) -> list[str]:
    return [str(name) for name in levels["layer"].unique()]


def _of_layer(levels: pd.DataFrame, layer: str) -> pd.DataFrame:
    return levels[levels["layer"] == layer]


def _finish(panels: list[list[Axes]], levels: pd.DataFrame) -> None:
    for row in panels:
        for axes in row:
            scale_weights_left(axes, levels["keep"].tolist())
    for axes in panels[-1]:
        axes.set_xlabel("weights left (%)")
        axes.tick_params(labelbottom=True)  # also above a panel that was left over
