"""Which classes and images paid for pruning, as tables of a page?"""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from prunescope.report.document import Section, Table
from prunescope.report.pages.page import PageSection, rounded, template_html
from prunescope.report.paid_views import paid_sections
from prunescope.statistics.who_paid import count_who_paid

_CLASSES = {
    "strategy": ("Strategy", "text", "choice"),
    "level": ("Level", "count", "choice"),
    "class": ("Class", "text", ""),
    "images": ("Images", "count", ""),
    "before": ("Unpruned", "percent", ""),
    "after": ("Here", "percent", ""),
    "difference": ("Change (points)", "points", ""),
    "low": ("from", "points", ""),
    "high": ("to", "points", ""),
}
_EXEMPLARS = {
    "strategy": ("Strategy", "text", "choice"),
    "level": ("Level", "count", "choice"),
    "row": ("Image", "count", ""),
    "class": ("Class", "text", ""),
    "before": ("Unpruned", "text", ""),
    "after": ("Here", "text", ""),
    "changed": ("Replicates changed", "count", ""),
    "replicates": ("of", "count", ""),
    "lost": ("No longer right", "count", ""),
    "gained": ("Newly right", "count", ""),
    "twins_changed": ("Twins changed", "count", ""),
}


def paid_section(
    classes: pd.DataFrame | None, exemplars: pd.DataFrame | None
) -> Iterator[PageSection]:
    """Yield the section of classes and images, if the study's tables say who paid."""
    if classes is None or exemplars is None or classes.empty:
        return
    counted: list[Section] = paid_sections(count_who_paid(classes, exemplars))
    parts = [part for section in counted for part in section.parts]
    tables = {
        "paid-classes": ("Classes", _CLASSES, classes),
        "paid-images": ("Images whose prediction changed", _EXEMPLARS, exemplars),
    }
    yield PageSection(
        anchor="paid",
        title="Who paid",
        html=template_html(
            "pages/paid.html",
            notes=[section.note for section in counted],
            parts=[part for part in parts if isinstance(part, str | Table)],
            places=list(tables),
        ),
        data={
            "tables": [
                {"place": place, "caption": caption, "file": f"{place}.csv"}
                for place, (caption, _, table) in tables.items()
                if len(table)
            ]
        },
        chunks={
            place: columns_of(table, columns)
            for place, (_, columns, table) in tables.items()
            if len(table)
        },
    )


def columns_of(
    table: pd.DataFrame, columns: dict[str, tuple[str, str, str]]
) -> list[dict[str, Any]]:
    """Return columns of a table as a page's scripts take them, see table.js.

    columns: the title, kind and filter of each, by name; those the table lacks are left out.
    """
    return [
        {"title": title, "kind": kind, "filter": chosen, "values": _values(table[name], kind)}
        for name, (title, kind, chosen) in columns.items()
        if name in table
    ]


def _values(column: "pd.Series[Any]", kind: str) -> list[Any]:
    if kind == "text":
        return [None if pd.isna(value) else str(value) for value in column]
    if kind == "count":
        return [None if pd.isna(value) else int(value) for value in column]
    if kind == "truth":
        return [None if pd.isna(value) else bool(value) for value in column]
    return rounded(column)
