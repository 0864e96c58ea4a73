"""Which section describes what became of a layer's units and concepts, and how sure that is?"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from prunescope.base.text import counted
from prunescope.comparison.outcomes import GAINED, KEPT, LOST, RELABELLED
from prunescope.report.document import (
    BARS,
    BLUE,
    GREEN,
    ORANGE,
    SKY,
    Bar,
    Cell,
    Column,
    Names,
    Rows,
    Section,
    Table,
    share_text,
)
from prunescope.report.words import counts_interval, resampling_text

_COLOURS = {KEPT: BLUE, RELABELLED: SKY, LOST: ORANGE, GAINED: GREEN}
_PAIRED = {
    "identity": "units paired by number",
    "profile": "units paired by their IoU profiles",
    "concept": "units not paired",
}
_UNDECIDED = "an outcome is undecided unless it holds in 95 % of them"
_NO_BAR = Bar([], 0)


def compared_section(
    name: str, counts: Mapping[str, Any], summary: Mapping[str, Any], concepts: pd.DataFrame
) -> Section:
    """Return the section of a layer.

    counts: as `count_outcomes` returns them. summary: of the whole comparison.
    concepts: what became of each.
    """
    units, resampling = counts["units"], summary["resampling"]
    total_a, total_b = units["total_a"], units["total_b"]
    size = counted(total_b, "unit")
    size = size if total_a == total_b else f"{total_a:,} and {size}"
    dead = f"{units['dead_a']:,} of A and {units['dead_b']:,} of B never fire"
    sure = "interval" in units
    return Section(
        title=name,
        note=f"{size}, interpretable above IoU {summary['iou']:g}; {_PAIRED[counts['match']]}",
        parts=[
            *([dead] if units["dead_a"] or units["dead_b"] else []),
            _outcomes(counts),
            *_shares(counts),
            *([f"{resampling_text(resampling)}; {_UNDECIDED}"] if sure else []),
            *named_concepts(f"{LOST} (units in A)", "a", concepts[concepts["outcome"] == LOST]),
            *named_concepts(f"{GAINED} (units in B)", "b", concepts[concepts["outcome"] == GAINED]),
        ],
    )


def named_concepts(title: str, letter: str, concepts: pd.DataFrame) -> list[Names]:
    """List concepts: those that are certain first, then those of most units, ties by name.

    letter: of the side whose units are counted.
    """
    count = f"units_{letter}"
    unsure = ~concepts["certain"].fillna(True).astype(bool)
    ordered = concepts.assign(unsure=unsure).sort_values(
        ["unsure", count, "concept"], ascending=[True, False, True]
    )
    names = [
        f"{name} ({units:,}{', undecided' if unsure else ''})"
        for name, units, unsure in zip(
            ordered["concept"], ordered[count], ordered["unsure"], strict=True
        )
    ]
    return [Names(title=title, names=names)] if names else []


def _outcomes(counts: Mapping[str, Any]) -> Table:
    """Return the table of what became of units and concepts, by category."""
    rows = []
    for kind in ("units", "concepts"):
        rows += [_outcome_row(kind, counts[kind]), *_certainty_rows(counts[kind])]
        for category, within in counts["by_category"].items():
            if within[kind]["a"] or within[kind]["b"]:
                rows.append(_outcome_row(f"  {category}", within[kind]))
    columns = (
        *(Column(is_text=True), Column(title="in A")),
        *(Column(title=outcome, colour=colour) for outcome, colour in _COLOURS.items()),
        *(Column(title="in B"), BARS),
    )
    return Table(columns=columns, groups=[Rows(rows=rows)])


def _outcome_row(name: str, counts: Mapping[str, Any]) -> Sequence[Cell]:
    parts = [(float(counts.get(outcome, 0)), colour) for outcome, colour in _COLOURS.items()]
    bar = Bar(parts, sum(amount for amount, _ in parts))
    outcomes = (counts.get(outcome, "") for outcome in _COLOURS)
    return (name, counts["a"], *outcomes, counts["b"], bar)


def _certainty_rows(counts: Mapping[str, Any]) -> Iterator[Sequence[Cell]]:
    """Yield the intervals of counts, and how many of them are undecided, where this is known."""
    if "interval" in counts:
        ends = counts["interval"]
        columns = ("a", *_COLOURS, "b")
        intervals = (counts_interval(ends[name]) if name in ends else "" for name in columns)
        yield ("    interval", *intervals, _NO_BAR)
    if "undecided" in counts:
        undecided = counts["undecided"]
        yield ("    undecided", "", *(undecided.get(name, "") for name in _COLOURS), "", _NO_BAR)


def _shares(counts: Mapping[str, Any]) -> Iterator[str]:
    units, concepts = counts["units"], counts["concepts"]
    if KEPT in units:
        both = units[KEPT] + units[RELABELLED]
        still = _interval(units, "still_interpretable")
        yield _share(both, units["a"], "of A's interpretable units still are", still)
        same = _interval(units, "same_concept")
        yield _share(units[KEPT], both, "of these stand for the same concept", same)
    kept = _interval(concepts, "kept_share")
    yield _share(concepts[KEPT], concepts["a"], "of A's concepts are kept", kept)


def _share(part: int, whole: int, of_what: str, interval: str) -> str:
    """Write a part as a share of a whole, with both counts; a dash if the whole is 0."""
    share = share_text(part / whole if whole else None)
    return f"{share:>7} {of_what} ({part:,} of {whole:,}{interval})"


def _interval(counts: Mapping[str, Any], name: str) -> str:
    ends = (counts.get("interval") or {}).get(name)
    return "" if ends is None else f"; {100 * ends[0]:.1f} to {share_text(ends[1])}"
