"""How are lines of replicates and strategies drawn, told apart and named?"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from prunescope.report.curves import Means, curves_of, means_of, replicates_of, strategies_of
from prunescope.report.settings import Lines
from prunescope.report.style import DASHES, MARKERS, Theme

_LABEL_GAP = 0.085  # of the panel's height: one line of text
_KEY_INCHES = 1.05
_BAND = 0.16  # opacity
_DOTTED = (0, (1, 1.6))

Bounds = tuple[float, float]
"""What a quantity can be, at least and at most: bands end there."""


def draw_curves(
    axes: Axes,
    levels: pd.DataFrame,
    column: str,
    theme: Theme,
    *,
    lines: Lines = "means",
    scale: float = 1.0,
    bounds: Bounds = (-math.inf, math.inf),
    shown: Sequence[str] | None = None,
) -> None:
    """Draw `scale` times a column against the percentage of weights left.

    lines: as `FigureSettings` has it. bounds: of the column, before it is scaled.
    shown: the strategies whose lines stand out; the means of the others are drawn thin and grey.
    None for all.
    Strategies differ in colour, dashes and marker; replicates, where each has a line, in marker,
    and in colour if there is one strategy.
    """
    strategies = strategies_of(levels)
    standing_out = strategies if shown is None else shown
    for strategy in strategies:
        if strategy not in standing_out:
            means = means_of(levels, strategy, column)
            axes.plot(100 * means.keep, scale * means.mean, color=theme.faint, linewidth=0.9)
    for index, strategy in enumerate(strategies):
        if strategy in standing_out and lines == "means":
            means = means_of(levels, strategy, column)
            draw_means(axes, means, scale=scale, bounds=bounds, **_look(index, theme))
    if lines == "replicates":
        _draw_replicates(axes, levels, column, theme, standing_out, scale)


def draw_means(axes: Axes, means: Means, *, scale: float, bounds: Bounds, **look: Any) -> None:
    """Draw means as a line with markers, a band around it where there are intervals."""
    low, high = (np.clip(end, *bounds) for end in (means.low, means.high))
    axes.fill_between(
        *(100 * means.keep, scale * low, scale * high),
        color=look["color"],
        alpha=_BAND,
        linewidth=0,
    )
    axes.plot(
        100 * means.keep,
        scale * means.mean,
        clip_on=False,  # a marker on the edge of the panel stays whole
        **look,
    )


def draw_ceiling(axes: Axes, twins: pd.DataFrame, column: str, theme: Theme, scale: float) -> None:
    """Draw the mean of a column of dense twins as a dotted line across the panel."""
    axes.axhline(scale * float(twins[column].mean()), color=theme.ink, linestyle=_DOTTED)


def draw_chance(
    axes: Axes, levels: pd.DataFrame, column: str, theme: Theme, scale: float, shown: Sequence[str]
) -> None:
    """Draw what a column would be by chance, in its mean over replicates, as thin dotted lines."""
    for index, strategy in enumerate(strategies_of(levels)):
        if strategy in shown:
            means = means_of(levels, strategy, column)
            axes.plot(
                *(100 * means.keep, scale * means.mean),
                color=cycle(theme.palette, index),
                linestyle=_DOTTED,
                linewidth=0.9,
            )


def keys_of(
    levels: pd.DataFrame, theme: Theme, lines: Lines, *, together: bool = True
) -> list[Line2D]:
    """Return the keys of strategies and replicates, of each as far as there are several.

    together: strategies share panels, which else have their names.
    """
    strategies, replicates = strategies_of(levels), replicates_of(levels)
    several = len(strategies) > 1
    keys = [_key(name, **_look(index, theme)) for index, name in enumerate(strategies)]
    of_replicates = [
        _key(
            f"replicate {number}",
            color=theme.muted if several else cycle(theme.palette, index),
            marker=cycle(MARKERS, index),
            linestyle="none" if several else "-",
        )
        for index, number in enumerate(replicates)
    ]
    shown = lines == "replicates" and len(replicates) > 1
    return keys * (several and together) + of_replicates * shown


def keys_of_references(theme: Theme, *, twins: bool, chance: bool) -> list[Line2D]:
    """Return the keys of the lines of dense twins and of chance, if they are drawn."""
    ceiling = _key("dense twins", color=theme.ink, linestyle=_DOTTED)
    by_chance = _key("by chance", color=theme.muted, linestyle=_DOTTED, linewidth=0.9)
    return [ceiling] * twins + [by_chance] * chance


def draw_legend(figure: Figure, keys: Sequence[Line2D]) -> None:
    """Draw a legend above the panels, if there are keys."""
    if keys:
        columns = min(len(keys), int(figure.get_figwidth() / _KEY_INCHES))
        by_rows = [key for column in range(columns) for key in keys[column::columns]]
        figure.legend(handles=by_rows, loc="outside upper left", ncols=columns)


def draw_categories(
    axes: Axes, levels: pd.DataFrame, strategy: str, categories: Sequence[str], theme: Theme
) -> None:
    """Draw each category's distinct concepts, its name in its colour at the line's end.

    A category that never holds a concept has no line, but keeps its colour and marker.
    """
    for index, name in enumerate(categories):
        means = means_of(levels, strategy, f"{name}_concepts")
        if means.mean.any():
            look = {"color": cycle(theme.palette, index), "marker": cycle(MARKERS, index)}
            draw_means(axes, means, scale=1.0, bounds=(0, math.inf), label=name, **look)


def name_line_ends(axes: Axes) -> None:
    """Write each line's name beside its last point; call it once the y limits are final."""
    lines = axes.get_lines()
    bottom, top = axes.get_ylim()
    ends = [(float(np.asarray(line.get_ydata())[-1]) - bottom) / (top - bottom) for line in lines]
    for line, height in zip(lines, spread_labels(ends, _LABEL_GAP), strict=True):
        axes.annotate(
            str(line.get_label()),
            xy=(1.015, height),
            xycoords="axes fraction",
            color=line.get_color(),
            fontsize=7.5,
            va="center",
        )


def spread_labels(heights: Sequence[float], gap: float) -> list[float]:
    """Move heights as little as possible (least squares) so that all are `gap` apart.

    Their order is kept; equal heights keep the order they are given in. This is isotonic
    regression of the heights less their rank's gaps, by pooling adjacent violators.
    """
    order = np.argsort(np.asarray(heights), kind="stable")
    pools: list[list[float]] = []
    for rank, index in enumerate(order):
        pools.append([heights[index] - rank * gap])
        while len(pools) > 1 and np.mean(pools[-2]) > np.mean(pools[-1]):
            pools[-2:] = [pools[-2] + pools[-1]]
    levelled = [float(np.mean(pool)) for pool in pools for _ in pool]
    spread = [0.0] * len(levelled)
    for rank, index in enumerate(order):
        spread[index] = levelled[rank] + rank * gap
    return spread


def _draw_replicates(
    axes: Axes,
    levels: pd.DataFrame,
    column: str,
    theme: Theme,
    standing_out: Sequence[str],
    scale: float,
) -> None:
    """Draw a line for each replicate of the strategies that stand out."""
    strategies, replicates = strategies_of(levels), replicates_of(levels)
    for curve in curves_of(levels):
        if curve.strategy in standing_out:
            strategy = strategies.index(curve.strategy)
            replicate = replicates.index(curve.replicate)
            axes.plot(
                100 * curve.rows["keep"],
                scale * curve.rows[column],
                color=cycle(theme.palette, strategy if len(strategies) > 1 else replicate),
                linestyle=cycle(DASHES, strategy),
                marker=cycle(MARKERS, replicate),
                clip_on=False,
            )


def _look(strategy: int, theme: Theme) -> dict[str, Any]:
    """Return how the line of a strategy looks, by its position."""
    return {
        "color": cycle(theme.palette, strategy),
        "linestyle": cycle(DASHES, strategy),
        "marker": cycle(MARKERS, strategy),
    }


def _key(name: str, **look: Any) -> Line2D:
    return Line2D([], [], label=name, **look)


def cycle(options: Sequence[Any], index: int) -> Any:
    """Return the option of this index, from the first one again after the last."""
    return options[index % len(options)]
