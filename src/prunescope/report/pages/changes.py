"""Which concepts were lost and gained, level by level, as a table of a page?"""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from prunescope.comparison.outcomes import GAINED, KEPT, LOST
from prunescope.report.concept_changes import concept_changes
from prunescope.report.pages.columns import TableColumn, columns_of, table_section
from prunescope.report.pages.page import PageSection, template_html
from prunescope.report.panels import Shown
from prunescope.results.layout import LevelKey

_TABLE = "concept-changes"
_COLUMNS = {
    "concept": TableColumn("Concept", "text"),
    "category": TableColumn("Category", "text", filter="choice"),
    "layer": TableColumn("Layer", "text", filter="choice"),
    "replicate": TableColumn("Replicate", "count", filter="choice"),
    "strategy": TableColumn("Strategy", "text", filter="choice"),
    "level": TableColumn("Level", "count", filter="choice"),
    "units_before": TableColumn("Units unpruned", "count"),
    "units_after": TableColumn("Units here", "count"),
    "outcome": TableColumn("Outcome", "text", filter="choice", mark=True),
    "share": TableColumn("Share of draws", "percent"),
    "certain": TableColumn("Certain", "truth", filter="truth"),
    "twins": TableColumn("Same in twins", "text"),
}
_KEY = ("layer", "replicate", "strategy", "level")
_OUTCOMES = (LOST, GAINED, KEPT)
_CONCEPT = ["replicate", "layer", "category", "concept"]


def changes_section(shown: Shown, atlas: Mapping[str, Any], draws: str) -> Iterator[PageSection]:
    """Yield the section of concepts, if the units of levels are known.

    atlas: what `write_atlas` returned, where each concept has an address. draws: those of the
    images, in words.
    """
    part = concept_changes(shown, draws)
    if part is None:
        return
    tables = {}
    if shown.outcomes is not None and len(shown.outcomes):
        outcomes = _in_order(shown.outcomes)
        columns = columns_of(_shown(outcomes), _COLUMNS)
        columns[0]["concepts"] = _addresses(outcomes, atlas)
        tables = {_TABLE: ("Every concept at every level, against level 0", columns)}
    yield table_section(
        anchor="changes",
        title="Concepts lost and gained",
        before=template_html("pages/sections.html", parts=[part]),
        tables=tables,
        nothing="",
    )


def _in_order(outcomes: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of strategies, the sparsest level and lost concepts first, then of twins."""
    order = outcomes.assign(
        twin=_is_twin(outcomes),
        layer=pd.factorize(outcomes["layer"])[0],
        strategy=pd.factorize(outcomes["strategy"])[0],
        sparse=-outcomes["level"],
        change=outcomes["outcome"].map(_OUTCOMES.index),
    )
    by = ["twin", "layer", "strategy", "sparse", "replicate", "change"]
    return outcomes.loc[order.sort_values(by, kind="stable").index]


def _is_twin(outcomes: pd.DataFrame) -> "pd.Series[bool]":
    keys = zip(outcomes["strategy"], outcomes["level"], strict=True)
    twins = [LevelKey(replicate=0, strategy=str(s), level=int(n)).is_twin for s, n in keys]
    return pd.Series(twins, index=outcomes.index)


def _shown(outcomes: pd.DataFrame) -> pd.DataFrame:
    """Return the table's columns that say something, and what became of a concept in dense twins.

    That is how many twins of the replicate lost, kept or gained it, too.
    """
    same = [name for name in _KEY if outcomes[name].nunique() < 2]
    is_twin = _is_twin(outcomes)
    shown = outcomes.drop(columns=same)
    if not is_twin.any():
        return shown
    twins = outcomes[is_twin]
    alike = twins.groupby([*_CONCEPT, "outcome"]).size()
    total = twins.groupby("replicate")["strategy"].nunique()
    keys = pd.MultiIndex.from_frame(outcomes[[*_CONCEPT, "outcome"]])
    counts = alike.reindex(keys).fillna(0).astype(int).to_numpy()
    of = total.reindex(outcomes["replicate"]).fillna(0).astype(int).to_numpy()
    texts = [f"{count} of {all_}" for count, all_ in zip(counts, of, strict=True)]
    return shown.assign(twins=pd.Series(texts, index=outcomes.index).mask(is_twin | (of == 0)))


def _addresses(outcomes: pd.DataFrame, atlas: Mapping[str, Any]) -> dict[str, list[int]]:
    """Return for each row the numbers of its concept and of its view on the page; -1 for none."""
    names = atlas["concepts"]
    pairs = zip(names["categories"], names["names"], strict=True)
    code_of = {pair: code for code, pair in enumerate(pairs)}
    view_of = {(view["key"], view["layer"]): index for index, view in enumerate(atlas["views"])}
    keys = outcomes[["replicate", "strategy", "level"]].astype(str).agg("/".join, axis=1)
    return {
        "codes": [
            code_of.get(pair, -1)
            for pair in zip(outcomes["category"], outcomes["concept"], strict=True)
        ],
        "views": [view_of.get(key, -1) for key in zip(keys, outcomes["layer"], strict=True)],
    }
