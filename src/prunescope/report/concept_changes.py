"""Which concepts did each strategy lose and gain, and in how many replicates?"""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import cast

import pandas as pd

from prunescope.report.document import UNDEFINED, Column, Rows, Section, Table
from prunescope.report.overview import keep_text
from prunescope.report.panels import Shown, of_layer
from prunescope.results.layout import DENSE

_TITLES = ("strategy", "level", "weights left", "lost", "gained")
_TEXTS = frozenset({"strategy", "lost", "gained"})
_OF = "\N{NO-BREAK SPACE}of\N{NO-BREAK SPACE}"
Concept = tuple[str, str]
"""Category and name."""


def concept_changes(shown: Shown) -> Section | None:
    """Return what each strategy's sparsest level lost and gained against level 0.

    A concept is there if it is the best label of an interpretable unit. With several replicates it
    says in how many it is lost, of those whose level 0 has it. None without the units of levels.
    """
    if shown.units is None:
        return None
    replicates = shown.levels["replicate"].nunique()
    groups = [
        Rows(title=layer if len(shown.layers) > 1 else "", rows=list(_rows(shown, layer)))
        for layer in shown.layers
    ]
    columns = [Column(title=title, is_text=title in _TEXTS) for title in _TITLES]
    counts = "" if replicates == 1 else "; in how many replicates, of those that could"
    note = (
        f"At each strategy's sparsest level, against level 0 of the same replicate{counts}. The "
        "command compare, with both levels, says which are certain."
    )
    table = Table(columns=columns, groups=[group for group in groups if group.rows])
    return Section(title="", note=note, parts=[table]) if table.groups else None


def _rows(shown: Shown, layer: str) -> Iterator[tuple[str, int, str, str, str]]:
    """Yield a row for each strategy."""
    assert shown.units is not None  # as the caller has seen
    levels, units = of_layer(shown.levels, layer), of_layer(shown.units, layer)
    grouped = units.groupby(["replicate", "strategy", "level"])
    seen = {cast("tuple[int, str, int]", key): _concepts(rows) for key, rows in grouped}
    for strategy in shown.strategies:
        rows = levels[(levels["strategy"] == strategy) & (levels["level"] > 0)]
        if not len(rows):
            continue
        last = int(rows["level"].max())
        pairs = [
            (seen[replicate, DENSE, 0], seen[replicate, strategy, last])
            for replicate in rows[rows["level"] == last]["replicate"].astype(int)
            if {(replicate, DENSE, 0), (replicate, strategy, last)} <= seen.keys()
        ]
        keep = keep_text(float(rows[rows["level"] == last]["keep"].mean()))
        lost = _in_words([(before - after, before) for before, after in pairs])
        everything = set().union(*(after for _, after in pairs))
        gained = _in_words([(after - before, everything - before) for before, after in pairs])
        yield strategy, last, keep, lost, gained


def _concepts(units: pd.DataFrame) -> set[Concept]:
    named = units[units["interpretable"].astype(bool)]
    return set(zip(named["category"].astype(str), named["concept"].astype(str), strict=True))


def _in_words(changes: Iterable[tuple[set[Concept], set[Concept]]]) -> str:
    """Name the concepts that changed, the most frequent first.

    changes: of each replicate, which did, and which could.
    """
    changes = list(changes)
    changed = Counter(concept for did, _ in changes for concept in did)
    could = Counter(concept for _, able in changes for concept in able)
    order = sorted(changed, key=lambda concept: (-changed[concept], concept[1], concept[0]))
    several = len(changes) > 1
    names = [
        f"{concept[1]} ({changed[concept]}{_OF}{could[concept]})" if several else concept[1]
        for concept in order
    ]
    return ", ".join(names) or UNDEFINED
