"""How is a result written on a terminal?"""

import io
import textwrap
from collections.abc import Iterator, Sequence
from typing import Literal

from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from prunescope.base.text import on_one_line
from prunescope.report.document import Bar, Names, Section, Table, cell_text

_WIDTH = 96  # of lines of names; a table is as wide as it must be
_INDENT = "  "
_UNBROKEN = "\N{NO-BREAK SPACE}"
_WITHOUT_END = 10_000


def write_sections(sections: Sequence[Section]) -> str:
    """Write a result as text, a blank line between its sections."""
    return "\n\n".join("\n".join(_lines(section)) for section in sections)


def _lines(section: Section) -> Iterator[str]:
    """Yield a line with title and note, and the parts indented below it."""
    head = ": ".join(part for part in (section.title, section.note) if part)
    if head:
        yield on_one_line(head)
    indent = _INDENT if head else ""
    for part, before in zip(section.parts, ("", *section.parts), strict=False):
        if isinstance(part, Table):
            yield ""
            yield from (f"{indent}{line}" for line in _table_lines(part))
            continue
        if isinstance(before, Table):
            yield ""
        yield from _names_lines(part) if isinstance(part, Names) else [indent + on_one_line(part)]


def _names_lines(names: Names) -> list[str]:
    """Return names on lines that break only between names."""
    shown = [on_one_line(name).replace(" ", _UNBROKEN) for name in names.shown]
    text = textwrap.fill(
        f"{on_one_line(names.title)}: {', '.join(shown)}{names.rest}",
        width=_WIDTH,
        initial_indent=_INDENT,
        subsequent_indent=2 * _INDENT,
        break_on_hyphens=False,
    )
    return text.replace(_UNBROKEN, " ").splitlines()


def _table_lines(table: Table) -> list[str]:
    """Return a table's lines, without its bars."""
    rows = [row for group in table.groups for row in group.rows]
    shown = [
        index
        for index, _ in enumerate(table.columns)
        if not any(isinstance(row[index], Bar) for row in rows)
    ]
    drawn = RichTable(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for index in shown:
        column = table.columns[index]
        title = "\n".join(on_one_line(part) for part in (column.group, column.title) if part)
        side: Literal["left", "right"] = "left" if column.is_text else "right"
        drawn.add_column(Text(title), justify=side, no_wrap=True, vertical="bottom")
    for row in rows:
        drawn.add_row(*(Text(on_one_line(cell_text(row[index]))) for index in shown))
    output = io.StringIO()
    console = Console(
        file=output,
        width=_WITHOUT_END,
        color_system=None,
        force_jupyter=False,  # else a notebook shows the table at once, apart from its text
        legacy_windows=False,
    )
    console.print(drawn, crop=False)
    return [line.rstrip() for line in output.getvalue().splitlines()]
