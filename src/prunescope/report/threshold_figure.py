"""How do units and concepts depend on the IoU above which a unit is interpretable?"""

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
    figure, [panels] = new_panels(1, len(_TITLES), into)
    curves = {name: layer.curve() for name, layer in layers.items()}
    stated = ((layer.summary.get("settings") or {}).get("iou") for layer in layers.values())
    used = sorted({float(iou) for iou in stated if iou is not None})
    for axes, (column, title) in zip(panels, _TITLES.items(), strict=True):
        axes.set_title(title)
        _draw_curves(axes, curves, column, theme)
        for iou in used:
            axes.axvline(iou, color=theme.muted, linewidth=0.7)
    _name_axes([panels])
    if len(curves) > 1:
        draw_legend(figure, [line for line in panels[0].get_lines() if line.get_label() in curves])
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
            _draw_curves(axes, curves, column, theme)
    _name_axes(grid)
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


def _draw_curves(axes: Axes, curves: Mapping[str, pd.DataFrame], column: str, theme: Theme) -> None:
    for index, (name, curve) in enumerate(curves.items()):
        axes.plot(
            *(curve["iou"], curve[column]),
            color=cycle(theme.palette, index),
            linestyle=cycle(DASHES, index),
            label=name,
        )


def _name_axes(grid: Sequence[Sequence[Axes]]) -> None:
    for axes in (axes for row in grid for axes in row):
        axes.set_xlim(left=0)
        count_from_zero([axes])
    for axes in grid[-1]:
        axes.set_xlabel("IoU threshold")
