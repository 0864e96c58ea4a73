"""How does a study look as one page that opens from disk?"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from prunescope.base.files import write_atomically
from prunescope.base.progress import SILENT, Progress
from prunescope.base.text import printed
from prunescope.concepts.protocol import ConceptSet
from prunescope.report.atlas import DissectedLayer, UnitExamples, draw_atlas
from prunescope.report.captions import Caption, write_captions
from prunescope.report.figures import render_figures
from prunescope.report.lines import strategies_of
from prunescope.report.overview import (
    glance_at,
    keep_text,
    share_text,
    tabulate_levels,
)
from prunescope.report.style import DARK, LIGHT
from prunescope.results.layout import DENSE, PAGE

_UNITS_SHOWN = 8
_IMAGES_SHOWN = 6


@dataclass(frozen=True, kw_only=True)
class FigureView:
    """A figure of the page: its two drawings, its words, and how many panels it is wide."""

    light: str
    dark: str
    caption: Caption
    columns: int


@dataclass(frozen=True, kw_only=True)
class LayerView:
    """One layer of one level: its counts and its best units."""

    layer: str
    interpretable: int
    concepts: int
    units: tuple[UnitExamples, ...]


@dataclass(frozen=True, kw_only=True)
class LevelView:
    """One level of one replicate, with its layers."""

    title: str
    keep: str
    accuracy: str
    layers: tuple[LayerView, ...]


def write_page(
    folder: Path,
    *,
    name: str,
    facts: Mapping[str, str],
    levels: pd.DataFrame,
    dissections: Sequence[DissectedLayer],
    concepts: ConceptSet,
    missing: str = "",
    progress: Progress = SILENT,
) -> Path:
    """Write `index.html` and its `assets` into a folder and return the page's path.

    name: the study's. facts: what it is (network, data, ...), shown in their order.
    levels: the table of levels. dissections: the layers whose best units are shown, in the order
    they are shown; each has its row in `levels`. concepts: the set they were dissected on.
    missing: which levels there are ("7 of 27 levels") where that is not all.
    The page needs nothing outside the folder and no network; equal input, equal bytes.
    Raises DataError where a dissection or an image of the concept set cannot be read.
    """
    (folder / "assets").mkdir(parents=True, exist_ok=True)
    environment = Environment(
        loader=PackageLoader("prunescope.report"),
        autoescape=True,
        finalize=printed,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    text = environment.get_template("page.html").render(
        name=name,
        facts=facts,
        missing=missing,
        glances=glance_at(levels),
        several_layers=levels["layer"].nunique() > 1,
        several_replicates=levels["replicate"].nunique() > 1,
        figures=_draw_figures(levels, folder),
        tables=tabulate_levels(levels),
        replicates=_draw_levels(levels, dissections, concepts, folder, progress),
    )
    page = folder / PAGE
    write_atomically(page, text.encode())
    return page


def _draw_figures(levels: pd.DataFrame, folder: Path) -> list[FigureView]:
    for suffix, theme in (("light", LIGHT), ("dark", DARK)):
        for name, contents in render_figures(levels, ("svg",), theme).items():
            write_atomically(folder / f"assets/{name}-{suffix}.svg", contents["svg"])
    columns = {"fig1_accuracy": 1, "fig3_taxonomy": len(strategies_of(levels))}
    return [
        FigureView(
            light=f"assets/{name}-light.svg",
            dark=f"assets/{name}-dark.svg",
            caption=caption,
            columns=columns.get(name, 2),
        )
        for name, caption in write_captions(levels).items()
    ]


def _draw_levels(
    levels: pd.DataFrame,
    dissections: Sequence[DissectedLayer],
    concepts: ConceptSet,
    folder: Path,
    progress: Progress,
) -> dict[int, list[LevelView]]:
    """Draw the best units of every dissected level; return the levels by replicate."""
    views: dict[int, list[LevelView]] = {}
    with progress.task("Drawing the best units", len(dissections)) as task:
        for (replicate, strategy, level), layers in groupby(dissections, key=_place):
            own = levels[
                (levels["replicate"] == replicate)
                & (levels["strategy"] == strategy)
                & (levels["level"] == level)
            ]
            counts = {row["layer"]: row for row in own.to_dict("records")}
            drawn = []
            for layer in layers:
                drawn.append(_draw_layer(layer, counts[layer.layer], concepts, folder))
                task.advance()
            view = LevelView(
                title="Unpruned" if strategy == DENSE else f"{strategy}, level {level}",
                keep=keep_text(own["keep"].iloc[0]),
                accuracy=share_text(own["accuracy"].iloc[0]),
                layers=tuple(drawn),
            )
            views.setdefault(replicate, []).append(view)
    return views


def _draw_layer(
    layer: DissectedLayer, counts: Mapping[Hashable, Any], concepts: ConceptSet, folder: Path
) -> LayerView:
    return LayerView(
        layer=layer.layer,
        interpretable=counts["interpretable"],
        concepts=counts["concepts"],
        units=draw_atlas(layer, concepts, folder, units=_UNITS_SHOWN, images=_IMAGES_SHOWN),
    )


def _place(dissected: DissectedLayer) -> tuple[int, str, int]:
    return dissected.replicate, dissected.strategy, dissected.level
