"""Of which parts is a result shown, on a terminal, in a notebook and on a page alike?"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TypeAlias

BLUE, ORANGE, GREEN, SKY = "#3b8fc4", "#dd6b20", "#2a9d78", "#7fc4ea"
UNDEFINED = "–"


@dataclass(frozen=True)
class Bar:
    """Coloured lengths of a whole; nothing of it is seen on a terminal."""

    parts: Sequence[tuple[float, str]]
    whole: float


@dataclass(frozen=True)
class Noted:
    """A value, and what is to be known of it in small letters."""

    text: str
    note: str


Cell: TypeAlias = str | int | Noted | Bar | None
"""A count has its thousands apart; None is undefined, which a dash says."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of a table.

    group: a heading over neighbouring columns. is_text: it stands to the left, numbers to the
    right. colour: of what the column counts, where bars show it.
    """

    title: str = ""
    group: str = ""
    is_text: bool = False
    colour: str = ""


@dataclass(frozen=True, kw_only=True)
class Heading:
    """A cell of a table's head, over so many columns from one on, and so many rows."""

    title: str
    index: int
    columns: int = 1
    rows: int = 1


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Rows that belong together, under a title of their own if there is one."""

    rows: Sequence[Sequence[Cell]]
    title: str = ""


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table. look: the class that the style sheet of a page knows it by."""

    columns: Sequence[Column]
    groups: Sequence[Rows]
    caption: str = ""
    look: str = ""

    @property
    def head(self) -> list[list[Heading]]:
        """The rows of the head: two, where columns have a heading in common."""
        titles = [Heading(title=own.title, index=i) for i, own in enumerate(self.columns)]
        if not any(column.group for column in self.columns):
            return [titles]
        upper: list[Heading] = []
        lower: list[Heading] = []
        for group, headings in groupby(titles, key=lambda own: self.columns[own.index].group):
            stretch = list(headings)
            if group:
                upper.append(Heading(title=group, index=stretch[0].index, columns=len(stretch)))
                lower += stretch
            else:
                upper += [replace(heading, rows=2) for heading in stretch]
        return [upper, lower]


@dataclass(frozen=True, kw_only=True)
class Names:
    """A few of several names behind a title."""

    title: str
    names: Sequence[str]
    at_most: int = 12

    @property
    def shown(self) -> Sequence[str]:
        """Those that are named."""
        return self.names[: self.at_most]

    @property
    def rest(self) -> str:
        """How many more there are, in words; empty where there are none."""
        more = len(self.names) - len(self.shown)
        return f", and {more:,} more" if more else ""


@dataclass(frozen=True, kw_only=True)
class Section:
    """A title and what is to be known first, then lines, tables and names."""

    title: str = ""
    note: str = ""
    parts: Sequence[str | Table | Names] = ()


def percent(share: float | None) -> str:
    """Write a share as a percentage with one decimal; a dash where it is undefined."""
    return UNDEFINED if share is None or share != share else f"{100 * share:.1f} %"


def mean(number: float | None) -> str:
    """Write a mean of counts with one decimal, if it has any; a dash where it is undefined."""
    undefined = number is None or number != number
    return UNDEFINED if undefined else f"{number:,.1f}".removesuffix(".0")


def written(cell: Cell) -> str:
    """Return the text of a cell; a bar has none."""
    match cell:
        case str():
            return cell
        case int():
            return f"{cell:,}"
        case None:
            return UNDEFINED
        case Noted():
            return f"{cell.text} ({cell.note})"
    return ""
