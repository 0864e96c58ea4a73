"""Which sections describe a dissection, a comparison or a run?"""

from collections.abc import Iterator, Mapping, Sequence
from functools import singledispatch
from typing import Any

import pandas as pd

from prunescope.base.text import counted
from prunescope.comparison.conventions import ConventionComparison
from prunescope.comparison.dissections import Comparison
from prunescope.comparison.outcomes import GAINED, KEPT, LOST, RELABELLED
from prunescope.comparison.runs import RunComparison
from prunescope.report.ablation_views import ablation_sections
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
from prunescope.report.evaluation_views import evaluation_sections
from prunescope.report.level_views import compared_level_sections, level_sections
from prunescope.report.words import (
    counts_in_words,
    describe_chance,
    side_text,
)
from prunescope.results.dissection import Dissection
from prunescope.results.evaluation_pair import EvaluationPair
from prunescope.results.run import Run
from prunescope.statistics.ablation import Ablation

_COLOURS = {KEPT: BLUE, RELABELLED: SKY, LOST: ORANGE, GAINED: GREEN}
_PAIRED = {
    "identity": "units paired by number",
    "profile": "units paired by their IoU profiles",
    "concept": "units not paired",
}
_BEST_UNITS = 8


def as_text(result: Any) -> str:
    """Return a result as text for a terminal."""
    from prunescope.report.terminal import write_sections

    return write_sections(sections_of(result))


def as_html(result: Any) -> str:
    """Return a result as HTML for a notebook."""
    from prunescope.report.html import write_html

    return write_html(sections_of(result))


@singledispatch
def sections_of(result: Any) -> list[Section]:
    """Return the sections that describe a result: a dissection, a comparison or a run."""
    raise TypeError(f"nothing shows a {type(result).__name__}")


def layer_sections(summary: Mapping[str, Any]) -> list[Section]:
    """Return a section for each layer of a dissection's `summary()`."""
    return [_layer(name, counts) for name, counts in summary["layers"].items()]


@sections_of.register
def _dissection(result: Dissection) -> list[Section]:
    return [
        _layer(name, layer.counts(), _best_units(layer.units))
        for name, layer in result.layers.items()
    ]


def _layer(name: str, counts: Mapping[str, Any], *more: str | Table) -> Section:
    by_category = counts["by_category"]
    longest = max((within["units"] for within in by_category.values()), default=0)
    columns = (
        Column(title="category", is_text=True),
        *(Column(title="units"), Column(title="concepts"), BARS),
    )
    rows = [
        (category, within["units"], within["concepts"], Bar([(within["units"], BLUE)], longest))
        for category, within in by_category.items()
    ]
    chance = [describe_chance(counts["chance"])] if "chance" in counts else []
    table = Table(columns=columns, groups=[Rows(rows=rows)])
    return Section(title=name, note=counts_in_words(counts), parts=[*chance, table, *more])


def _best_units(units: pd.DataFrame) -> Table:
    """Return the units of highest IoU, ties by number."""
    named = units.dropna(subset=["concept"])
    order = named.sort_values(["iou", "unit"], ascending=[False, True], kind="stable")
    rows: list[Sequence[Cell]] = [
        (
            *(int(row["unit"]), str(row["concept"]), str(row["category"])),
            *(f"{row['iou']:.3f}", Bar([(row["iou"], BLUE)], 1.0)),
        )
        for row in order.head(_BEST_UNITS).to_dict("records")
    ]
    more = len(named) - len(rows)
    columns = (
        Column(title="unit"),
        *(Column(title="concept", is_text=True), Column(title="category", is_text=True)),
        *(Column(title="IoU"), BARS),
    )
    caption = "Best units" + (f", and {more:,} more with a concept" if more else "")
    return Table(columns=columns, groups=[Rows(rows=rows)], caption=caption)


@sections_of.register
def _comparison(result: Comparison) -> list[Section]:
    summary = result.summary()
    return [
        Section(parts=[f"{letter}  {side_text(summary[letter.lower()])}" for letter in "AB"]),
        *(
            _compared_layer(name, counts, summary["iou"], result.layers[name].concepts)
            for name, counts in summary["layers"].items()
        ),
    ]


def _compared_layer(
    name: str, counts: Mapping[str, Any], iou: float, concepts: pd.DataFrame
) -> Section:
    units = counts["units"]
    total_a, total_b = units["total_a"], units["total_b"]
    size = counted(total_b, "unit")
    size = size if total_a == total_b else f"{total_a:,} and {size}"
    dead = f"{units['dead_a']:,} of A and {units['dead_b']:,} of B never fire"
    return Section(
        title=name,
        note=f"{size}, interpretable above IoU {iou:g}; {_PAIRED[counts['match']]}",
        parts=[
            *([dead] if units["dead_a"] or units["dead_b"] else []),
            _outcomes(counts),
            *_shares(counts),
            *_named(f"{LOST} (units in A)", "a", concepts[concepts["outcome"] == LOST]),
            *_named(f"{GAINED} (units in B)", "b", concepts[concepts["outcome"] == GAINED]),
        ],
    )


def _outcomes(counts: Mapping[str, Any]) -> Table:
    """Return the table of what became of units and concepts, by category."""
    rows = []
    for kind in ("units", "concepts"):
        rows.append(_outcome_row(kind, counts[kind]))
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


def _shares(counts: Mapping[str, Any]) -> Iterator[str]:
    units, concepts = counts["units"], counts["concepts"]
    if KEPT in units:
        both = units[KEPT] + units[RELABELLED]
        yield _share(both, units["a"], "of A's interpretable units still are")
        yield _share(units[KEPT], both, "of these stand for the same concept")
    yield _share(concepts[KEPT], concepts["a"], "of A's concepts are kept")


def _share(part: int, whole: int, of_what: str) -> str:
    """Write a part as a share of a whole, with both counts; a dash if the whole is 0."""
    share = share_text(part / whole if whole else None)
    return f"{share:>7} {of_what} ({part:,} of {whole:,})"


def _named(title: str, letter: str, concepts: pd.DataFrame) -> list[Names]:
    """List concepts, those of most units first, ties by name.

    letter: of the side whose units are counted.
    """
    count = f"units_{letter}"
    ordered = concepts.sort_values([count, "concept"], ascending=[False, True])
    names = [
        f"{name} ({units:,})"
        for name, units in zip(ordered["concept"], ordered[count], strict=True)
    ]
    return [Names(title=title, names=names)] if names else []


@sections_of.register
def _ablation(result: Ablation) -> list[Section]:
    return ablation_sections(result.summary())


@sections_of.register
def _evaluations(result: EvaluationPair) -> list[Section]:
    return evaluation_sections(result.summary())


@sections_of.register
def _conventions(result: ConventionComparison) -> list[Section]:
    return [_convention_section(layer, result) for layer in result.layers]


def _convention_section(layer: str, result: ConventionComparison) -> Section:
    rows = result.table[result.table["layer"] == layer]
    others = rows[rows["convention"] != result.against]
    changed = {
        f"{kind}_{outcome}": outcome if outcome != KEPT else f"{kind}s {outcome}"
        for kind, outcomes in (
            ("unit", (KEPT, RELABELLED, LOST, GAINED)),
            ("concept", (KEPT, LOST, GAINED)),
        )
        for outcome in outcomes
    }
    names: list[Names] = []
    for name, change in result.changes[layer].items():
        for outcome, letter, side in ((LOST, "a", result.against), (GAINED, "b", name)):
            concepts = change.concepts[change.concepts["outcome"] == outcome]
            names += _named(f"{outcome} in {name} (units in {side})", letter, concepts)
    counts = {name: name for name in ("images", "iou", "interpretable", "concepts", "dead")}
    return Section(
        title=layer,
        note=f"{rows['units'].iloc[0]:,} units",
        parts=[
            _by_convention(rows, "", counts),
            _by_convention(others, f"from {result.against} to", changed),
            *names,
        ],
    )


def _by_convention(rows: pd.DataFrame, first: str, titles: Mapping[str, str]) -> Table:
    cells = [
        [value if isinstance(value, str) else f"{value:,}" for value in row]
        for row in rows[["convention", *titles]].itertuples(index=False)
    ]
    columns = [Column(title=first, is_text=True), *(Column(title=name) for name in titles.values())]
    return Table(columns=columns, groups=[Rows(rows=cells)])


@sections_of.register
def _run(result: Run) -> list[Section]:
    if not result.is_tabulated:
        note = f"{len(result.finished):,} levels are finished; the run is not"
        return [Section(title=result.name, note=note)]
    return [Section(title=result.name), *level_sections(result.tables.summary())]


@sections_of.register
def _runs(result: RunComparison) -> list[Section]:
    summary = result.summary()
    return [
        Section(parts=[f"{letter}  {summary[letter.lower()]['name']}" for letter in "AB"]),
        *compared_level_sections(summary),
    ]
