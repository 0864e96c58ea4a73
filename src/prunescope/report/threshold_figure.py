"""How do units and concepts depend on the IoU threshold, and how on the quantile?"""

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from prunescope.report.lines import cycle, draw_legend
from prunescope.report.style import DASHES, Theme, count_from_zero, new_panels
from prunescope.results.dissection import LayerDissection

_TITLES = {"interpretable": "Interpretable units", "concepts": "Distinct concepts"}


def thresholds_figure(
    layers: Mapping[str, LayerDissection], theme: Theme, into: Figure | None = None
) -> Figure:
    """Draw units (left) and concepts (right) above each IoU, a line per layer, by their names.

    A vertical line marks the threshold that each was dissected with, where it is stated.
    """
    curves = {name: layer.curve() for name, layer in layers.items()}
    figure, panels = _draw_curves(curves, "iou", _stated(layers, "iou"), theme, into)
    for axes in panels:
        axes.set_xlabel("IoU threshold")
        axes.set_xlim(left=0)
    return figure


def quantiles_figure(
    layers: Mapping[str, LayerDissection], theme: Theme, into: Figure | None = None
) -> Figure:
    """Draw units (left) and concepts (right) at each quantile, as `thresholds_figure` does.

    layers: which have a `quantile_curve`. A vertical line marks the quantile of the dissection.
    """
    curves = {
        name: curve
        for name, layer in layers.items()
        if (curve := layer.quantile_curve()) is not None
    }
    figure, panels = _draw_curves(curves, "quantile", _stated(layers, "quantile"), theme, into)
    for axes in panels:
        axes.set_xlabel("share of cells above the threshold")
        axes.set_xscale("log")
    return figure


def _stated(layers: Mapping[str, LayerDissection], name: str) -> list[float]:
    stated = ((layer.summary.get("settings") or {}).get(name) for layer in layers.values())
    return sorted({float(value) for value in stated if value is not None})


def _draw_curves(
    curves: Mapping[str, pd.DataFrame],
    over: str,
    used: Sequence[float],
    theme: Theme,
    into: Figure | None,
) -> tuple[Figure, Sequence[Axes]]:
    """Draw a panel for units and one for concepts. used: where vertical lines stand."""
    figure, [panels] = new_panels(1, len(_TITLES), into)
    for axes, (column, title) in zip(panels, _TITLES.items(), strict=True):
        axes.set_title(title)
        for index, (name, curve) in enumerate(curves.items()):
            axes.plot(
                *(curve[over], curve[column]),
                color=cycle(theme.palette, index),
                linestyle=cycle(DASHES, index),
                label=name,
            )
        for value in used:
            axes.axvline(value, color=theme.muted, linewidth=0.7)
        count_from_zero([axes])
    if len(curves) > 1:
        draw_legend(figure, [line for line in panels[0].get_lines() if line.get_label() in curves])
    return figure, panels
