"""How do units and concepts depend on the IoU threshold, and how on the quantile?"""

from collections.abc import Iterator, Mapping, Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from prunescope.report.lines import cycle, draw_legend
from prunescope.report.overview import keep_text
from prunescope.report.panels import Shown, of_layer
from prunescope.report.style import DASHES, Theme, count_from_zero, new_panels
from prunescope.results.dissection import LayerDissection
from prunescope.results.layout import DENSE
from prunescope.results.units import IOUS, threshold_curve

_TITLES = {"interpretable": "Interpretable units", "concepts": "Distinct concepts"}


def thresholds_figure(
    layers: Mapping[str, LayerDissection], theme: Theme, into: Figure | None = None
) -> Figure:
    """Draw units (left) and concepts (right) above each IoU, a line per layer, by their names.

    A vertical line marks the threshold that each was dissected with, where it is stated.
    """
    curves = {name: layer.curve() for name, layer in layers.items()}
    figure, panels = _draw_curves(curves, "iou", _stated(layers, "iou"), theme, into)
    _name_ious([panels])
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


def thresholds_of_study_figure(shown: Shown, theme: Theme, into: Figure | None = None) -> Figure:
    """Draw units and concepts above each IoU, a row per layer: means over replicates.

    A line is level 0, or a strategy's sparsest level. `shown.units` must be there.
    """
    figure, grid = new_panels(len(shown.layers), len(_TITLES), into)
    for layer, panels in zip(shown.layers, grid, strict=True):
        curves = dict(_curves_of_study(shown, layer))
        for axes, (column, title) in zip(panels, _TITLES.items(), strict=True):
            axes.set_title(f"{title}, {layer}")
            _draw_lines(axes, curves, ("iou", column), theme)
    _name_ious(grid)
    draw_legend(figure, grid[0][0].get_lines())
    return figure


def _curves_of_study(shown: Shown, layer: str) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield name and curve of level 0 and of every strategy's sparsest level."""
    assert shown.units is not None  # as documented
    levels, units = of_layer(shown.levels, layer), of_layer(shown.units, layer)
    for strategy in dict.fromkeys([DENSE, *shown.strategies]):
        rows = levels[levels["strategy"] == strategy]
        if not len(rows):
            continue
        last = rows["level"].max()
        keep = keep_text(float(rows[rows["level"] == last]["keep"].mean()))
        of_level = units[(units["strategy"] == strategy) & (units["level"] == last)]
        curves = [threshold_curve(each, IOUS) for _, each in of_level.groupby("replicate")]
        mean = pd.concat(curves).groupby("iou", as_index=False).mean()
        yield "unpruned" if strategy == DENSE else f"{strategy}, {keep}", mean


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
        _draw_lines(axes, curves, (over, column), theme)
        for value in used:
            axes.axvline(value, color=theme.muted, linewidth=0.7)
        count_from_zero([axes])
    if len(curves) > 1:
        draw_legend(figure, [line for line in panels[0].get_lines() if line.get_label() in curves])
    return figure, panels


def _draw_lines(
    axes: Axes, curves: Mapping[str, pd.DataFrame], columns: tuple[str, str], theme: Theme
) -> None:
    """Draw a line for each curve. columns: along the axis, and what is counted."""
    for index, (name, curve) in enumerate(curves.items()):
        axes.plot(
            *(curve[column] for column in columns),
            color=cycle(theme.palette, index),
            linestyle=cycle(DASHES, index),
            label=name,
        )


def _name_ious(grid: Sequence[Sequence[Axes]]) -> None:
    for axes in (axes for row in grid for axes in row):
        axes.set_xlim(left=0)
        count_from_zero([axes])
    for axes in grid[-1]:
        axes.set_xlabel("IoU threshold")
