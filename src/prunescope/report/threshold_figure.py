"""How do units and concepts depend on the IoU above which a unit is interpretable?"""

from collections.abc import Mapping

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
    figure, [panels] = new_panels(1, len(_TITLES), into)
    curves = {name: layer.curve() for name, layer in layers.items()}
    stated = ((layer.summary.get("settings") or {}).get("iou") for layer in layers.values())
    used = sorted({float(iou) for iou in stated if iou is not None})
    for axes, (column, title) in zip(panels, _TITLES.items(), strict=True):
        axes.set_title(title)
        for index, (name, curve) in enumerate(curves.items()):
            axes.plot(
                *(curve["iou"], curve[column]),
                color=cycle(theme.palette, index),
                linestyle=cycle(DASHES, index),
                label=name,
            )
        for iou in used:
            axes.axvline(iou, color=theme.muted, linewidth=0.7)
        axes.set_xlabel("IoU threshold")
        axes.set_xlim(left=0)
        count_from_zero([axes])
    if len(curves) > 1:
        draw_legend(figure, [line for line in panels[0].get_lines() if line.get_label() in curves])
    return figure
