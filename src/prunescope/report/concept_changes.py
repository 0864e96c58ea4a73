"""Which concepts did each strategy lose and gain, in how many replicates, and how surely?"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

import pandas as pd

from prunescope.report.document import Cell, Column, Noted, Rows, Section, Table, mean_text
from prunescope.report.overview import keep_text
from prunescope.report.panels import Shown, of_layer
from prunescope.results.layout import DENSE

_TWINS = "dense twins"
_LEVEL = (Column(title="strategy", is_text=True), Column(title="level"))
_KEEP = Column(title="weights left")
_OF = "\N{NO-BREAK SPACE}of\N{NO-BREAK SPACE}"
Concept = tuple[str, str]
"""Category and name."""
_Key = tuple[int, str, int]
"""Replicate, strategy and level."""


@dataclass(frozen=True, kw_only=True)
class _Change:
    """The concepts of level 0 and of another network of a replicate; those whose fate is certain.

    certain: None where that is not known.
    """

    before: set[Concept]
    after: set[Concept]
    certain: set[Concept] | None

    @property
    def lost(self) -> set[Concept]:
        return self.before - self.after

    @property
    def gained(self) -> set[Concept]:
        return self.after - self.before


@dataclass(frozen=True, kw_only=True)
class _Compared:
    """A strategy's sparsest level, or all dense twins, and what changed in each replicate."""

    strategy: str
    level: int
    keep: str
    changes: Sequence[_Change] = field(default_factory=list)

    @property
    def title(self) -> tuple[str, int, str]:
        return self.strategy, self.level, self.keep


def concept_changes(shown: Shown, draws: str = "") -> Section | None:
    """Return what each strategy's sparsest level, and dense twins, lost and gained since level 0.

    A concept is there if it is the best label of an interpretable unit. With several replicates it
    says in how many it is lost, of those whose level 0 has it, and how many of these are certain.
    draws: those of the images, in words. None without the units of levels.
    """
    if shown.units is None:
        return None
    compared = {layer: list(_compared(shown, layer)) for layer in shown.layers}
    if not any(compared.values()):
        return None
    several = len(shown.layers) > 1
    counts, names = (
        [
            Rows(title=layer if several else "", rows=[row(each) for each in rows])
            for layer, rows in compared.items()
            if rows
        ]
        for row in (_counts, _names)
    )
    numbers = [Column(title=title) for title in ("concepts unpruned", "lost", "gained")]
    texts = [Column(title=title, is_text=True) for title in ("lost", "gained")]
    means = ", means over replicates" if _is_repeated(compared) else ""
    tables = (
        Table(
            columns=[*_LEVEL, _KEEP, *numbers], groups=counts, caption=f"How many concepts{means}"
        ),
        Table(columns=[*_LEVEL[:1], *texts], groups=names, caption="Which concepts", look="names"),
    )
    return Section(title="", note=_note(shown, compared, draws), parts=tables)


def _compared(shown: Shown, layer: str) -> Iterator[_Compared]:
    """Yield the sparsest level of each strategy, then all dense twins, if there are any."""
    assert shown.units is not None  # as the caller has seen
    levels, units = of_layer(shown.levels, layer), of_layer(shown.units, layer)
    seen = _concepts_of_levels(units)
    certain = _certain_of_levels(shown.outcomes, layer)

    def changes(keys: Sequence[_Key]) -> list[_Change]:
        return [
            _Change(before=seen[key[0], DENSE, 0], after=seen[key], certain=certain.get(key))
            for key in keys
            if {(key[0], DENSE, 0), key} <= seen.keys()
        ]

    for strategy in shown.strategies:
        rows = levels[(levels["strategy"] == strategy) & (levels["level"] > 0)]
        if not len(rows):
            continue
        last = int(rows["level"].max())
        rows = rows[rows["level"] == last]
        keep = keep_text(float(rows["keep"].mean()))
        keys = [(int(replicate), strategy, last) for replicate in rows["replicate"]]
        yield _Compared(strategy=strategy, level=last, keep=keep, changes=changes(keys))
    if shown.twin_units is not None:
        seen |= _concepts_of_levels(of_layer(shown.twin_units, layer))
        twins = [key for key in seen if key[2] == 0 and key[1] != DENSE]
        yield _Compared(strategy=_TWINS, level=0, keep=keep_text(1.0), changes=changes(twins))


def _concepts_of_levels(units: pd.DataFrame) -> dict[_Key, set[Concept]]:
    grouped = units.groupby(["replicate", "strategy", "level"])
    return {cast("_Key", key): _concepts(rows) for key, rows in grouped}


def _concepts(units: pd.DataFrame) -> set[Concept]:
    return _pairs(units[units["interpretable"].astype(bool)])


def _pairs(table: pd.DataFrame) -> set[Concept]:
    return set(zip(table["category"].astype(str), table["concept"].astype(str), strict=True))


def _certain_of_levels(outcomes: pd.DataFrame | None, layer: str) -> dict[_Key, set[Concept]]:
    """Return the concepts of which it is certain what became of them, by level."""
    if outcomes is None or outcomes.empty:
        return {}
    grouped = outcomes[outcomes["layer"] == layer].groupby(["replicate", "strategy", "level"])
    return {cast("_Key", key): _pairs(rows[rows["certain"]]) for key, rows in grouped}


def _counts(compared: _Compared) -> Sequence[Cell]:
    before = [len(change.before) for change in compared.changes]
    lost = _count([(change.lost, change.certain) for change in compared.changes])
    gained = _count([(change.gained, change.certain) for change in compared.changes])
    return (*compared.title, mean_text(_mean(before)), lost, gained)


def _count(changed: Sequence[tuple[set[Concept], set[Concept] | None]]) -> Cell:
    """Write the mean count of concepts that changed, and of those that surely did, if known."""
    count = mean_text(_mean([len(concepts) for concepts, _ in changed]))
    sure = [len(concepts & certain) for concepts, certain in changed if certain is not None]
    if len(sure) < len(changed) or not sure:
        return count
    return Noted(count, f"of these {mean_text(_mean(sure))} certain")


def _mean(numbers: Sequence[int]) -> float | None:
    return sum(numbers) / len(numbers) if numbers else None


def _names(compared: _Compared) -> Sequence[Cell]:
    everything = set().union(*(change.after for change in compared.changes))
    lost = [(change.lost, change.before, change.certain) for change in compared.changes]
    gained = [
        (change.gained, everything - change.before, change.certain) for change in compared.changes
    ]
    return compared.strategy, _in_words(lost), _in_words(gained)


def _in_words(
    changes: Sequence[tuple[set[Concept], set[Concept], set[Concept] | None]],
) -> str | None:
    """Name the concepts that changed, the most frequent and surest first.

    changes: of each replicate, which did, which could, and which are certain.
    """
    changed = Counter(concept for did, _, _ in changes for concept in did)
    could = Counter(concept for _, able, _ in changes for concept in able)
    sure = Counter(concept for did, _, certain in changes for concept in did & (certain or set()))
    known = all(certain is not None for _, _, certain in changes)
    order = sorted(
        changed, key=lambda concept: (-changed[concept], -sure[concept], concept[1], concept[0])
    )

    def note(concept: Concept) -> str:
        if len(changes) > 1:
            counts = f"{changed[concept]}{_OF}{could[concept]}"
            return f"{counts}, {sure[concept]}\N{NO-BREAK SPACE}certain" if known else counts
        return ("certain" if sure[concept] else "undecided") if known else ""

    notes = {concept: note(concept) for concept in order}
    names = [f"{name[1]} ({noted})" if noted else name[1] for name, noted in notes.items()]
    return ", ".join(names) or None


def _is_repeated(compared: Mapping[str, Sequence[_Compared]]) -> bool:
    return any(len(each.changes) > 1 for rows in compared.values() for each in rows)


def _note(shown: Shown, compared: Mapping[str, Sequence[_Compared]], draws: str) -> str:
    texts = ["At each strategy's sparsest level, against level 0 of the same replicate."]
    if _is_repeated(compared):
        texts.append("Behind each concept, in how many replicates, of those that could.")
    if shown.outcomes is not None and len(shown.outcomes):
        texts.append(
            f"Certain: it holds in at least 95 % of {draws or 'the draws of the images'}, concept "
            "by concept, not corrected for how many there are. This says how sure it is for other "
            "images, not for another training."
        )
    texts.append(
        "Dense twins are the unpruned network trained again without pruning: what they lose and "
        "gain, training again changes by itself."
        if shown.twin_units is not None
        else "What training again changes by itself, dense twins would say (pruning.twins)."
    )
    return " ".join(texts)
