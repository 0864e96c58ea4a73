"""How do kept, relabelled, lost and gained units and concepts look, by category?"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator

from prunescope.comparison.dissections import Comparison
from prunescope.comparison.runs import RunComparison
from prunescope.report.style import PANEL_INCHES, Theme, names_in, new_figure
from prunescope.report.words import side_text

_COLOURS = {"lost": 1, "kept": 0, "relabelled": 6, "gained": 2}  # indices in the palette
_RIGHTWARD = ("kept", "relabelled", "gained")
_TITLES = {"units": "Interpretable units", "concepts": "Distinct concepts"}
_BAR_INCHES = 0.27
_FRAME_INCHES = 0.62
_TITLE_INCHES = 0.14
_LEGEND_INCHES = 0.3
_BAR_HEIGHT = 0.74
_DIGIT = 0.024  # of the panel's width: one digit of a number in a bar
_SIDE_CHARACTERS = 90
_ROOM = 0.27  # of the bars' extent, to their right: the counts of A and B


def outcomes_figure(summary: Mapping[str, Any], theme: Theme, into: Figure | None = None) -> Figure:
    """Draw, for each layer, its units (left) and concepts (right) by category.

    summary: a Comparison's, whose `a` and `b` are named at the top. Right of the line is what B
    kept, relabelled and gained, left of it what B lost; beside each bar are the counts in A and
    B. Empty categories are left out; if units were not paired, only concepts are drawn.
    """
    layers = summary["layers"]
    paired = any("kept" in counts["units"] for counts in layers.values())
    kinds = ("units", "concepts") if paired else ("concepts",)
    shown = {name: _categories_shown(counts["by_category"]) for name, counts in layers.items()}
    heights = [
        _FRAME_INCHES
        + _BAR_INCHES * max(1, len(shown[layer]))
        + _TITLE_INCHES * _title("", counts).count("\n")
        for layer, counts in layers.items()
    ]
    width = PANEL_INCHES[0] * max(1.5, len(kinds))
    names = sides_title(summary["a"], summary["b"])
    above = _LEGEND_INCHES + _TITLE_INCHES * (1 + names.count("\n"))
    figure = new_figure(width, sum(heights) + above, into)
    panels = figure.subplots(len(layers), len(kinds), squeeze=False, height_ratios=heights)
    for (layer, counts), row in zip(layers.items(), panels, strict=True):
        for kind, axes in zip(kinds, row, strict=True):
            axes.set_title(_title(_TITLES[kind], counts))
            bars = {name: counts["by_category"][name][kind] for name in shown[layer]}
            _draw_bars(axes, bars, theme)
    _draw_legend(figure, kinds, names, theme)
    return figure


def comparison_names(comparison: Comparison | RunComparison) -> Iterator[str]:
    """Yield the user's names in a comparison's figure: sides, layers, categories."""
    yield from (comparison.a["name"], comparison.b["name"])
    table = comparison.levels if isinstance(comparison, RunComparison) else comparison.units
    yield from names_in(table)


def sides_title(a: Mapping[str, Any], b: Mapping[str, Any]) -> str:
    """Return two lines that name A and B; long paths are cut at the start."""
    texts = {"A": side_text(a), "B": side_text(b)}
    return "\n".join(
        f"{letter}: {text if len(text) <= _SIDE_CHARACTERS else '…' + text[1 - _SIDE_CHARACTERS :]}"
        for letter, text in texts.items()
    )


def _title(kind: str, counts: Mapping[str, Any]) -> str:
    a, b = counts["layer_a"], counts["layer_b"]
    return f"{kind}, {a}" if a == b else f"{kind}\nA: {a}\nB: {b}"


def _categories_shown(by_category: Mapping[str, Any]) -> list[str]:
    """Return the categories in which either side has anything."""
    return [
        name
        for name, counts in by_category.items()
        if counts["units"]["a"] + counts["units"]["b"] > 0
    ]


def _draw_bars(axes: Axes, bars: Mapping[str, Mapping[str, Any]], theme: Theme) -> None:
    if not any("kept" in counts for counts in bars.values()):
        _leave_empty(axes, "units not paired" if bars else "none interpretable")
        return
    left = max(counts["lost"] for counts in bars.values())
    right = max(sum(counts.get(name, 0) for name in _RIGHTWARD) for counts in bars.values())
    extent = max(1, left + right)
    lower, upper = -left - 0.03 * extent, right + _ROOM * extent
    axes.set_xlim(lower, upper)
    axes.set_ylim(len(bars) - 0.4, -0.6)
    axes.set_yticks(range(len(bars)), labels=list(bars))
    for row, counts in enumerate(bars.values()):
        end = 0.0
        for name, start, count in _segments(counts):
            colour = theme.palette[_COLOURS[name]]
            axes.barh(row, count, left=start, height=_BAR_HEIGHT, color=colour, linewidth=0)
            end = max(end, start + count)
            if count >= _DIGIT * (len(f"{count:,}") + 0.5) * (upper - lower):
                _write(axes, start + count / 2, row, f"{count:,}", color=theme.paper, ha="center")
        text = f"{counts['a']:,} → {counts['b']:,}"
        clear = {"facecolor": theme.paper, "edgecolor": "none", "pad": 0.8}  # of grid lines
        _write(axes, end + 0.015 * (upper - lower), row, text, color=theme.muted, bbox=clear)
    axes.axvline(0, color=theme.ink, linewidth=0.9)
    axes.grid(visible=True, axis="x")
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10], integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{abs(value):,.0f}"))


def _segments(counts: Mapping[str, Any]) -> Iterator[tuple[str, int, int]]:
    """Yield each outcome of a bar with its left end and its count."""
    if counts["lost"]:
        yield "lost", -counts["lost"], counts["lost"]
    start = 0
    for name in _RIGHTWARD:
        if counts.get(name, 0):
            yield name, start, counts[name]
            start += counts[name]


def _write(axes: Axes, x: float, y: float, text: str, **look: Any) -> None:
    axes.text(x, y, text, fontsize=7, va="center_baseline", zorder=3, **look)


def _leave_empty(axes: Axes, reason: str) -> None:
    axes.set_axis_off()
    axes.text(0.5, 0.5, reason, transform=axes.transAxes, ha="center", va="center")


def _draw_legend(figure: Figure, kinds: Sequence[str], title: str, theme: Theme) -> None:
    outcomes = [name for name in _COLOURS if name != "relabelled" or "units" in kinds]
    keys = [Patch(color=theme.palette[_COLOURS[name]], label=name) for name in outcomes]
    keys.append(Patch(color=theme.paper, label="behind a bar: number in A → in B"))
    figure.legend(
        handles=keys,
        loc="outside upper left",
        ncols=len(keys),
        handlelength=1.0,
        handleheight=0.8,
        title=title,
        alignment="left",
    )
