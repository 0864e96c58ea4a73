"""How is a study shown on one page that opens from disk?"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from prunescope.base.files import write_atomically
from prunescope.base.progress import SILENT, Progress
from prunescope.concepts.protocol import ConceptSet
from prunescope.report.atlas import UnitExamples, draw_atlas
from prunescope.report.captions import Caption, write_captions
from prunescope.report.document import share_text
from prunescope.report.figures import render_figures
from prunescope.report.html import environment
from prunescope.report.overview import glance_at, keep_text, tabulate_levels
from prunescope.report.panels import WIDEST, Shown
from prunescope.report.style import DARK, LIGHT
from prunescope.report.verdict_views import verdict_sections
from prunescope.results.dissection import LayerDissection
from prunescope.results.layout import DENSE, PAGE, LevelKey
from prunescope.results.opened import open_layer

_UNITS_SHOWN = 8
_IMAGES_SHOWN = 6


@dataclass(frozen=True, kw_only=True)
class FigureView:
    """A figure of the page: light and dark drawing, caption, and its width in panels."""

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
    shown: Shown,
    verdicts: Mapping[str, Any],
    dissections: Mapping[LevelKey, Sequence[Path]],
    concepts: ConceptSet,
    missing: str = "",
    progress: Progress = SILENT,
) -> Path:
    """Write `index.html` and its `assets` into a folder and return the page's path.

    name: the study's. facts: what it is (network, data, ...), in the order shown.
    shown: the tables of levels, and how figures show them. verdicts: `RunTables.verdicts`.
    dissections: the folders of the layers whose best units are shown, by level, in the order shown;
    each has a row in the table.
    concepts: the set they were dissected on.
    missing: how many levels there are ("7 of 27 levels") if some are missing.
    The page needs nothing outside the folder and no network; equal input gives equal bytes.
    Raises DataError where a dissection or an image of the concept set cannot be read.
    """
    levels = shown.levels
    (folder / "assets").mkdir(parents=True, exist_ok=True)
    template = environment().get_template("page.html")
    text = template.render(
        name=name,
        facts=facts,
        missing=missing,
        glance=glance_at(levels),
        verdicts=verdict_sections(verdicts),
        several_layers=levels["layer"].nunique() > 1,
        chance="undecided" in levels,
        figures=_draw_figures(shown, folder),
        tables=tabulate_levels(levels),
        replicates=_by_replicate(levels, dissections, concepts, folder, progress),
    )
    page = folder / PAGE
    write_atomically(page, text.encode())
    return page


def _draw_figures(shown: Shown, folder: Path) -> list[FigureView]:
    for suffix, theme in (("light", LIGHT), ("dark", DARK)):
        for name, contents in render_figures(shown, ("svg",), theme).items():
            write_atomically(folder / f"assets/{name}-{suffix}.svg", contents["svg"])
    columns = {"fig1_accuracy": 1, "fig3_taxonomy": min(WIDEST, len(shown.strategies))}
    return [
        FigureView(
            light=f"assets/{name}-light.svg",
            dark=f"assets/{name}-dark.svg",
            caption=caption,
            columns=shown.per_row or columns.get(name, 2),
        )
        for name, caption in write_captions(shown).items()
    ]


def _by_replicate(
    levels: pd.DataFrame,
    dissections: Mapping[LevelKey, Sequence[Path]],
    concepts: ConceptSet,
    folder: Path,
    progress: Progress,
) -> dict[int, list[LevelView]]:
    """Draw the best units of every dissected level; return the levels by replicate."""
    views: dict[int, list[LevelView]] = {}
    with progress.task("Drawing the best units", sum(map(len, dissections.values()))) as task:
        for level, folders in dissections.items():
            rows = levels[
                (levels["replicate"] == level.replicate)
                & (levels["strategy"] == level.strategy)
                & (levels["level"] == level.level)
            ]
            counts = rows.set_index("layer").to_dict("index")
            drawn: list[LayerView] = []
            for layer in map(open_layer, folders):
                drawn.append(_draw_layer(layer, level, counts[layer.layer], concepts, folder))
                task.advance()
            dense = level.strategy == DENSE
            title = "Unpruned" if dense else f"{level.strategy}, level {level.level}"
            views.setdefault(level.replicate, []).append(
                LevelView(
                    title=title,
                    keep=keep_text(rows["keep"].iloc[0]),
                    accuracy=share_text(rows["accuracy"].iloc[0]),
                    layers=tuple(drawn),
                )
            )
    return views


def _draw_layer(
    layer: LayerDissection,
    level: LevelKey,
    counts: Mapping[Hashable, Any],
    concepts: ConceptSet,
    folder: Path,
) -> LayerView:
    return LayerView(
        layer=layer.layer,
        interpretable=counts["interpretable"],
        concepts=counts["concepts"],
        units=draw_atlas(layer, level, concepts, folder, units=_UNITS_SHOWN, images=_IMAGES_SHOWN),
    )
