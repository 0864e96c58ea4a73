"""What do several layers see, side by side: by category, beyond chance, and how clearly?"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from prunescope.report.document import mean_text
from prunescope.report.lines import cycle
from prunescope.report.overview import keep_text
from prunescope.report.panels import Shown, of_layer
from prunescope.report.style import PANEL_INCHES, Theme, new_figure
from prunescope.results.dissection import LayerDissection
from prunescope.results.layout import DENSE
from prunescope.results.run_tables import level_categories

ByCategory = Mapping[str, Mapping[str, float]]
"""The `units` and `concepts` of each category."""

_TITLES = {"units": "Interpretable units", "concepts": "Distinct concepts"}
_BAR_INCHES = 0.24
_GAP = 0.5  # of a bar, between groups
_FRAME_INCHES = 0.85
_ROOM = 1.22  # times the longest bar, for the number behind it
_BANDS = ((0.05, 0.95, 1.2), (0.25, 0.75, 4.5))  # quantiles, and the line's width


def layers_figure(
    rows: Sequence[tuple[str, str, ByCategory]], theme: Theme, into: Figure | None = None
) -> Figure:
    """Draw units (left) and concepts (right) by category, a bar for each row, its sum behind it.

    rows: of each the group, its name, and its counts; those of a group stand together.
    """
    figure, panels, places = _panels([(group, name) for group, name, _ in rows], 2, into)
    categories = list(dict.fromkeys(name for *_, counts in rows for name in counts))
    for axes, (kind, title) in zip(panels, _TITLES.items(), strict=True):
        axes.set_title(title)
        ends = [0.0] * len(rows)
        for index, category in enumerate(categories):
            counts = [each.get(category, {}).get(kind, 0) for *_, each in rows]
            colour = cycle(theme.palette, index)
            axes.barh(places, counts, left=ends, height=0.74, color=colour, linewidth=0)
            ends = [end + count for end, count in zip(ends, counts, strict=True)]
        _write_behind(axes, places, ends, [mean_text(end) for end in ends], theme)
    colours = [cycle(theme.palette, index) for index in range(len(categories))]
    _draw_legend(figure, dict(zip(categories, colours, strict=True)))
    return figure


def rows_of_study(shown: Shown) -> Iterator[tuple[str, str, ByCategory]]:
    """Yield rows for `layers_figure`: of each layer level 0 and every strategy's sparsest level.

    Counts are means over replicates.
    """
    categories = level_categories(shown.levels)
    for layer in shown.layers:
        levels = of_layer(shown.levels, layer)
        yield layer, "unpruned", _means(levels[levels["strategy"] == DENSE], categories)
        for strategy in shown.strategies:
            rows = levels[levels["strategy"] == strategy]
            last = rows[rows["level"] == rows["level"].max()]
            if len(last) and strategy != DENSE:
                keep = keep_text(float(last["keep"].mean()))
                yield layer, f"{strategy}, {keep}", _means(last, categories)


def layers_of_study_figure(shown: Shown, theme: Theme, into: Figure | None = None) -> Figure:
    """Draw the layers of a study side by side, see `rows_of_study`."""
    return layers_figure(list(rows_of_study(shown)), theme, into)


def ious_of_layers_figure(
    layers: Mapping[str, LayerDissection], theme: Theme, into: Figure | None = None
) -> Figure:
    """Draw how the best IoUs of each layer's units are spread, a row for each layer.

    The dot is the median, the thick line holds the middle half and the thin one the middle nine
    tenths; dead units count as 0. Upright lines mark the thresholds of the dissections.
    """
    figure, [axes], places = _panels([(name, "") for name in layers], 1, into)
    axes.set_title("Best IoU of a unit")
    for place, layer in zip(places, layers.values(), strict=True):
        ious = layer.units["iou"].fillna(0.0)
        for low, high, width in _BANDS:
            ends = [ious.quantile(low), ious.quantile(high)]
            axes.plot(
                *(ends, [place, place]), color=theme.palette[0], linewidth=width, alpha=0.55,
                solid_capstyle="butt",
            )  # fmt: skip
        axes.plot([ious.median()], [place], marker="o", color=theme.palette[0], markersize=6)
    stated = ((layer.summary.get("settings") or {}).get("iou") for layer in layers.values())
    for iou in sorted({float(each) for each in stated if each is not None}):
        axes.axvline(iou, color=theme.muted, linewidth=0.7)
    axes.set_xlim(left=0)
    axes.set_xlabel("IoU; the upright line: interpretable above it")
    return figure


def chance_of_layers_figure(
    layers: Mapping[str, LayerDissection], theme: Theme, into: Figure | None = None
) -> Figure:
    """Draw interpretable units and concepts, and those beyond chance, a row for each layer.

    Units that too few draws leave undecided have a colour of their own. All layers need draws of
    chance.
    """
    figure, panels, places = _panels([(name, "") for name in layers], 2, into)
    strong, open_, faint = theme.palette[0], theme.palette[6], theme.faint
    summaries = [layer.summary for layer in layers.values()]
    undecided = [int(summary["chance"].get("undecided", 0)) for summary in summaries]
    for axes, kind, plain, beyond in zip(
        panels, _TITLES, ("interpretable", "concepts"), ("discoveries", "concepts"), strict=True
    ):
        axes.set_title(_TITLES[kind])
        found = [int(summary[plain]) for summary in summaries]
        sure = [int(summary["chance"][beyond]) for summary in summaries]
        axes.barh(places, found, height=0.74, color=faint, linewidth=0)
        axes.barh(places, sure, height=0.44, color=strong, linewidth=0)
        if kind == "units":
            axes.barh(places, undecided, left=sure, height=0.44, color=open_, linewidth=0)
        texts = [
            _beyond_text(*counts, of_units=kind == "units")
            for counts in zip(sure, found, undecided, strict=True)
        ]
        _write_behind(axes, places, found, texts, theme)
        axes.set_xlim(right=1.5 / _ROOM * axes.get_xlim()[1])
    colours = {"interpretable": faint, "beyond chance": strong, "undecided": open_}
    _draw_legend(figure, {n: c for n, c in colours.items() if n != "undecided" or any(undecided)})
    return figure


def _beyond_text(sure: int, found: int, undecided: int, *, of_units: bool) -> str:
    if not undecided:
        return f"{sure:,} of {found:,}"
    if of_units:
        return f"{sure:,} of {found:,}, {undecided:,} undecided"
    return f"at least {sure:,} of {found:,}"


def _means(levels: pd.DataFrame, categories: Sequence[str]) -> ByCategory:
    kinds = ("units", "concepts")
    return {
        name: {kind: float(levels[f"{name}_{kind}"].mean()) for kind in kinds}
        for name in categories
    }


def _panels(
    names: Sequence[tuple[str, str]], columns: int, into: Figure | None
) -> tuple[Figure, list[Axes], list[float]]:
    """Return a figure with panels beside each other, and where the bar of each name goes.

    names: of a group, and of a row in it, empty where the group has but one.
    """
    places: list[float] = []
    for number, (_, rows) in enumerate(groupby(range(len(names)), key=lambda row: names[row][0])):
        places += [row + (number * _GAP if any(name for _, name in names) else 0) for row in rows]
    height = _FRAME_INCHES + _BAR_INCHES * (places[-1] + 1)
    figure = new_figure(PANEL_INCHES[0] * max(1.5, columns), height, into)
    panels = list(figure.subplots(1, columns, squeeze=False, sharey=True)[0])
    for axes in panels:
        labels = [", ".join(part for part in pair if part) for pair in names]
        axes.set_yticks(places, labels=labels)
        axes.set_ylim(places[-1] + 0.6, -0.6)
        axes.grid(visible=True, axis="x")
        axes.grid(visible=False, axis="y")
        axes.spines["left"].set_visible(False)
    return figure, panels, places


def _write_behind(
    axes: Axes, places: Sequence[float], ends: Sequence[float], texts: Sequence[str], theme: Theme
) -> None:
    longest = max([1.0, *ends])
    axes.set_xlim(0, _ROOM * longest)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10], integer=True))
    for place, end, text in zip(places, ends, texts, strict=True):
        axes.text(
            end + 0.02 * longest, place, text, va="center_baseline", fontsize=7, color=theme.muted
        )


def _draw_legend(figure: Figure, colours: Mapping[str, str]) -> None:
    keys = [Patch(color=colour, label=name) for name, colour in colours.items()]
    figure.legend(
        handles=keys, loc="outside upper left", ncols=len(keys), handlelength=1.0, handleheight=0.8
    )
