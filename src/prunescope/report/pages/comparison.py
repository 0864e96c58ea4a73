"""What does the page of a comparison say?"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from prunescope.comparison.dissections import Comparison
from prunescope.comparison.outcomes import LayerComparison
from prunescope.comparison.runs import RunComparison
from prunescope.concepts.protocol import ConceptSet
from prunescope.report.document import Section
from prunescope.report.pages.atlas import View, write_atlas
from prunescope.report.pages.columns import TableColumn, columns_of, table_section
from prunescope.report.pages.dissection import conditions_of, made_section
from prunescope.report.pages.page import Page, PageSection, template_html, write_page
from prunescope.report.paid_views import classes_title
from prunescope.report.views import sections_of
from prunescope.report.words import side_text
from prunescope.results.dissection import Dissection, LayerDissection
from prunescope.results.evaluation_pair import EvaluationPair
from prunescope.results.layout import ASSETS
from prunescope.results.opened import is_table
from prunescope.statistics.resampled import OUTCOME_SHARE, UNIT_SHARES
from prunescope.version import __version__

_KEY = {
    "replicate": TableColumn("Replicate", "count", filter="choice"),
    "strategy": TableColumn("Strategy", "text", filter="choice"),
    "level": TableColumn("Level", "count", filter="choice"),
    "layer": TableColumn("Layer", "text", filter="choice"),
}
_OUTCOME = {
    "outcome": TableColumn("Outcome", "text", filter="choice", mark=True),
    "share": TableColumn("Share of draws", "percent"),
    "certain": TableColumn("Certain", "truth", filter="truth"),
}
_UNITS = {
    **_KEY,
    **{
        f"{name}_{letter}": TableColumn(f"{title} {letter.upper()}", kind, links=links)
        for letter in "ab"
        for name, title, kind, links in (
            ("unit", "Unit", "count", letter),
            ("concept", "Concept", "text", ""),
            ("iou", "IoU", "share", ""),
        )
    },
    "distance": TableColumn("Distance", "share"),
    **_OUTCOME,
}
_CONCEPTS = {
    "concept": TableColumn("Concept", "text"),
    "category": TableColumn("Category", "text", filter="choice"),
    **_KEY,
    "units_a": TableColumn("Units A", "count"),
    "best_iou_a": TableColumn("Best IoU A", "share"),
    "units_b": TableColumn("Units B", "count"),
    "best_iou_b": TableColumn("Best IoU B", "share"),
    **_OUTCOME,
}
_CLASSES = {
    "class": TableColumn("Class", "text"),
    "images": TableColumn("Images", "count"),
    "accuracy_a": TableColumn("Accuracy A", "percent"),
    "accuracy_b": TableColumn("Accuracy B", "percent"),
    "difference": TableColumn("Change (points)", "points"),
    "low": TableColumn("from", "points"),
    "high": TableColumn("to", "points"),
}


def write_comparison_page(
    folder: Path,
    comparison: Comparison | RunComparison,
    figures: Mapping[str, bytes],
    *,
    sides: Mapping[str, Dissection],
    concepts: ConceptSet | None,
    evaluation: EvaluationPair | None,
) -> Path:
    """Write the page of a comparison into its folder and return the page's path.

    figures: its drawing as SVG, for a light and a dark screen, by "light" and "dark".
    sides: the dissections compared, under "a" and "b", as far as they are at hand; each of their
    units then has an address. concepts: the set of their images; None leaves these blank.
    evaluation: of both networks on labelled images, if there was one.
    """
    (folder / ASSETS).mkdir()
    for suffix, content in figures.items():
        (folder / ASSETS / f"comparison-{suffix}.svg").write_bytes(content)
    views = list(_views(comparison, sides)) if isinstance(comparison, Comparison) else []
    page = Page(
        title=" → ".join(_last_part(side["name"]) for _, side in _named(comparison)),
        lead="What was kept, relabelled, lost and gained from A to B?",
        notice="; ".join(comparison.warnings),
        sections=list(_sections(comparison, views, evaluation)),
        data=write_atlas(folder, views, concepts) | _draws(comparison),
    )
    return write_page(folder, page)


def _sections(
    comparison: Comparison | RunComparison,
    views: Sequence[View],
    evaluation: EvaluationPair | None,
) -> Iterator[PageSection]:
    yield PageSection(
        anchor="overview",
        title="Overview",
        html=template_html("pages/comparison.html", parts=_parts(comparison)),
    )
    if evaluation is not None:
        yield _evaluated(evaluation)
    yield _table("units", "Units", comparison.units, _UNITS, {view.key for view in views})
    yield _table("concepts", "Concepts", comparison.concepts, _CONCEPTS, set())
    made = {view.title + f", {view.layer.layer}": conditions_of(view.layer) for view in views}
    yield made_section({**made, "Comparison": _conditions(comparison, evaluation)})


def _draws(comparison: Comparison | RunComparison) -> dict[str, int]:
    resampling = comparison.resampling if isinstance(comparison, Comparison) else None
    return {} if resampling is None else {"draws": resampling["draws"]}


def _parts(comparison: Comparison | RunComparison) -> list[Section]:
    """Return sections with a title each: the sides first."""
    names = [f"{letter.upper()}: {side_text(side)}" for letter, side in _named(comparison)]
    _, *layers = sections_of(comparison)  # the first names the sides
    return [Section(title="", parts=names), *layers]


def _conditions(
    comparison: Comparison | RunComparison, evaluation: EvaluationPair | None
) -> dict[str, str]:
    """Return under which conditions two sides were compared, in words."""
    found = {"Interpretable above IoU": f"{comparison.iou:g}"}
    if isinstance(comparison, Comparison):
        pairings = dict.fromkeys(layer.match for layer in comparison.layers.values())
        found["Units are paired by"] = ", ".join(pairings)
        if comparison.resampling is not None:
            found["Draws of the images"] = f"{comparison.resampling['draws']:,}"
            found["Their seed"] = f"{comparison.resampling['seed']}"
    if evaluation is not None:
        counts = evaluation.summary()
        found["Evaluated on"] = f"{counts['data']}, split {counts['split']}"
        found["Labelled images"] = f"{counts['images']:,}"
    return {**found, "Page written by": f"Prunescope {__version__}"}


def _named(comparison: Comparison | RunComparison) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield from (("a", comparison.a), ("b", comparison.b))


def _last_part(name: str) -> str:
    """Return the last part of a path, which may end with a slash, or of a network's name."""
    return name.rstrip("/").rpartition("/")[2] or name


def _evaluated(evaluation: EvaluationPair) -> PageSection:
    classes = evaluation.classes
    columns = columns_of(classes[classes["images"] > 0], _CLASSES)
    return table_section(
        anchor="evaluation",
        title="Accuracy and cost",
        before=template_html("pages/sections.html", parts=sections_of(evaluation)),
        tables={"compared-classes": (classes_title(classes), columns)},
    )


def _table(
    anchor: str,
    title: str,
    table: pd.DataFrame,
    columns: Mapping[str, TableColumn],
    linked: set[str],
) -> PageSection:
    """Return a section of a table; its columns that say nothing are left out."""
    shown = table.dropna(axis=1, how="all")
    shown = shown.drop(columns=[name for name in _KEY if name in shown and _is_same(shown[name])])
    layers = table["layer"].str.split(" -> ")
    ends = {"a": layers.str[0], "b": layers.str[-1]}
    found = columns_of(shown, columns, {side: ends[side].tolist() for side in linked})
    tables = {f"compared-{anchor}": (title, found)} if len(table) else {}
    return table_section(anchor=anchor, title=title, tables=tables)


def _is_same(column: "pd.Series[Any]") -> bool:
    return column.nunique() < 2


def _views(comparison: Comparison, sides: Mapping[str, Dissection]) -> Iterator[View]:
    """Yield the layers compared, of the sides that are at hand; units follow their numbers."""
    for compared in comparison.layers.values():
        for level, (letter, side) in enumerate(_named(comparison)):
            name = compared.layer_a if letter == "a" else compared.layer_b
            layer = sides[letter].layers.get(name) if letter in sides else None
            if layer is not None and _has_units(layer):
                same = compared.match == "identity" and compared.layer_a == compared.layer_b
                track = {"starts": level == 0, "track": "A to B"} if same else {"replicate": level}
                title = f"{letter.upper()}: {side['name']}"
                facts = {"short": letter.upper(), "replicate": 0, "reference": "A", **track}
                yield View(
                    layer=layer,
                    key=letter,
                    title=title,
                    facts=facts,
                    shares=_shares(compared, letter, same=same),
                    concepts=compared.concepts if level and compared.intervals else None,
                )


def _shares(compared: LayerComparison, letter: str, *, same: bool) -> pd.DataFrame | None:
    """Return in which shares of draws the units of a side are sure, and what became of them in B.

    same: whether units are paired by number, so that those of B have an outcome.
    """
    names = {f"{name}_{letter}": name for name in UNIT_SHARES}
    units = compared.units.dropna(subset=[f"unit_{letter}"])
    if not set(names) <= set(units.columns):
        return None
    names[f"unit_{letter}"] = "unit"
    if same and letter == "b":
        names["share"] = OUTCOME_SHARE
    return units[[*names]].rename(columns=names).astype({"unit": "int64"})


def _has_units(layer: LayerDissection) -> bool:
    return not is_table(layer)
