"""How are lines of replicates and strategies drawn, told apart and named?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from prunescope.report.style import DASHES, MARKERS, Theme
from prunescope.results.layout import DENSE

_LABEL_GAP = 0.085  # of the panel's height: one line of text
_KEY_INCHES = 1.05


@dataclass(frozen=True, kw_only=True)
class Curve:
    """The levels of one replicate under one strategy, level 0 first."""

    replicate: int
    strategy: str
    rows: pd.DataFrame


def strategies_of(levels: pd.DataFrame) -> list[str]:
    """Return the strategies in their order; only "dense", level 0's, if there is no other."""
    return [str(name) for name in levels["strategy"].unique() if name != DENSE] or [DENSE]


def curves_of(levels: pd.DataFrame) -> Iterator[Curve]:
    """Yield the curve of each strategy and replicate; all strategies start from level 0."""
    for strategy in strategies_of(levels):
        for replicate in replicates_of(levels):
            chosen = levels["strategy"].isin([DENSE, strategy])
            rows = levels[chosen & (levels["replicate"] == replicate)].sort_values("level")
            yield Curve(replicate=replicate, strategy=strategy, rows=rows)


def replicates_of(levels: pd.DataFrame) -> list[int]:
    """Return the replicates, ascending."""
    return sorted(int(number) for number in levels["replicate"].unique())


def draw_curves(
    axes: Axes, levels: pd.DataFrame, column: str, theme: Theme, *, scale: float = 1.0
) -> None:
    """Draw `scale` times a column against the percentage of weights left, a line per curve.

    Replicates differ in marker, strategies in dashes; colour follows strategies where there are
    several, replicates where there is one.
    """
    strategies, replicates = strategies_of(levels), replicates_of(levels)
    for curve in curves_of(levels):
        strategy = strategies.index(curve.strategy)
        replicate = replicates.index(curve.replicate)
        colour = strategy if len(strategies) > 1 else replicate
        axes.plot(
            100 * curve.rows["keep"],
            scale * curve.rows[column],
            color=_cycle(theme.palette, colour),
            linestyle=_cycle(DASHES, strategy),
            marker=_cycle(MARKERS, replicate),
            clip_on=False,  # a marker on the edge of the panel stays whole
        )


def draw_legend(figure: Figure, levels: pd.DataFrame, theme: Theme) -> None:
    """Draw a legend of strategies and replicates above the panels, if there are several curves."""
    strategies, replicates = strategies_of(levels), replicates_of(levels)
    names = [f"replicate {number}" for number in replicates]
    if len(strategies) == 1:
        keys = [
            _key(name, color=_cycle(theme.palette, i), marker=_cycle(MARKERS, i))
            for i, name in enumerate(names)
        ]
    else:
        keys = [
            _key(name, color=_cycle(theme.palette, i), linestyle=_cycle(DASHES, i))
            for i, name in enumerate(strategies)
        ]
        keys += [
            _key(name, color=theme.muted, marker=_cycle(MARKERS, i), linestyle="none")
            for i, name in enumerate(names)
            if len(names) > 1
        ]
    if len(keys) > 1:
        columns = min(len(keys), int(figure.get_figwidth() / _KEY_INCHES))
        by_rows = [key for column in range(columns) for key in keys[column::columns]]
        figure.legend(handles=by_rows, loc="outside upper left", ncols=columns)


def draw_categories(
    axes: Axes, rows: pd.DataFrame, categories: Sequence[str], theme: Theme
) -> None:
    """Draw each category's distinct concepts, its name in its colour at the line's end.

    A category that never holds a concept has no line, but keeps its colour and marker.
    """
    shown = [name for name in categories if rows[f"{name}_concepts"].any()]
    for name in shown:
        index = list(categories).index(name)
        axes.plot(
            100 * rows["keep"],
            rows[f"{name}_concepts"],
            color=_cycle(theme.palette, index),
            marker=_cycle(MARKERS, index),
            label=name,
            clip_on=False,
        )


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


def _key(name: str, **look: Any) -> Line2D:
    return Line2D([], [], label=name, **look)


def _cycle(options: Sequence[Any], index: int) -> Any:
    return options[index % len(options)]
