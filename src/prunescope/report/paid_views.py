"""How is it shown which classes and images paid for pruning?"""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from prunescope.base.text import counted
from prunescope.report.document import UNDEFINED, Cell, Column, Rows, Section, Table

_TITLES = (
    *("strategy", "level", "classes worse", "classes better"),
    *("lost most", "gained most", "images changed"),
)
_TEXTS = ("strategy", "lost most", "gained most")


def paid_sections(levels: Sequence[Mapping[str, Any]]) -> list[Section]:
    """Return a section of what `count_who_paid` returns; none where there is nothing."""
    if not levels:
        return []
    replicates = max(level["replicates"] for level in levels)
    classes = max(level["classes"] for level in levels)
    columns = [Column(title=title, is_text=title in _TEXTS) for title in _TITLES]
    note = (
        f"accuracy in points against level 0, {counted(classes, 'class', 'classes')}, "
        f"{counted(replicates, 'replicate')}"
    )
    rows = [_row(level) for level in levels]
    table = Table(columns=columns, groups=[Rows(rows=rows)])
    return [Section(title="Who paid", note=note, parts=[table, _explained(replicates)])]


def classes_title(classes: pd.DataFrame) -> str:
    """Return the title of a table of classes, which says how many have no image to be tested on."""
    untested = classes.loc[classes["images"] == 0, "class"].nunique()
    if not untested:
        return "Classes"
    return f"Classes; {counted(untested, 'class', 'classes')} without test images left out"


def changed_most(classes: Sequence[Mapping[str, Any]], most: int) -> list[Mapping[str, Any]]:
    """Return the classes whose `difference` is largest, ties in their order; none that stayed."""
    changed = [row for row in classes if row["difference"]]
    return sorted(changed, key=lambda row: -abs(row["difference"]))[:most]


def changed_section(
    columns: Sequence[Column], rows: Sequence[Sequence[Cell]], note: str
) -> list[Section]:
    """Return a section of the classes that changed most; none where no class did."""
    table = Table(columns=columns, groups=[Rows(rows=rows)])
    return [Section(title="Classes that changed most", note=note, parts=[table])] if rows else []


def change_text(change: Mapping[str, Any] | None) -> str:
    """Write the change of a class in points, with its interval; a dash for none."""
    if change is None:
        return UNDEFINED
    low, high = (points_text(change[end]) for end in ("low", "high"))
    return f"{change['class']} {points_text(change['difference'])} ({low} to {high})"


def points_text(difference: float) -> str:
    """Write a difference of shares in points, with its sign; a dash if it is undefined."""
    if difference != difference:
        return UNDEFINED
    text = f"{100 * difference:+.1f}"
    return "0.0" if float(text) == 0 else text


def _row(level: Mapping[str, Any]) -> Sequence[Cell]:
    return (
        *(level["strategy"], level["level"], level["worse"], level["better"]),
        *(change_text(level["lost_most"]), change_text(level["gained_most"])),
        level["exemplars"],
    )


def _explained(replicates: int) -> str:
    """Return a line on what the numbers are, and what they are not."""
    sure = (
        "worse, better: the 95 % interval leaves out 0; by chance about 1 class in 40 is called "
        "worse, and as many better"
    )
    if replicates > 1:
        return f"{sure}. Images changed: in more than half of the replicates"
    return f"{sure}. One replicate does not tell pruning from training again: twins or more do"
