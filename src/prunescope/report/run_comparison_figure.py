"""How do two runs' units and concepts fall with their weights?"""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from prunescope.comparison.runs import RunComparison
from prunescope.report.comparison_figure import sides_title
from prunescope.report.curves import strategies_of
from prunescope.report.style import (
    DASHES,
    MARKERS,
    Theme,
    count_from_zero,
    new_panels,
    scale_weights_left,
)
from prunescope.results.layout import DENSE

_TITLES = {"units": "Interpretable units", "concepts": "Distinct concepts"}


def levels_figure(comparison: RunComparison, theme: Theme, into: Figure | None = None) -> Figure:
    """Draw units (left) and concepts (right) of both runs against weights left, a row per layer.

    Values are means over replicates. Runs differ in colour and marker, strategies in dashes; the
    thin line without markers is what B kept of A.
    """
    levels = comparison.levels
    layers = [str(name) for name in levels["layer"].unique()]
    figure, panels = new_panels(len(layers), 2, into)
    for layer, row in zip(layers, panels, strict=True):
        of_layer = levels[levels["layer"] == layer]
        for kind, axes in zip(_TITLES, row, strict=True):
            axes.set_title(f"{_TITLES[kind]}, {layer}")
            _draw_runs(axes, of_layer, kind, theme)
            count_from_zero([axes])
            scale_weights_left(axes, [*levels["keep_a"], *levels["keep_b"]])
    for axes in panels[-1]:
        axes.set_xlabel("weights left (%)")
    title = sides_title(comparison.a, comparison.b)
    _draw_legend(figure, strategies_of(levels), title, theme)
    return figure


def _draw_runs(axes: Axes, levels: pd.DataFrame, kind: str, theme: Theme) -> None:
    for index, strategy in enumerate(strategies_of(levels)):
        of_strategy = levels[levels["strategy"].isin([DENSE, strategy])]
        dashes = DASHES[index % len(DASHES)]
        for side, letter in enumerate("ab"):
            axes.plot(
                100 * of_strategy[f"keep_{letter}"],
                of_strategy[f"{kind}_{letter}"],
                color=theme.palette[side],
                marker=MARKERS[side],
                linestyle=dashes,
                clip_on=False,
            )
        axes.plot(
            100 * of_strategy["keep_b"],
            of_strategy[f"{kind}_kept"],
            color=theme.muted,
            linewidth=0.9,
            linestyle=dashes,
        )


def _draw_legend(figure: Figure, strategies: list[str], title: str, theme: Theme) -> None:
    keys = [
        Line2D([], [], color=theme.palette[side], marker=MARKERS[side], label=letter)
        for side, letter in enumerate("AB")
    ]
    keys.append(Line2D([], [], color=theme.muted, linewidth=0.9, label="kept: the same in both"))
    if len(strategies) > 1:
        keys += [
            Line2D([], [], color=theme.ink, linestyle=DASHES[i % len(DASHES)], label=name)
            for i, name in enumerate(strategies)
        ]
    figure.legend(
        handles=keys, loc="outside upper left", ncols=len(keys), title=title, alignment="left"
    )
