"""What does the page of a study say?"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd

from prunescope.base.progress import SILENT, Progress
from prunescope.base.text import counted
from prunescope.concepts.protocol import ConceptSet
from prunescope.report.overview import glance_at, keep_text, tabulate_levels
from prunescope.report.pages.atlas import View, write_atlas
from prunescope.report.pages.changes import changes_section
from prunescope.report.pages.columns import table_section
from prunescope.report.pages.dissection import atlas_sections, conditions_of, made_section
from prunescope.report.pages.figures import figures_section
from prunescope.report.pages.page import Page, PageSection, template_html, write_page
from prunescope.report.pages.paid import paid_section
from prunescope.report.panels import Shown
from prunescope.report.verdict_views import strategy_sections, verdict_sections
from prunescope.results.basis import axes_of
from prunescope.results.evaluation import plain_rows
from prunescope.results.layout import ASSETS, DENSE, LevelKey
from prunescope.results.opened import open_layer
from prunescope.results.run_tables import KEY


def write_study_page(
    folder: Path,
    *,
    name: str,
    facts: Mapping[str, str],
    shown: Shown,
    figures: Mapping[str, bytes],
    verdicts: Mapping[str, Any],
    dissections: Mapping[LevelKey, Sequence[Path]],
    concepts: ConceptSet | None,
    shares: pd.DataFrame | None = None,
    draws: int = 0,
    strategies: pd.DataFrame | None = None,
    exemplars: pd.DataFrame | None = None,
    made: Mapping[str, Mapping[str, str]] = MappingProxyType({}),
    recipe: str = "",
    missing: str = "",
    left_out: str | None = None,
    progress: Progress = SILENT,
) -> Path:
    """Write the page of a study into a folder and return its path.

    name: the study's. facts: what it is (network, data, ...), in the order shown.
    shown: the tables of levels, units and classes, and how figures show them.
    figures: each as svg in the light theme, by the name of its file.
    verdicts: `RunTables.verdicts`. strategies: `RunTables.strategies`. exemplars: `Run.exemplars`.
    dissections: the folders of the layers of each level, and twin, whose units are shown, in the
    order shown; each level has a row in the table.
    concepts: the set they were dissected on; None leaves images blank.
    shares: of draws, of the units: `read_shares`. draws: how many of the images there were.
    made: more facts of how it was made, by title. recipe: as YAML.
    left_out: which broken images were, in a line; None where none was.
    missing: how many levels there are ("7 of 27 levels") if some are missing.
    Raises DataError where a dissection cannot be read.
    """
    (folder / ASSETS).mkdir(parents=True, exist_ok=True)
    views = list(_views(shown, dissections, shares))
    levels = shown.levels
    if left_out is not None:
        facts = {**facts, "Left out": left_out}
    atlas = write_atlas(folder, views, concepts, progress=progress)
    sections = [
        PageSection(
            anchor="study",
            title="The study",
            html=template_html("pages/study.html", facts=facts, glance=glance_at(levels)),
        ),
        *_verdict_section(verdicts, strategies),
        figures_section(folder, shown, figures),
        PageSection(
            anchor="levels",
            title="Levels",
            html=template_html(
                "pages/levels.html",
                tables=tabulate_levels(levels),
                chance="undecided" in levels,
                left_out=left_out,
                unpaired=_is_unpaired(views),
            ),
        ),
        *changes_section(shown, atlas, _draws_text(draws, views)),
        *paid_section(shown.classes, exemplars),
        *(atlas_sections() if views else ()),
        _made_section(facts, views, made, recipe),
    ]
    notice = f"The study is not finished: this page shows {missing}." if missing else ""
    page = Page(
        title=name,
        lead="What does a network still see when its weights are pruned?",
        sections=sections,
        data=atlas | ({"draws": draws} if draws else {}),
        notice=notice,
    )
    return write_page(folder, page)


def _verdict_section(
    verdicts: Mapping[str, Any], strategies: pd.DataFrame | None
) -> Iterator[PageSection]:
    parts = verdict_sections(verdicts)
    if parts:
        html = template_html("pages/verdict.html", verdicts=parts)
        yield PageSection(anchor="verdict", title="Verdict", html=html)
    pairs = [] if strategies is None else plain_rows(strategies)
    compared = strategy_sections(pairs, verdicts) if parts else []
    if compared:
        html = template_html("pages/sections.html", parts=compared)
        yield table_section(
            anchor="strategies", title="Strategies", before=html, tables={}, nothing=""
        )


def _is_unpaired(views: Sequence[View]) -> bool:
    """Return whether levels of a layer have different directions in place of units."""
    axes = {(view.layer.layer, *axes_of({"": view.layer.summary}).values()) for view in views}
    return len(axes) > len({view.layer.layer for view in views})


def _draws_text(draws: int, views: Sequence[View]) -> str:
    """Write how often the images of a study were drawn; how many, if all levels saw as many."""
    images = {int(view.layer.summary.get("images") or 0) for view in views}
    size = counted(max(images), "image") if len(images) == 1 and max(images) else "images"
    return f"{draws:,} draws of the {size}" if draws else ""


def _made_section(
    facts: Mapping[str, str],
    views: Sequence[View],
    folded: Mapping[str, Mapping[str, str]],
    recipe: str,
) -> PageSection:
    made = {view.layer.layer: conditions_of(view.layer) for view in views}
    return made_section({"Training and pruning": facts, **made}, folded, recipe)


def _views(
    shown: Shown, dissections: Mapping[LevelKey, Sequence[Path]], shares: pd.DataFrame | None
) -> Iterator[View]:
    """Yield every layer of every level, and of every twin."""
    shares_of, outcomes_of = (
        {} if table is None else dict(iter(table.groupby(KEY)))
        for table in (shares, shown.outcomes)
    )
    several = shown.levels["replicate"].nunique() > 1
    keeps = shown.levels.groupby(["replicate", "strategy", "level"])["keep"].first()
    for level, folders in dissections.items():
        short, title, track = _names_of(level, keeps)
        for layer in map(open_layer, folders):
            key = (*astuple(level), layer.layer)
            yield View(
                layer=layer,
                key=f"{level.replicate}/{level.strategy}/{level.level}",
                title=f"replicate {level.replicate}, {title}" if several else title,
                shares=shares_of.get(key),
                concepts=outcomes_of.get(key),
                facts={
                    **{"short": short, "replicate": level.replicate, "track": track},
                    **({"starts": True} if level.strategy == DENSE else {}),
                },
            )


def _names_of(level: LevelKey, keeps: "pd.Series[float]") -> tuple[str, str, str]:
    """Return the short and the long title of a level, and of the strip on which it is."""
    if level.is_twin:
        twin = f"dense {level.strategy.replace('-', ' ')}"
        return "trained again, unpruned", twin, twin
    if level.strategy == DENSE:
        return "unpruned", "unpruned", DENSE
    keep = keep_text(float(keeps[(level.replicate, level.strategy, level.level)]))
    short = f"level {level.level}, {keep}"
    return short, f"{level.strategy}, {short}", level.strategy
