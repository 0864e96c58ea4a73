"""Which sections describe a dissection, a comparison or a run?"""

from collections.abc import Mapping, Sequence
from functools import singledispatch
from typing import Any

import pandas as pd

from prunescope.comparison.conventions import ConventionComparison
from prunescope.comparison.dissections import Comparison
from prunescope.comparison.outcomes import GAINED, KEPT, LOST, RELABELLED
from prunescope.comparison.runs import RunComparison
from prunescope.report.ablation_views import ablation_sections
from prunescope.report.document import (
    BARS,
    BLUE,
    Bar,
    Cell,
    Column,
    Names,
    Noted,
    Rows,
    Section,
    Table,
)
from prunescope.report.evaluation_views import evaluation_sections
from prunescope.report.formula_views import formula_tables
from prunescope.report.level_views import compared_level_sections, level_sections
from prunescope.report.outcome_views import compared_section, named_concepts
from prunescope.report.word_views import layer_words_text, unlabelled_text
from prunescope.report.words import (
    counts_in_words,
    counts_interval,
    describe_chance,
    directions_text,
    resampling_text,
    side_text,
)
from prunescope.results.ablation import Ablation
from prunescope.results.basis import basis_text
from prunescope.results.dissection import Dissection
from prunescope.results.evaluation_pair import EvaluationPair
from prunescope.results.labelled_by import LABELLED_BY, labelled_by_text
from prunescope.results.left_out import LEFT_OUT, left_out_text, names_left_out
from prunescope.results.run import Run
from prunescope.results.run_tables import labelled_by_of_run, left_out_of_run
from prunescope.results.words import is_unlabelled

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


def run_note_sections(
    left_out: Sequence[Mapping[str, str]], labelled_by: Sequence[Mapping[str, Any]]
) -> list[Section]:
    """Return a section that says which broken images a run left out, and who made the labels."""
    said = (left_out_text(names_left_out({LEFT_OUT: left_out})), labelled_by_text(labelled_by))
    parts = [text for text in said if text is not None]
    return [Section(parts=parts)] if parts else []


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
        (
            *(category, _with_interval(within, "units"), _with_interval(within, "concepts")),
            Bar([(within["units"], BLUE)], longest),
        )
        for category, within in by_category.items()
    ]
    along = basis_text(counts)
    notes = [] if along is None else [directions_text(along, unpaired=False)]
    said = (left_out_text(names_left_out(counts)), labelled_by_text(counts.get(LABELLED_BY)))
    notes += [text for text in said if text is not None]
    notes += [describe_chance(counts["chance"])] if "chance" in counts else []
    notes += [layer_words_text(counts["words"])] if "words" in counts else []
    notes += [resampling_text(counts["resampling"])] if "resampling" in counts else []
    if is_unlabelled(counts):
        return Section(title=name, note=unlabelled_text(counts["units"]), parts=notes)
    table = Table(columns=columns, groups=[Rows(rows=rows)])
    parts: list[str | Table] = [*notes, table, *_quantiles(counts.get("quantiles", ()))]
    parts += [*formula_tables(counts.get("formulas")), *more]
    return Section(title=name, note=counts_in_words(counts), parts=parts)


def _quantiles(counts: Sequence[Mapping[str, Any]]) -> list[Table]:
    """Return a table of the counts at each quantile; nothing where there is one only."""
    titles = ("quantile", "units", "concepts")
    rows: list[Sequence[Cell]] = [
        (f"{each['quantile']:g}", each["interpretable"], each["concepts"]) for each in counts
    ]
    columns = [Column(title=title) for title in titles]
    caption = "By the share of a unit's cells above its threshold"
    return [Table(columns=columns, groups=[Rows(rows=rows)], caption=caption)] if rows else []


def _with_interval(counts: Mapping[str, Any], name: str) -> Cell:
    if "interval" not in counts:
        return int(counts[name])
    return Noted(f"{counts[name]:,}", counts_interval(counts["interval"][name]))


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
            compared_section(name, counts, summary, result.layers[name].concepts)
            for name, counts in summary["layers"].items()
        ),
    ]


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
            names += named_concepts(f"{outcome} in {name} (units in {side})", letter, concepts)
    left_out = {
        name: left_out_text(names_left_out(dissected.summary))
        for name, dissected in result.layers[layer].items()
    }
    counts = {name: name for name in ("images", "iou", "interpretable", "concepts", "dead")}
    return Section(
        title=layer,
        note=f"{rows['units'].iloc[0]:,} units",
        parts=[
            *(f"{name}: {text}" for name, text in left_out.items() if text is not None),
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
    return [
        Section(title=result.name),
        *run_note_sections(left_out_of_run(result.path), labelled_by_of_run(result.path)),
        *level_sections(result.tables.summary()),
    ]


@sections_of.register
def _runs(result: RunComparison) -> list[Section]:
    summary = result.summary()
    return [
        Section(parts=[f"{letter}  {summary[letter.lower()]['name']}" for letter in "AB"]),
        *compared_level_sections(summary),
    ]
