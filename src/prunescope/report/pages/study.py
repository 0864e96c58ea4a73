"""What does the page of a study say?"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd

from prunescope.base.progress import SILENT, Progress
from prunescope.concepts.protocol import ConceptSet
from prunescope.report.concept_changes import concept_changes
from prunescope.report.overview import glance_at, keep_text, tabulate_levels
from prunescope.report.pages.atlas import View, write_atlas
from prunescope.report.pages.dissection import atlas_sections, conditions_of, made_section
from prunescope.report.pages.figures import figures_section
from prunescope.report.pages.page import Page, PageSection, template_html, write_page
from prunescope.report.pages.paid import paid_section
from prunescope.report.panels import Shown
from prunescope.report.verdict_views import verdict_sections
from prunescope.results.layout import ASSETS, DENSE, LevelKey
from prunescope.results.opened import open_layer
from prunescope.results.run_tables import KEY


def write_study_page(
    folder: Path,
    *,
    name: str,
    facts: Mapping[str, str],
    shown: Shown,
    verdicts: Mapping[str, Any],
    dissections: Mapping[LevelKey, Sequence[Path]],
    concepts: ConceptSet | None,
    shares: pd.DataFrame | None = None,
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
    verdicts: `RunTables.verdicts`. exemplars: `Run.exemplars`.
    dissections: the folders of the layers of each level whose units are shown, in the order shown;
    each has a row in the table.
    concepts: the set they were dissected on; None leaves images blank.
    shares: of draws, of the units: `read_shares`.
    made: more facts of how it was made, by title. recipe: as YAML.
    left_out: which broken images were, in a line; None where none was.
    missing: how many levels there are ("7 of 27 levels") if some are missing.
    Raises DataError where a dissection cannot be read.
    """
    (folder / ASSETS).mkdir(parents=True, exist_ok=True)
    views = list(_views(shown.levels, dissections, shares))
    levels = shown.levels
    if left_out is not None:
        facts = {**facts, "Left out": left_out}
    sections = [
        PageSection(
            anchor="study",
            title="The study",
            html=template_html("pages/study.html", facts=facts, glance=glance_at(levels)),
        ),
        *_verdict_section(verdicts),
        figures_section(folder, shown),
        PageSection(
            anchor="levels",
            title="Levels",
            html=template_html(
                "pages/levels.html",
                tables=tabulate_levels(levels),
                chance="undecided" in levels,
                left_out=left_out,
            ),
        ),
        *_changes_section(shown),
        *paid_section(shown.classes, exemplars),
        *(atlas_sections() if views else ()),
        _made_section(facts, views, made, recipe),
    ]
    notice = f"The study is not finished: this page shows {missing}." if missing else ""
    page = Page(
        title=name,
        lead="What does a network still see when its weights are pruned?",
        sections=sections,
        data=write_atlas(folder, views, concepts, progress=progress),
        notice=notice,
    )
    return write_page(folder, page)


def _verdict_section(verdicts: Mapping[str, Any]) -> Iterator[PageSection]:
    parts = verdict_sections(verdicts)
    if parts:
        html = template_html("pages/verdict.html", verdicts=parts)
        yield PageSection(anchor="verdict", title="Verdict", html=html)


def _changes_section(shown: Shown) -> Iterator[PageSection]:
    changes = concept_changes(shown)
    if changes is not None:
        html = template_html("pages/sections.html", parts=[changes])
        yield PageSection(anchor="changes", title="Concepts lost and gained", html=html)


def _made_section(
    facts: Mapping[str, str],
    views: Sequence[View],
    folded: Mapping[str, Mapping[str, str]],
    recipe: str,
) -> PageSection:
    made = {view.layer.layer: conditions_of(view.layer) for view in views}
    return made_section({"Training and pruning": facts, **made}, folded, recipe)


def _views(
    levels: pd.DataFrame,
    dissections: Mapping[LevelKey, Sequence[Path]],
    shares: pd.DataFrame | None,
) -> Iterator[View]:
    """Yield every layer of every level."""
    shares_of = {} if shares is None else dict(iter(shares.groupby(KEY)))
    several = levels["replicate"].nunique() > 1
    keeps = levels.groupby(["replicate", "strategy", "level"])["keep"].first()
    for level, folders in dissections.items():
        keep = keep_text(float(keeps[(level.replicate, level.strategy, level.level)]))
        is_dense = level.strategy == DENSE
        short = "unpruned" if is_dense else f"level {level.level}, {keep}"
        title = short if is_dense else f"{level.strategy}, {short}"
        for layer in map(open_layer, folders):
            yield View(
                layer=layer,
                key=f"{level.replicate}/{level.strategy}/{level.level}",
                title=f"replicate {level.replicate}, {title}" if several else title,
                shares=shares_of.get((*astuple(level), layer.layer)),
                facts={
                    **{"short": short, "replicate": level.replicate, "level": level.level},
                    "track": level.strategy,
                },
            )
