"""Do units and concepts change alike from level to level, whatever the quantile?"""

import math

from matplotlib.figure import Figure

from prunescope.report.curves import means_of
from prunescope.report.lines import cycle, draw_means, name_line_ends
from prunescope.report.panels import Shown, finish, of_layer
from prunescope.report.style import MARKERS, Theme, count_from_zero, new_panels

_TITLES = {"interpretable": "Interpretable units", "concepts": "Distinct concepts"}


def level_quantiles_figure(shown: Shown, theme: Theme, into: Figure | None = None) -> Figure:
    """Draw units and concepts against weights left, a line per quantile, named at its end.

    A row of panels for each layer and strategy; means over replicates. `shown.quantiles` must be
    there.
    """
    assert shown.quantiles is not None  # as documented
    rows = [(layer, strategy) for layer in shown.layers for strategy in shown.strategies]
    figure, grid = new_panels(len(rows), len(_TITLES), into)
    for panels, (layer, strategy) in zip(grid, rows, strict=True):
        table = of_layer(shown.quantiles, layer)
        which = layer if len(shown.strategies) == 1 else f"{layer}, {strategy}"
        for axes, (column, title) in zip(panels, _TITLES.items(), strict=True):
            axes.set_title(f"{title}, {which}")
            for index, (quantile, levels) in enumerate(table.groupby("quantile")):
                means = means_of(levels, strategy, column)
                look = {"color": cycle(theme.palette, index), "marker": cycle(MARKERS, index)}
                name = f"{float(str(quantile)):g}"
                draw_means(axes, means, scale=1.0, bounds=(0, math.inf), label=name, **look)
            count_from_zero([axes])
            name_line_ends(axes)
    finish(figure, shown)
    return figure
