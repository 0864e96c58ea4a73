"""What do the levels show? Figures 1-4 of Frankle and Bau (2019), and some more."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from prunescope.base.files import write_atomically
from prunescope.report.curves import replicates_of
from prunescope.report.layers_figure import layers_of_study_figure
from prunescope.report.lines import (
    draw_categories,
    draw_ceiling,
    draw_chance,
    draw_legend,
    keys_of,
    keys_of_references,
    name_line_ends,
)
from prunescope.report.more_figures import (
    SURVIVAL,
    chance_figure,
    classes_figure,
    ious_figure,
    survival_figure,
)
from prunescope.report.panels import (
    WIDEST,
    Panel,
    Quantity,
    Shown,
    blocks_of,
    draw_panel,
    finish,
    has_chance,
    of_layer,
)
from prunescope.report.quantile_figure import level_quantiles_figure
from prunescope.report.settings import FORMATS, Format
from prunescope.report.style import (
    LIGHT,
    Theme,
    count_from_zero,
    drawing,
    figure_bytes,
    names_in,
    new_panels,
    show_percent,
)
from prunescope.report.threshold_figure import thresholds_of_study_figure
from prunescope.results.run_tables import level_categories

ACCURACY = Quantity(column="accuracy", title="Top-1 accuracy", is_share=True)
COUNTS = (
    Quantity(column="interpretable", title="Interpretable units"),
    Quantity(column="concepts", title="Distinct concepts"),
)
CONSISTENCY = (
    Quantity(column="still_interpretable", title="Units still interpretable", is_share=True),
    Quantity(column="same_concept", title="Of these, with the same concept", is_share=True),
)


def draw_figures(shown: Shown, folder: Path, formats: Sequence[Format] = FORMATS) -> list[Path]:
    """Draw all figures into a folder and return their paths.

    formats: besides svg; png has 200 dpi.
    Each layer is a row of panels, and with more than three strategies each of these has a panel.
    Counts start at 0; shares span 0 to 100 %; an undefined value leaves a gap. Equal tables give
    equal bytes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, contents in render_figures(shown, (*formats, "svg"), LIGHT).items():
        for form, content in contents.items():
            path = folder / f"{name}.{form}"
            write_atomically(path, content)
            paths.append(path)
    return sorted(paths)


def render_figures(shown: Shown, forms: Sequence[str], theme: Theme) -> dict[str, dict[str, bytes]]:
    """Return figures by file name without its ending, each as png, svg or pdf by form.

    They are the four of the paper, and those of `more_figures` for which the tables hold enough.
    """
    drawn: dict[str, Callable[[Shown, Theme], Figure]] = {
        "fig1_accuracy": accuracy_figure,
        "fig2_interpretability": interpretability_figure,
        "fig3_taxonomy": taxonomy_figure,
        "fig4_consistency": consistency_figure,
    }
    if SURVIVAL.column in shown.levels:
        drawn["survival"] = survival_figure
    if "discoveries" in shown.levels:
        drawn["chance"] = chance_figure
    if shown.units is not None:
        drawn["ious"] = ious_figure
        drawn["thresholds"] = thresholds_of_study_figure
    if len(shown.layers) > 1:
        drawn["layers"] = layers_of_study_figure
    if shown.classes is not None and len(shown.classes):
        drawn["classes"] = classes_figure
    if shown.quantiles is not None:
        drawn["quantiles"] = level_quantiles_figure
    with drawing(theme, names_in(shown.levels)):
        return {name: figure_bytes(draw(shown, theme), forms) for name, draw in drawn.items()}


def accuracy_figure(shown: Shown, theme: Theme, into: Figure | None = None) -> Figure:
    """Fig. 1: top-1 accuracy against weights left."""
    figure, blocks = blocks_of(shown, [ACCURACY], into, layers=[""])
    for [panels] in blocks:
        for panel in panels:
            draw_panel(panel, shown, theme)
        low, high = (
            pick(limit for panel in panels for limit in panel.axes.get_ylim())
            for pick in (min, max)
        )
        for panel in panels:
            panel.axes.set_ylim(low, high)
            show_percent(panel.axes, least_span=2.0)
    finish(figure, shown)
    draw_legend(figure, _keys(shown, theme))
    return figure


def interpretability_figure(shown: Shown, theme: Theme, into: Figure | None = None) -> Figure:
    """Fig. 2: interpretable units and distinct concepts, layer by layer."""
    figure, blocks = blocks_of(shown, COUNTS, into)
    for block in blocks:
        for panels in block:
            for panel in panels:
                draw_panel(panel, shown, theme)
            count_from_zero([panel.axes for panel in panels])
    finish(figure, shown)
    draw_legend(figure, _keys(shown, theme))
    return figure


def taxonomy_figure(shown: Shown, theme: Theme, into: Figure | None = None) -> Figure:
    """Fig. 3: distinct concepts by category, a panel per strategy.

    Means over replicates or, where each replicate has a line in the others, the first one's.
    """
    levels = shown.levels
    replicate = replicates_of(levels)[0]
    if shown.lines == "replicates":
        levels = levels[levels["replicate"] == replicate]
    strategies, layers = shown.strategies, shown.layers
    rows = math.ceil(len(strategies) / WIDEST)  # of a layer
    figure, grid = new_panels(len(layers) * rows, math.ceil(len(strategies) / rows), into)
    for number, layer in enumerate(layers):
        row = [axes for line in grid[number * rows : (number + 1) * rows] for axes in line]
        for left_over in row[len(strategies) :]:
            left_over.remove()
        panels = row[: len(strategies)]
        for axes, strategy in zip(panels, strategies, strict=True):
            kind = "Concepts by category" if len(strategies) == 1 else strategy
            of = f", replicate {replicate}" if shown.lines == "replicates" else ""
            axes.set_title(f"{kind}, {layer}{of}")
            categories = level_categories(levels)
            draw_categories(axes, of_layer(levels, layer), strategy, categories, theme)
        count_from_zero(panels)
        for axes in panels:
            name_line_ends(axes)
    finish(figure, shown)
    return figure


def consistency_figure(shown: Shown, theme: Theme, into: Figure | None = None) -> Figure:
    """Fig. 4: units of level 0 still interpretable, and those of them with the same concept.

    Beside them what dense twins of level 0 keep of it, the most that pruning could be blamed
    against, and what would be left by chance.
    """
    figure, blocks = blocks_of(shown, CONSISTENCY, into)
    for block in blocks:
        for panels in block:
            for panel in panels:
                draw_panel(panel, shown, theme)
                _draw_references(panel, shown, theme)
                panel.axes.set_ylim(0, 104)
                show_percent(panel.axes, least_span=100.0)
    finish(figure, shown)
    twins, chance = shown.twins is not None, has_chance(shown.levels)
    references = keys_of_references(theme, twins=twins, chance=chance)
    draw_legend(figure, [*_keys(shown, theme), *references])
    return figure


def _keys(shown: Shown, theme: Theme) -> list[Line2D]:
    return keys_of(shown.levels, theme, shown.lines, together=not shown.per_row)


def _draw_references(panel: Panel, shown: Shown, theme: Theme) -> None:
    column = panel.quantity.column
    if shown.twins is not None:
        draw_ceiling(panel.axes, of_layer(shown.twins, panel.layer), column, theme, 100.0)
    if has_chance(shown.levels):
        levels = of_layer(shown.levels, panel.layer)
        draw_chance(panel.axes, levels, f"{column}_chance", theme, 100.0, panel.strategies)
