"""Which parts make up a result shown on a terminal, in a notebook and on a page alike?"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TypeAlias

BLUE, ORANGE, GREEN, SKY = "#3b8fc4", "#dd6b20", "#2a9d78", "#7fc4ea"
UNDEFINED = "–"


@dataclass(frozen=True)
class Bar:
    """Coloured lengths of a whole; a terminal does not show it."""

    parts: Sequence[tuple[float, str]]
    whole: float


@dataclass(frozen=True)
class Noted:
    """A value with a note in small print."""

    text: str
    note: str


Cell: TypeAlias = str | int | Noted | Bar | None
"""A count is written with thousands separators; None is undefined and written as a dash."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of a table.

    group: a heading over neighbouring columns. is_text: left-aligned; numbers are right-aligned.
    colour: that of the column's counts in bars.
    """

    title: str = ""
    group: str = ""
    is_text: bool = False
    colour: str = ""


BARS = Column(is_text=True)
"""A column of bars, which needs no title."""


@dataclass(frozen=True, kw_only=True)
class Heading:
    """A cell of a table's head: its first column (index), and the columns and rows it spans."""

    title: str
    index: int
    columns: int = 1
    rows: int = 1


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Rows that belong together, with an optional title."""

    rows: Sequence[Sequence[Cell]]
    title: str = ""


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table. look: its class in the style sheet of a page."""

    columns: Sequence[Column]
    groups: Sequence[Rows]
    caption: str = ""
    look: str = ""

    @property
    def head(self) -> list[list[Heading]]:
        """The rows of the head: two if columns share a heading, else one."""
        titles = [Heading(title=column.title, index=i) for i, column in enumerate(self.columns)]
        if not any(column.group for column in self.columns):
            return [titles]
        upper: list[Heading] = []
        lower: list[Heading] = []
        for group, headings in groupby(titles, key=lambda column: self.columns[column.index].group):
            stretch = list(headings)
            if group:
                upper.append(Heading(title=group, index=stretch[0].index, columns=len(stretch)))
                lower += stretch
            else:
                upper += [replace(heading, rows=2) for heading in stretch]
        return [upper, lower]


@dataclass(frozen=True, kw_only=True)
class Names:
    """A title and the first few of several names."""

    title: str
    names: Sequence[str]
    at_most: int = 12

    @property
    def shown(self) -> Sequence[str]:
        """The names that are shown."""
        return self.names[: self.at_most]

    @property
    def rest(self) -> str:
        """How many more there are, in words; empty if none."""
        more = len(self.names) - len(self.shown)
        return f", and {more:,} more" if more else ""


@dataclass(frozen=True, kw_only=True)
class Section:
    """A title and a note, then lines, tables and names."""

    title: str = ""
    note: str = ""
    parts: Sequence[str | Table | Names] = ()


def share_text(share: float | None) -> str:
    """Write a share as a percentage with one decimal; a dash if it is undefined."""
    return UNDEFINED if share is None or share != share else f"{100 * share:.1f} %"


def mean_text(number: float | None) -> str:
    """Write a mean of counts with one decimal unless it is 0; a dash if it is undefined."""
    undefined = number is None or number != number
    return UNDEFINED if undefined else f"{number:,.1f}".removesuffix(".0")


def cell_text(cell: Cell) -> str:
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
