"""Which classes and images paid for pruning, as tables of a page?"""

from collections.abc import Iterator
from dataclasses import replace

import pandas as pd

from prunescope.report.pages.columns import TableColumn, columns_of, table_section
from prunescope.report.pages.page import PageSection, template_html
from prunescope.report.paid_views import paid_sections
from prunescope.statistics.who_paid import count_who_paid

_LEVEL = {
    "strategy": TableColumn("Strategy", "text", filter="choice"),
    "level": TableColumn("Level", "count", filter="choice"),
}
_CLASSES = {
    **_LEVEL,
    "class": TableColumn("Class", "text"),
    "images": TableColumn("Images", "count"),
    "before": TableColumn("Unpruned", "percent"),
    "after": TableColumn("Here", "percent"),
    "difference": TableColumn("Change (points)", "points"),
    "low": TableColumn("from", "points"),
    "high": TableColumn("to", "points"),
}
_EXEMPLARS = {
    **_LEVEL,
    "row": TableColumn("Image", "count"),
    "class": TableColumn("Class", "text"),
    "before": TableColumn("Unpruned", "text"),
    "after": TableColumn("Here", "text"),
    "changed": TableColumn("Replicates changed", "count"),
    "replicates": TableColumn("of", "count"),
    "lost": TableColumn("No longer right", "count"),
    "gained": TableColumn("Newly right", "count"),
    "twins_changed": TableColumn("Twins changed", "count"),
}


def paid_section(
    classes: pd.DataFrame | None, exemplars: pd.DataFrame | None
) -> Iterator[PageSection]:
    """Yield the section of classes and images, if the study's tables say who paid."""
    if classes is None or exemplars is None or classes.empty:
        return
    counted = [
        replace(part, title="") for part in paid_sections(count_who_paid(classes, exemplars))
    ]
    tables = {
        "paid-classes": ("Classes", columns_of(classes, _CLASSES)),
        "paid-images": ("Images whose prediction changed", columns_of(exemplars, _EXEMPLARS)),
    }
    yield table_section(
        anchor="paid",
        title="Who paid",
        before=template_html("pages/sections.html", parts=counted),
        tables={place: table for place, table in tables.items() if table[1][0]["values"]},
    )
