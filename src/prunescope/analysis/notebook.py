"""How do a comparison and a run look in a notebook?"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from prunescope.analysis.outcomes import GAINED, KEPT, LOST, RELABELLED
from prunescope.base.notebook import (
    BLUE,
    GREEN,
    ORANGE,
    SKY,
    Cell,
    Html,
    bar,
    coloured,
    page,
    share,
    table,
    title,
)

_COLOURS = {KEPT: BLUE, RELABELLED: SKY, LOST: ORANGE, GAINED: GREEN}
_PAIRED = {"identity": "paired by number", "profile": "paired by their IoU profiles"}
_PLACE = ["layer", "strategy", "level"]
_NAMED = 12


def show_comparison(summary: Mapping[str, Any], concepts: pd.DataFrame) -> str:
    """Return HTML of what a Comparison's `summary()` and `concepts` hold."""
    parts = [title("A and B", f"A: {_side(summary['a'])} · B: {_side(summary['b'])}")]
    for name, counts in summary["layers"].items():
        parts += _layer(name, counts, concepts[concepts["layer"] == name])
    return page(*parts)


def show_runs(summary: Mapping[str, Any]) -> str:
    """Return HTML of what a RunComparison's `summary()` holds."""
    rows = [
        (
            *(row[name] for name in _PLACE),
            *(_change(row, name, share) for name in ("keep", "accuracy")),
            *(_change(row, name, _mean) for name in ("units", "concepts")),
            _mean(row["units_kept"]),
            _mean(row["concepts_kept"]),
        )
        for row in summary["levels"]
    ]
    counts = ("weights", "accuracy", "units", "concepts", "units kept", "concepts kept")
    head = (*_PLACE, *counts)
    note = f"A: {summary['a']['name']} · B: {summary['b']['name']} · means over replicates"
    return page(title("Two runs", note), table(head, rows))


def show_run(
    name: str, levels: pd.DataFrame | None, finished: int, iou: float | None = None
) -> str:
    """Return HTML of a run: its levels, or only how many are finished while it has no tables.

    iou: above which units are interpretable, if it is known.
    """
    if levels is None:
        return page(title(name, f"{finished:,} levels are finished; the run is not"))
    most = max(1, int(levels["interpretable"].max()))
    means = levels.groupby(_PLACE, sort=False).mean(numeric_only=True).reset_index()
    rows = [
        (
            *(row[key] for key in _PLACE),
            share(row["keep"]),
            share(row["accuracy"]),
            _mean(row["interpretable"]),
            _mean(row["concepts"]),
            bar([(row["interpretable"], BLUE)], most),
        )
        for row in means.to_dict("records")
    ]
    replicates = levels["replicate"].nunique()
    note = f"{finished:,} levels; means over {replicates} replicate{'s' * (replicates > 1)}"
    note += "" if iou is None else f"; units are interpretable above IoU {iou:g}"
    head = (*_PLACE, "weights left", "accuracy", "units", "concepts", "")
    return page(title(name, note), table(head, rows))


def _layer(name: str, counts: Mapping[str, Any], concepts: pd.DataFrame) -> Iterator[Html]:
    units, found = counts["units"], counts["concepts"]
    paired = _PAIRED.get(counts["match"], "not paired")
    yield title(name, f"{units['total_a']:,} units in A, {units['total_b']:,} in B, {paired}")
    rows = [_row(kind, own) for kind, own in (("units", units), ("concepts", found))]
    rows += [
        _row(f"{category}, {kind}", own[kind])
        for category, own in counts["by_category"].items()
        for kind in ("units", "concepts")
        if own[kind]["a"] or own[kind]["b"]
    ]
    outcomes = [coloured(name, colour) for name, colour in _COLOURS.items()]
    yield table(("", "in A", *outcomes, "in B", ""), rows)
    for outcome, letter in ((LOST, "a"), (GAINED, "b")):
        own = concepts[concepts["outcome"] == outcome]
        order = own.sort_values([f"units_{letter}", "concept"], ascending=[False, True])
        names = [f"{row.concept} ({getattr(row, f'units_{letter}')})" for row in order.itertuples()]
        if names:
            more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
            yield title(f"Concepts {outcome}", ", ".join(names[:_NAMED]) + more)


def _row(name: str, counts: Mapping[str, Any]) -> Sequence[Cell]:
    outcomes = {outcome: counts.get(outcome) for outcome in _COLOURS}
    parts = [(float(count or 0), _COLOURS[outcome]) for outcome, count in outcomes.items()]
    whole = sum(amount for amount, _ in parts)
    return (name, counts["a"], *outcomes.values(), counts["b"], bar(parts, whole))


def _side(side: Mapping[str, Any]) -> str:
    facts = [
        f"{share(side['keep'])} of the weights" if "keep" in side else "",
        f"accuracy {share(side['accuracy'])}" if "accuracy" in side else "",
    ]
    known = ", ".join(fact for fact in facts if fact)
    return f"{side['name']}" + (f" ({known})" if known else "")


def _change(row: Mapping[str, Any], name: str, write: Callable[[float | None], str]) -> str:
    return f"{write(row[f'{name}_a'])} → {write(row[f'{name}_b'])}"


def _mean(number: float | None) -> str:
    undefined = number is None or number != number
    return "–" if undefined else f"{number:,.1f}".removesuffix(".0")
