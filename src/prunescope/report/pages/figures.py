"""Which figures does the page of a study have, drawn for paper and screens, and as curves?"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from prunescope.report.captions import Caption, write_captions
from prunescope.report.curves import curves_of, means_of, replicates_of, strategies_of
from prunescope.report.figures import ACCURACY, CONSISTENCY, COUNTS
from prunescope.report.more_figures import SURVIVAL
from prunescope.report.pages.page import PageSection, rounded, template_html
from prunescope.report.panels import WIDEST, Quantity, Shown, of_layer
from prunescope.report.style import darkened
from prunescope.results.layout import ASSETS
from prunescope.results.run_tables import level_categories

_X = {"title": "Weights left", "kind": "percent", "log": True, "falls": True}
_QUANTITIES = {
    "fig1_accuracy": (ACCURACY,),
    "fig2_interpretability": COUNTS,
    "fig4_consistency": CONSISTENCY,
    "survival": (SURVIVAL,),
}
_TAXONOMY = "fig3_taxonomy"
_PAIRS = {"thresholds": 2, "layers": 2}  # panels beside each other, whatever the strategies


@dataclass(frozen=True, kw_only=True)
class FigureView:
    """A figure: light and dark drawing, caption, its width in panels, and where its curves go.

    place: empty where there is only the drawing.
    """

    light: str
    dark: str
    caption: Caption
    columns: int
    place: str


def figures_section(folder: Path, shown: Shown, drawn: Mapping[str, bytes]) -> PageSection:
    """Write the figures of a study into the page's assets and return their section.

    Where scripts run, those of levels are curves that answer the pointer; all are there for print.
    drawn: each as svg in the light theme.
    """
    for name, svg in drawn.items():
        (folder / ASSETS / f"{name}-light.svg").write_bytes(svg)
        (folder / ASSETS / f"{name}-dark.svg").write_bytes(darkened(svg))
    columns = {"fig1_accuracy": 1, _TAXONOMY: min(WIDEST, len(shown.strategies))}
    captions = write_captions(shown)
    lively = {name: chart for name in captions if (chart := _chart(name, shown))}
    views = [
        FigureView(
            light=f"{ASSETS}/{name}-light.svg",
            dark=f"{ASSETS}/{name}-dark.svg",
            caption=caption,
            columns=_PAIRS.get(name) or min(WIDEST, shown.per_row or columns.get(name, 2)),
            place=_place(name) if name in lively else "",
        )
        for name, caption in captions.items()
    ]
    return PageSection(
        anchor="figures",
        title="Figures",
        html=template_html("pages/figures.html", figures=views),
        data={"charts": list(lively.values())},
    )


def _place(name: str) -> str:
    return f"curves-{name.replace('_', '-')}"


def _chart(name: str, shown: Shown) -> dict[str, Any] | None:
    """Return the curves of a figure; None for one that is not of levels."""
    if name == _TAXONOMY:
        choices = list(_taxonomy(shown))
    elif name in _QUANTITIES:
        layers = shown.layers if name != "fig1_accuracy" else [""]
        choices = [
            _choice(quantity, layer, shown) for layer in layers for quantity in _QUANTITIES[name]
        ]
    else:
        return None
    start = int(shown.lines == "replicates")
    return {"place": _place(name), "title": "Show", "x": _X, "choices": choices, "each": start}


def _choice(quantity: Quantity, layer: str, shown: Shown) -> dict[str, Any]:
    """Return the curves of a quantity: means over replicates, and each replicate."""
    levels = of_layer(shown.levels, layer)
    title = ", ".join(part for part in (quantity.title, layer) if part)
    top = {"top": 1} if quantity in (*CONSISTENCY, SURVIVAL) else {}
    kind = "percent" if quantity.is_share else "count"
    free = {"free": True} if quantity is ACCURACY else {}
    column = quantity.column
    means = [
        _mean(levels, strategy, column, strategy, index)
        for index, strategy in enumerate(strategies_of(levels))
    ]
    return {
        "title": title,
        "y": {"title": quantity.title, "kind": kind, **top, **free},
        "curves": [*means, *_references(levels, shown, layer, column)],
        "each": list(_each(levels, column)),
    }


def _references(
    levels: pd.DataFrame, shown: Shown, layer: str, column: str
) -> Iterator[dict[str, Any]]:
    """Yield what dense twins have, and what chance would leave, as dotted curves."""
    ends = [float(levels["keep"].min()), float(levels["keep"].max())]
    if shown.twins is not None:
        mean = float(of_layer(shown.twins, layer)[column].mean())
        if math.isfinite(mean):
            yield {"title": "dense twins", "x": rounded(ends), "y": rounded([mean] * 2), "dots": 1}
    for index, strategy in enumerate(strategies_of(levels)):
        if f"{column}_chance" in levels:
            name = f"{strategy}, by chance"
            yield {**_mean(levels, strategy, f"{column}_chance", name, index), "dots": 1}


def _mean(
    levels: pd.DataFrame, strategy: str, column: str, title: str, colour: int
) -> dict[str, Any]:
    means = means_of(levels, strategy, column)
    bands = {"low": rounded(means.low), "high": rounded(means.high)}
    return {
        **{"title": title, "x": rounded(means.keep), "y": rounded(means.mean), "colour": colour},
        **(bands if np.isfinite(means.low).any() else {}),
    }


def _each(levels: pd.DataFrame, column: str) -> Iterator[Mapping[str, Any]]:
    """Yield a curve for each replicate, if there are several."""
    strategies, replicates = strategies_of(levels), replicates_of(levels)
    for curve in curves_of(levels) if len(replicates) > 1 else ():
        strategy, replicate = strategies.index(curve.strategy), replicates.index(curve.replicate)
        several = len(strategies) > 1
        yield {
            "title": f"{f'{curve.strategy}, ' * several}replicate {curve.replicate}",
            "x": rounded(curve.rows["keep"]),
            "y": rounded(curve.rows[column].astype(float)),
            "colour": strategy if several else replicate,
            "dash": replicate if several else 0,
        }


def _taxonomy(shown: Shown) -> Iterator[dict[str, Any]]:
    """Yield the curves of categories for each layer and strategy."""
    for layer in shown.layers:
        levels = of_layer(shown.levels, layer)
        for strategy in strategies_of(levels):
            categories: Sequence[str] = level_categories(levels)
            curves = [
                _mean(levels, strategy, f"{name}_concepts", name, index)
                for index, name in enumerate(categories)
            ]
            yield {
                "title": f"{layer}, {strategy}",
                "y": {"title": "Distinct concepts", "kind": "count"},
                "curves": [curve for curve in curves if any(curve["y"])],
            }
