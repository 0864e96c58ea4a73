"""How does the error barrier fall as networks are rewound to later steps?"""

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from prunescope.report.style import (
    LIGHT,
    MARKERS,
    PANEL_INCHES,
    Theme,
    drawing,
    figure_bytes,
    new_figure,
)


def render_instability(
    barriers: pd.DataFrame, lines: pd.DataFrame, stable: float, forms: Sequence[str]
) -> dict[str, bytes]:
    """Return the figure of rewind points, by form: png, svg or pdf.

    barriers: with columns rewind_to, iteration, replicate, twin and barrier, in points.
    lines: with rewind_to, replicate, twin, share and error. stable: points below which training
    is called stable.
    """
    with drawing(LIGHT, barriers["rewind_to"]):
        return figure_bytes(instability_figure(barriers, lines, stable, LIGHT), forms)


def instability_figure(
    barriers: pd.DataFrame,
    lines: pd.DataFrame,
    stable: float,
    theme: Theme,
    into: Figure | None = None,
) -> Figure:
    """Draw the barrier of each rewind point (left) and the errors on the lines (right)."""
    width, height = PANEL_INCHES
    figure = new_figure(2 * width, height + 0.35, into)
    left, right = figure.subplots(1, 2)
    _draw_barriers(left, barriers, stable, theme)
    _draw_lines(right, lines, theme)
    return figure


def _draw_barriers(axes: Axes, barriers: pd.DataFrame, stable: float, theme: Theme) -> None:
    axes.set_title("Error barrier (points)")
    means = barriers.groupby(["iteration", "rewind_to"])["barrier"].mean().reset_index()
    positions = {name: index for index, name in enumerate(means["rewind_to"])}
    axes.axhline(stable, color=theme.muted, linewidth=0.8, linestyle=(0, (4, 2)))
    axes.annotate(
        f"stable below {stable:g}",
        (0.01, stable),
        xycoords=("axes fraction", "data"),
        ha="left",
        va="bottom",
        color=theme.muted,
        fontsize=7,
    )
    axes.plot(range(len(means)), means["barrier"], color=theme.palette[0])
    for index, (_, of_replicate) in enumerate(barriers.groupby("replicate")):
        axes.plot(
            [positions[name] for name in of_replicate["rewind_to"]],
            of_replicate["barrier"],
            linestyle="none",
            marker=MARKERS[index % len(MARKERS)],
            color=theme.palette[0],
            clip_on=False,
        )
    axes.set_xticks(range(len(means)), list(means["rewind_to"]))
    axes.set_xlabel("step to rewind to")
    axes.set_ylim(bottom=0)


def _draw_lines(axes: Axes, lines: pd.DataFrame, theme: Theme) -> None:
    axes.set_title("Test error on the line between twins")
    ordered = lines.sort_values("iteration", kind="stable")
    for index, (name, of_step) in enumerate(ordered.groupby("rewind_to", sort=False)):
        colour = theme.palette[index % len(theme.palette)]
        mean = 100 * of_step.groupby("share")["error"].mean()
        axes.plot(mean.index, mean, color=colour, label=str(name))
    axes.set_xlabel("share of the way from level 0 to its twin")
    axes.yaxis.set_major_formatter("{x:g}%")
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.35 * (high - low))  # room for the legend above the curves
    axes.legend(title="rewound to", title_fontsize=7.5, loc="upper center", ncols=4)
