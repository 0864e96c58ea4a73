"""How is a table of a result handed to a page, to be searched there?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from markupsafe import Markup

from prunescope.report.pages.page import PageSection, rounded, template_html

_MANY, _REPEATS = 1_000, 4  # rows, and times that a text is there, from which on it is numbered


@dataclass(frozen=True)
class TableColumn:
    """A column of a table: its title, and the kind of its values, as `written` in data.js knows it.

    filter: "choice" to choose one of its values, "truth" for a box. mark: outcomes have colours.
    links: the side ("a") of whose units these are the numbers; empty where they lead nowhere.
    """

    title: str
    kind: str
    filter: str = ""
    mark: bool = False
    links: str = ""


def columns_of(
    table: pd.DataFrame,
    columns: Mapping[str, TableColumn],
    layers: Mapping[str, Sequence[str]] | None = None,
) -> list[dict[str, Any]]:
    """Return columns of a table as table.js takes them; those that the table lacks are left out.

    layers: of the units of each row, by the sides whose units have an address.
    """
    found = []
    for name, column in columns.items():
        if name not in table:
            continue
        values = _values(table[name], column.kind)
        data: dict[str, Any] = {"title": column.title, "kind": column.kind}
        data |= _coded(values) if column.kind == "text" else {"values": values}
        data |= {"filter": column.filter} if column.filter else {}
        data |= {"mark": True} if column.mark else {}
        if layers and column.links in layers:
            data["links"] = {"key": column.links, "layers": list(layers[column.links])}
        found.append(data)
    return found


def table_section(
    *,
    anchor: str,
    title: str,
    tables: Mapping[str, tuple[str, list[dict[str, Any]]]],
    before: Markup = Markup(),  # noqa: B008  # immutable
    nothing: str = "There are none.",
) -> PageSection:
    """Return a section of tables, which are loaded when they come into view.

    tables: the caption and the columns of each, by the name of its chunk. before: them.
    nothing: what is said where there are none.
    """
    return PageSection(
        anchor=anchor,
        title=title,
        html=template_html(
            "pages/tables.html", before=before, places=list(tables), nothing=nothing
        ),
        data={
            "tables": [
                {"place": place, "caption": caption, "file": f"{place}.csv"}
                for place, (caption, _) in tables.items()
            ]
        },
        chunks={place: columns for place, (_, columns) in tables.items()},
    )


def _coded(values: list[str | None]) -> dict[str, Any]:
    """Return texts or, if they are long and often the same, these and the number of each row's."""
    texts = list(dict.fromkeys(value for value in values if value is not None))
    if len(values) < _MANY or _REPEATS * len(texts) > len(values):
        return {"values": values}
    number_of: dict[str | None, int] = {text: number for number, text in enumerate(texts)}
    return {"texts": texts, "values": [number_of.get(value, -1) for value in values]}


def _values(column: "pd.Series[Any]", kind: str) -> list[Any]:
    if kind == "text":
        return [None if pd.isna(value) else str(value) for value in column]
    if kind == "count":
        return [None if pd.isna(value) else int(value) for value in column]
    if kind == "truth":
        return [None if pd.isna(value) else bool(value) for value in column]
    return rounded(column)
