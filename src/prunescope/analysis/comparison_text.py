"""How does a comparison read on a terminal?"""

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from prunescope.analysis.outcomes import GAINED, KEPT, LOST, RELABELLED
from prunescope.base.text import counted

_WIDTH = 96
_NAMED = 12
_UNBROKEN = "\N{NO-BREAK SPACE}"
_COLUMNS = {
    "a": "in A",
    KEPT: KEPT,
    RELABELLED: RELABELLED,
    LOST: LOST,
    GAINED: GAINED,
    "b": "in B",
}
_MATCHED = {
    "identity": "units paired by number",
    "profile": "units paired by their IoU profiles",
    "concept": "units not paired",
}


def describe_comparison(summary: Mapping[str, Any], concepts: pd.DataFrame) -> str:
    """Write what a Comparison's `summary()` and `concepts` hold as a table for each layer."""
    sides = "\n".join(f"{letter}  {side_text(summary[letter.lower()])}" for letter in "AB")
    layers = [
        "\n".join(_layer_lines(name, own, summary["iou"], concepts[concepts["layer"] == name]))
        for name, own in summary["layers"].items()
    ]
    return "\n\n".join([sides, *layers])


def side_text(side: Mapping[str, Any]) -> str:
    """Return the name of what stands on a side, and what is known of it."""
    facts = []
    if "keep" in side:
        facts.append(f"{100 * side['keep']:.3g} % of the weights")
    if "accuracy" in side:
        facts.append(f"accuracy {100 * side['accuracy']:.1f} %")
    return f"{side['name']}" + (f"  ({', '.join(facts)})" if facts else "")


def _layer_lines(
    name: str, counts: Mapping[str, Any], iou: float, concepts: pd.DataFrame
) -> Iterator[str]:
    units, found = counts["units"], counts["concepts"]
    total_a, total_b = units["total_a"], units["total_b"]
    size = (
        f"{counted(total_a, 'unit')}"
        if total_a == total_b
        else f"{total_a:,} and {counted(total_b, 'unit')}"
    )
    yield f"{name}: {size}, interpretable above IoU {iou:g}; {_MATCHED[counts['match']]}"
    if units["dead_a"] or units["dead_b"]:
        yield f"  {units['dead_a']:,} of A and {units['dead_b']:,} of B never fire"
    yield ""
    yield _row("", _COLUMNS)
    for kind, of_all in (("units", units), ("concepts", found)):
        yield _row(kind, of_all)
        for category, own in counts["by_category"].items():
            if own[kind]["a"] or own[kind]["b"]:
                yield _row(f"  {category}", own[kind])
    yield ""
    if KEPT in units:
        both = units[KEPT] + units[RELABELLED]
        yield _share(both, units["a"], "of A's interpretable units still are")
        yield _share(units[KEPT], both, "of these stand for the same concept")
    yield _share(found[KEPT], found["a"], "of A's concepts are kept")
    for outcome, letter in ((LOST, "a"), (GAINED, "b")):
        title = f"{outcome} (units in {letter.upper()})"
        yield from named(title, letter, concepts[concepts["outcome"] == outcome])


def _share(part: int, whole: int, of_what: str) -> str:
    """Say what share of a whole a part is, with both counts; a dash where there is no whole."""
    share = f"{100 * part / whole:.1f} %" if whole else "–"
    return f"  {share:>7} {of_what} ({part:,} of {whole:,})"


def _row(name: str, values: Mapping[str, Any]) -> str:
    cells = "".join(f"{_cell(values.get(key)):>12}" for key in _COLUMNS)
    return f"  {name:<16}{cells}"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else f"{value:,}"


def named(title: str, letter: str, concepts: pd.DataFrame) -> Iterator[str]:
    """Name concepts behind a title, those of most units first, of equally many by name.

    letter: of the side whose units are counted.
    """
    if concepts.empty:
        return
    count = f"units_{letter}"
    ordered = concepts.sort_values([count, "concept"], ascending=[False, True])
    names = [
        f"{name}{_UNBROKEN}({units:,})".replace(" ", _UNBROKEN)
        for name, units in zip(ordered["concept"], ordered[count], strict=True)
    ]
    more = f", and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    text = textwrap.fill(
        f"{title}: {', '.join(names[:_NAMED])}{more}",
        width=_WIDTH,
        initial_indent="  ",
        subsequent_indent="    ",
        break_on_hyphens=False,
    )
    yield text.replace(_UNBROKEN, " ")
