"""Which sections describe the levels of a run, or of two that are compared?"""

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import Any, TypeAlias

import pandas as pd

from prunescope.comparison.outcomes import GAINED, KEPT, LOST, RELABELLED
from prunescope.report.document import (
    BARS,
    BLUE,
    Bar,
    Cell,
    Column,
    Rows,
    Section,
    Table,
    mean_text,
    share_text,
)
from prunescope.report.words import directions_text, replicates_text
from prunescope.results.basis import basis_text
from prunescope.results.run_tables import FACTS

_LEVEL = (Column(title="strategy", is_text=True), Column(title="level"))
_LevelColumn: TypeAlias = tuple[Column, str, Callable[[Any], Cell]]
"""A column of a table of levels, the key of its value in a row, and how the value is shown."""


def level_sections(levels: Sequence[Mapping[str, Any]]) -> list[Section]:
    """Return a section for each layer of a run's `RunTables.summary()`: means over replicates."""
    along = {str(row["layer"]): _directions_of(levels, row["layer"]) for row in levels}
    table = pd.DataFrame(levels).astype(dict.fromkeys(FACTS, float))
    groups = table.groupby(["layer", "strategy", "level"], sort=False)
    means = groups.mean(numeric_only=True).assign(replicates=groups.size()).reset_index()
    order = {name: list(dict.fromkeys(table[name])).index for name in ("layer", "strategy")}
    rows = sorted(
        means.to_dict("records"),
        key=lambda row: (
            *(position(row[name]) for name, position in order.items()),
            row["level"],
        ),
    )
    iou = levels[0]["iou"]
    return [
        _levels_of_layer(str(layer), list(rows_of_layer), iou, along[str(layer)])
        for layer, rows_of_layer in groupby(rows, key=lambda row: row["layer"])
    ]


def compared_level_sections(summary: Mapping[str, Any]) -> list[Section]:
    """Return a section for each layer of a run comparison's `summary()`."""
    layers = groupby(summary["levels"], key=lambda row: row["layer"])
    return [_compared_levels(layer, list(rows), summary["iou"]) for layer, rows in layers]


def _directions_of(levels: Sequence[Mapping[str, Any]], layer: str) -> str:
    """Say along which directions a layer was dissected; nothing where its units were."""
    bases = [row.get("basis") for row in levels if row["layer"] == layer]
    prints = {(basis or {}).get("fingerprint") for basis in bases}
    return directions_text(basis_text({"basis": bases[0]}), unpaired=len(prints) > 1)


def _levels_of_layer(
    layer: str, rows: Sequence[Mapping[Any, Any]], iou: float | None, along: str
) -> Section:
    above = "" if iou is None else f", interpretable above IoU {iou:g}"
    columns = [
        (Column(title=title), name, write)
        for title, name, write in (
            *(("weights", "keep", share_text), ("accuracy", "accuracy", share_text)),
            *((name, name, mean_text) for name in ("interpretable", "concepts", "dead")),
        )
    ]
    if all("undecided" in row for row in rows):
        for title, name in (("beyond chance", "discoveries"), ("undecided", "undecided")):
            columns.append((Column(title=title), name, mean_text))
        rows = [_without_a_wrong_zero(row) for row in rows]
    longest = max(1.0, *(row["interpretable"] for row in rows))
    bars = (BARS, "interpretable", lambda units: Bar([(units, BLUE)], longest))
    replicates = replicates_text({row["replicates"] for row in rows})
    return Section(
        title=layer,
        note=f"{mean_text(rows[0]['units'])} units{above}, {replicates}",
        parts=[*([along] if along else []), _by_level(rows, [*columns, bars])],
    )


def _without_a_wrong_zero(row: Mapping[Any, Any]) -> Mapping[Any, Any]:
    """Return a row; with units undecided, no discovery yet is undefined rather than 0."""
    none_yet = row["discoveries"] == 0 and row["undecided"] > 0
    return {**row, "discoveries": None} if none_yet else row


def _compared_levels(layer: str, rows: Sequence[Mapping[str, Any]], iou: float) -> Section:
    sides = [
        (Column(title=letter.upper(), group=group), f"{key}_{letter}", write)
        for key, group, write in (
            *(("keep", "weights", share_text), ("accuracy", "accuracy", share_text)),
            *(("units", "units", mean_text), ("concepts", "concepts", mean_text)),
        )
        for letter in "ab"
    ]
    outcomes = [
        (Column(title=outcome, group=kind), f"{kind}_{outcome}", mean_text)
        for kind, names in (
            ("units", (KEPT, RELABELLED, LOST, GAINED)),
            ("concepts", (KEPT, LOST, GAINED)),
        )
        for outcome in names
    ]
    replicates = replicates_text({row["replicates"] for row in rows})
    return Section(
        title=layer,
        note=f"{replicates}, interpretable above IoU {iou:g}",
        parts=[_by_level(rows, sides), _by_level(rows, outcomes)],
    )


def _by_level(rows: Sequence[Mapping[Any, Any]], columns: Sequence[_LevelColumn]) -> Table:
    cells = [
        (row["strategy"], row["level"], *(write(row[key]) for _, key, write in columns))
        for row in rows
    ]
    titles = (column for column, _, _ in columns)
    return Table(columns=[*_LEVEL, *titles], groups=[Rows(rows=cells)])
