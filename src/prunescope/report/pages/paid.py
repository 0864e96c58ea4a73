"""Which classes and images paid for pruning, as tables of a page?"""

from collections.abc import Iterator
from dataclasses import replace

import pandas as pd

from prunescope.report.pages.columns import TableColumn, columns_of, table_section
from prunescope.report.pages.page import PageSection, template_html
from prunescope.report.paid_views import classes_title, paid_sections
from prunescope.statistics.who_paid import count_who_paid

_LEVEL = {
    "strategy": TableColumn("Strategy", "text", filter="choice"),
    "level": TableColumn("Level", "count", filter="choice"),
}
_CLASSES = {
    "class": TableColumn("Class", "text"),
    **_LEVEL,
    "images": TableColumn("Images", "count"),
    "before": TableColumn("Unpruned", "percent"),
    "after": TableColumn("Here", "percent"),
    "difference": TableColumn("Change (points)", "points"),
    "low": TableColumn("from", "points"),
    "high": TableColumn("to", "points"),
}
_EXEMPLARS = {
    "row": TableColumn("Image", "count"),
    **_LEVEL,
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
    tested, changed = _twins_last(classes[classes["images"] > 0]), _twins_last(exemplars)
    tables = {
        "paid-classes": (classes_title(classes), columns_of(tested, _CLASSES)),
        "paid-images": (
            "Images whose prediction changed",
            columns_of(changed, _EXEMPLARS),
        ),
    }
    yield table_section(
        anchor="paid",
        title="Who paid",
        before=template_html("pages/sections.html", parts=counted),
        tables={place: table for place, table in tables.items() if table[1][0]["values"]},
    )


def _twins_last(table: pd.DataFrame) -> pd.DataFrame:
    return table.iloc[(table["level"] == 0).argsort(kind="stable")]
