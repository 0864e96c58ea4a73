"""How is a run, or are layers together, plotted from Python? As axes of matplotlib, to keep."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from prunescope.base.errors import ConfigError
from prunescope.report.axes import Layers, Panels, draw_on_axes, named_layers
from prunescope.report.figures import (
    accuracy_figure,
    consistency_figure,
    interpretability_figure,
    taxonomy_figure,
)
from prunescope.report.layers_figure import (
    chance_of_layers_figure,
    ious_of_layers_figure,
    layers_figure,
    layers_of_study_figure,
)
from prunescope.report.more_figures import (
    SURVIVAL,
    chance_figure,
    classes_figure,
    ious_figure,
    survival_figure,
)
from prunescope.report.panels import Shown
from prunescope.report.quantile_figure import level_quantiles_figure
from prunescope.report.settings import Lines
from prunescope.report.style import Theme, names_in
from prunescope.report.threshold_figure import (
    quantiles_figure,
    thresholds_figure,
    thresholds_of_study_figure,
)
from prunescope.results.layout import TABLES
from prunescope.results.quantiles import read_level_quantiles
from prunescope.results.run import Run

_AGAIN = ": `prunescope report` makes them again"


def plot_accuracy(run: Run | Path | str, *, lines: Lines = "means") -> Panels:
    """Draw Figure 1 of Frankle & Bau (2019) of a run, and return its axes.

    Top-1 accuracy in percent against the percentage of weights left. With more than three
    strategies each has a panel, up to four beside each other, the others grey.
    run: a Run or its folder. lines: "means" over replicates, with a band of their 95 % Student
    interval where there are three or more, or one for each of the "replicates", as in the paper.
    Raises DataError while the run is not finished.
    """
    return _draw_levels(accuracy_figure, run, lines)


def plot_interpretability(run: Run | Path | str, *, lines: Lines = "means") -> Panels:
    """Draw Figure 2 of Frankle & Bau (2019) of a run, and return its axes.

    Interpretable units and distinct concepts against the percentage of weights left, a row per
    layer. run, lines: as `plot_accuracy`. Raises DataError while the run is not finished.
    """
    return _draw_levels(interpretability_figure, run, lines)


def plot_taxonomy(run: Run | Path | str, *, lines: Lines = "means") -> Panels:
    """Draw Figure 3 of Frankle & Bau (2019) of a run, and return its axes, a panel per strategy.

    Distinct concepts by category against the percentage of weights left.
    run, lines: as `plot_accuracy`; "replicates" shows the first, as the paper does.
    Raises DataError while the run is not finished.
    """
    return _draw_levels(taxonomy_figure, run, lines)


def plot_consistency(run: Run | Path | str, *, lines: Lines = "means") -> Panels:
    """Draw Figure 4 of Frankle & Bau (2019) of a run, and return its axes.

    Of the unpruned network's interpretable units the percentage that still is, and of these that
    with the same concept; beside them what dense twins keep, if there are any, and chance.
    run, lines: as `plot_accuracy`. Raises DataError while the run is not finished.
    """
    return _draw_levels(consistency_figure, run, lines)


def plot_survival(run: Run | Path | str, *, lines: Lines = "means") -> Panels:
    """Draw which share of level 0's concepts any unit of a run still sees; return the axes.

    run, lines: as `plot_accuracy`. Raises DataError while the run is not finished.
    """
    return _draw_levels(survival_figure, run, lines, SURVIVAL.column, _AGAIN)


def plot_layers(results: Run | Path | str | Layers) -> Panels:
    """Draw layers side by side: units (left) and concepts (right) by category; return the axes.

    A bar is a layer, its sum behind it. Of a run, each layer has a bar for level 0 and one for
    every strategy's sparsest level: means over replicates.
    results: a run or its folder, a dissection, or layers by names of your own. Raises DataError
    while a run is not finished.
    """
    if isinstance(results, Run | Path | str):
        return _draw_levels(layers_of_study_figure, results, "means")
    rows = [
        (name, "", layer.summary["by_category"]) for name, layer in named_layers(results).items()
    ]
    categories = {name for *_, counts in rows for name in counts}
    return draw_on_axes(layers_figure, rows, [*categories, *(name for name, *_ in rows)])


def plot_chance(run: Run | Path | str | Layers, *, lines: Lines = "means") -> Panels:
    """Draw interpretable units, and those beyond chance, on one scale; return the axes.

    run, lines: as `plot_accuracy`. A dissection, or layers by names of your own, has a row for each
    layer instead, units left and concepts right. Raises DataError while the run is not finished,
    ConfigError where dissections have no draws of chance.
    """
    if not isinstance(run, Run | Path | str):
        layers = named_layers(run)
        for name, layer in layers.items():
            if not layer.summary.get("chance"):
                raise ConfigError(f"{name} has no draws of chance: dissect it with --null")
        return draw_on_axes(chance_of_layers_figure, layers, layers)
    return _draw_levels(chance_figure, run, lines, "discoveries", ': set dissection."null"')


def plot_ious(run: Run | Path | str | Layers) -> Panels:
    """Draw how the best IoU of units is spread at each level of a run; return the axes.

    The line is the median over the units of all replicates, the bands hold the middle half and the
    middle nine tenths. run: a Run or its folder, or a dissection, or layers by names of your own,
    each of which has a row. Raises DataError while the run is not finished.
    """
    if not isinstance(run, Run | Path | str):
        layers = named_layers(run)
        return draw_on_axes(ious_of_layers_figure, layers, layers)
    return _draw_levels(ious_figure, run, "means")


def plot_thresholds(results: Run | Path | str | Layers) -> Panels:
    """Draw units (left) and concepts (right) above each IoU threshold; return the axes.

    results: a dissection, whose layers have a line each, one layer, or layers by names of your own,
    such as some levels of a run: the vertical line marks the threshold they were dissected with.
    Or a run or its folder: a row for each layer, and lines for level 0 and for every strategy's
    sparsest level, means over replicates. Raises DataError while a run is not finished.
    """
    if isinstance(results, Run | Path | str):
        return _draw_levels(thresholds_of_study_figure, results, "means")
    layers = named_layers(results)
    return draw_on_axes(thresholds_figure, layers, layers)


def plot_quantiles(results: Run | Path | str | Layers) -> Panels:
    """Draw units (left) and concepts (right) at each quantile; return the axes.

    results: as for `plot_thresholds`, dissected at several quantiles (`quantiles`): the axis of
    these is logarithmic, and a vertical line marks the quantile of the tables. Of a run they are
    drawn against the weights left, a line per quantile, a row per layer and strategy.
    Raises ConfigError where there is one quantile only, DataError while a run is not finished.
    """
    if isinstance(results, Run | Path | str):
        run = results if isinstance(results, Run) else Run.load(results)
        quantiles = read_level_quantiles(run.path / TABLES)
        if quantiles is None:
            raise ConfigError(
                f"{run.path} was dissected at one quantile only: set dissection.quantiles"
            )
        shown = Shown(levels=run.levels, quantiles=quantiles)
        return draw_on_axes(level_quantiles_figure, shown, names_in(run.levels))
    layers = named_layers(results)
    if all(layer.quantile_curve() is None for layer in layers.values()):
        raise ConfigError(
            f"{' and '.join(layers)} {'was' if len(layers) == 1 else 'were'} dissected at one "
            "quantile only: dissect with others, too (--quantiles 0.001,0.01)"
        )
    return draw_on_axes(quantiles_figure, layers, layers)


def plot_classes(run: Run | Path | str) -> Panels:
    """Draw the classes whose accuracy changed most in a run, and return the axes.

    A panel for each strategy and its sparsest level: points of accuracy against level 0, with 95 %
    intervals. run: a Run or its folder. Raises DataError while the run is not finished.
    """
    opened = run if isinstance(run, Run) else Run.load(run)
    shown = Shown(levels=opened.levels, classes=opened.classes)
    return draw_on_axes(classes_figure, shown, names_in(opened.classes))


def _draw_levels(
    draw: Callable[[Any, Theme, Figure], Figure],
    run: Run | Path | str,
    lines: Lines,
    column: str | None = None,
    advice: str = "",
) -> Panels:
    """Draw a figure of a run. column: what its table of levels must have, else what to do."""
    opened = run if isinstance(run, Run) else Run.load(run)
    tables = opened.tables
    shown = Shown(levels=tables.levels, twins=tables.twins, lines=lines, units=tables.units)
    if column is not None and column not in tables.levels:
        raise ConfigError(f"the tables of {opened.path} have no {column}{advice}")
    return draw_on_axes(draw, shown, names_in(tables.levels))
