"""How is one unit, or one concept, shown in words and tables?"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from prunescope.base.text import counted
from prunescope.report.document import UNDEFINED, Cell, Column, Rows, Section, Table, share_text
from prunescope.report.formula_views import formula_lines
from prunescope.report.overview import keep_text
from prunescope.report.word_views import unit_words_lines
from prunescope.report.words import directions_text
from prunescope.results.words import is_unlabelled

_EXAMPLES = 6
_MEASURES = {"f1": "F1", "pearson": "Pearson", "auprc": "AUPRC"}
SHARES = {
    "interpretable_share": "interpretable in draws",
    "concept_share": "with its concept",
    "outcome_share": "outcome in draws",
}
"""How sure it is what a unit sees, and the titles of these columns."""


def unit_sections(details: Mapping[str, Any]) -> list[Section]:
    """Return the section of one unit of a dissection, from `unit_details`."""
    parts: list[str | Table] = list(_facts(details))
    parts += unit_words_lines(details["words"]) if "words" in details else ()
    if details["by_category"]:
        columns = (Column(title="category", is_text=True), Column(title="best label", is_text=True))
        rows = [
            (category, best["concept"] or UNDEFINED, _decimal(best["iou"]))
            for category, best in details["by_category"].items()
        ]
        parts.append(Table(columns=[*columns, Column(title="IoU")], groups=[Rows(rows=rows)]))
    if details["examples"]:
        columns = (Column(title="peaks highest on", is_text=True), Column(title="activation"))
        best = details["examples"][:_EXAMPLES]
        shown = [(str(each["image"]), f"{each['peak']:.3g}") for each in best]
        parts.append(Table(columns=columns, groups=[Rows(rows=shown)]))
    return [Section(title=f"{_where(details)}, unit {details['unit']}", parts=parts)]


def concept_sections(details: Mapping[str, Any]) -> list[Section]:
    """Return the section of one concept of a dissection, from `concept_details`."""
    above = sum(bool(unit["interpretable"]) for unit in details["units"])
    threshold = "" if details["above"] is None else f" (IoU > {details['above']:g})"
    count = len(details["units"])
    of_units = f"{counted(count, 'unit')}, {above:,} of them interpretable{threshold}"
    parts: list[str | Table] = [f"the best label of {of_units if count else 'no unit'}"]
    names = ("precision", "recall")
    if details["units"]:
        shares = [name for name in SHARES if name in details["units"][0]]
        rows = [
            (
                *(unit["unit"], _decimal(unit["iou"])),
                *(share_text(unit.get(name)) for name in names),
                *(_decimal(unit.get(name)) for name in _MEASURES),
                *(share_text(unit[name]) for name in shares),
                "yes" if unit["interpretable"] else "no",
            )
            for unit in details["units"]
        ]
        of_shares = [SHARES[name] for name in shares]
        titles = ("unit", "IoU", *names, *_MEASURES.values(), *of_shares, "interpretable")
        columns = [Column(title=title) for title in titles]
        parts.append(Table(columns=columns, groups=[Rows(rows=rows)]))
    if details["others"]:
        columns = [
            Column(title="unit"),
            Column(title="IoU"),
            Column(title="best label", is_text=True),
        ]
        others = [
            (unit["unit"], _decimal(unit["iou"]), unit["concept"] or UNDEFINED)
            for unit in details["others"]
        ]
        parts.append("other units that overlap it, most first:")
        parts.append(Table(columns=columns, groups=[Rows(rows=others)]))
    title = f"{_where(details)}, {details['concept']} ({details['category']})"
    return [Section(title=title, parts=parts)]


def _where(details: Mapping[str, Any]) -> str:
    """Return the name of a layer, and what its units are if they are directions."""
    return f"{details['layer']}, {details['basis']}" if "basis" in details else details["layer"]


def unit_level_sections(title: str, rows: Sequence[Mapping[str, Any]]) -> list[Section]:
    """Return a section for each replicate of a run: what one unit sees at every level."""
    columns = [Column(title="concept", is_text=True), Column(title="IoU")]
    shares = [name for name in SHARES if any(row.get(name) is not None for row in rows)]
    columns += [Column(title=SHARES[name]) for name in shares]

    def cells(row: Mapping[str, Any]) -> tuple[Cell, ...]:
        return _concept(row), _decimal(row["iou"]), *(share_text(row[name]) for name in shares)

    return _by_replicate(title, columns, rows, cells)


def concept_level_sections(title: str, rows: Sequence[Mapping[str, Any]]) -> list[Section]:
    """Return a section for each replicate of a run: the units of one concept at every level."""
    shares = [name for name in SHARES if any(row.get(name) is not None for row in rows)]
    titles = ("units", "best unit", "IoU", *(SHARES[name] for name in shares))
    columns = [Column(title=title) for title in titles]

    def cells(row: Mapping[str, Any]) -> tuple[Cell, ...]:
        sure = (share_text(row[name]) for name in shares)
        return row["units"], row["best_unit"], _decimal(row["best_iou"]), *sure

    return _by_replicate(title, columns, rows, cells)


def _by_replicate(
    title: str,
    columns: Sequence[Column],
    rows: Sequence[Mapping[str, Any]],
    cells: Callable[[Mapping[str, Any]], tuple[Cell, ...]],
) -> list[Section]:
    level = (Column(title="strategy", is_text=True), Column(title="level"), Column(title="weights"))
    outcome = Column(title="against level 0", is_text=True)
    return [
        Section(
            title=f"{title}, replicate {replicate}",
            note=directions_text(
                along, unpaired=any(row["outcome"] is None for row in of_replicate)
            ),
            parts=[
                Table(
                    columns=[*level, *columns, outcome],
                    groups=[
                        Rows(
                            rows=[
                                (
                                    *(row["strategy"], row["level"], keep_text(row["keep"])),
                                    *cells(row),
                                    row["outcome"],
                                )
                                for row in of_replicate
                            ]
                        )
                    ],
                )
            ],
        )
        for replicate, grouped in groupby(rows, key=lambda row: row["replicate"])
        for of_replicate in (list(grouped),)
        for along in (of_replicate[0].get("basis"),)
    ]


def _facts(details: Mapping[str, Any]) -> Iterator[str]:
    """Yield lines: the concept and how well it fits, the next best ones, formulas, chance."""
    if details["dead"]:
        yield "never fires on a labelled image"
        return
    if is_unlabelled(details):
        return
    if details["concept"] is None:
        yield "meets no label"
        return
    above = "" if details["above"] is None else f" above {details['above']:g}"
    is_seen = "interpretable" if details["interpretable"] else "not interpretable"
    yield f"{_concept(details)}, IoU {_decimal(details['iou'])}: {is_seen}{above}"
    if "interpretable_share" in details:
        draws = counted(details["resampling"]["draws"], "draw")
        yield (
            f"interpretable in {share_text(details['interpretable_share'])} of {draws} of the "
            f"images, with this label in {share_text(details['concept_share'])}"
        )
    if details.get("precision") is not None:
        yield (
            f"of its masks {share_text(details['precision'])} lie on the concept (precision), of "
            f"the concept {share_text(details['recall'])} under them (recall); F1 "
            f"{details['f1']:.3f}"
        )
    if details.get("auprc") is not None:
        yield f"over all pixels: {_association(details)}"
    if details["next"]:
        others = (
            f"{_concept(each)} {_decimal(each['iou'])}{_measured(each)}" for each in details["next"]
        )
        yield f"next best: {', '.join(others)}"
    yield from formula_lines(details.get("formulas", ()))
    if details.get("p") is not None:
        yield f"p {details['p']:.2g}: {_chance(details)}"


def _chance(details: Mapping[str, Any]) -> str:
    if details["undecided"]:
        return "not decided by the draws made"
    if not details["interpretable"]:
        return "not interpretable, so no discovery"
    rate = "at a false discovery rate of 5 %"
    return f"beyond chance {rate}" if details["discovery"] else f"not beyond chance {rate}"


def _measured(label: Mapping[str, Any]) -> str:
    if label.get("auprc") is None:
        return ""
    return f" ({_association(label)})"


def _association(of: Mapping[str, Any]) -> str:
    return f"Pearson {_decimal(of['pearson'])}, AUPRC {_decimal(of['auprc'])}"


def _concept(named: Mapping[str, Any]) -> str:
    if named["concept"] is None:
        return UNDEFINED
    return f"{named['concept']} ({named['category']})"


def _decimal(value: float | None) -> str:
    return UNDEFINED if value is None else f"{value:.3f}"
