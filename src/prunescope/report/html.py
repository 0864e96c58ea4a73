"""How does a result look as HTML, in a notebook by itself and as a part of a page?"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from prunescope.base.text import printed
from prunescope.report.document import (
    Bar,
    Column,
    Names,
    Noted,
    Section,
    Table,
    written,
)

_TEXT = "font:13px/1.5 system-ui,sans-serif"
_FRAME = f"{_TEXT};max-width:52em;overflow-x:auto"
_TABLE = "font:inherit;border-collapse:collapse;margin:.2em 0 .8em;background:none"
_CELL = "padding:.15em .8em .15em 0;border:none;white-space:pre;background:none"
_BAR_PIXELS = 160
_SQUARE = "display:inline-block;width:.7em;height:.7em;margin-right:.35em;background:"


@dataclass(frozen=True)
class Look:
    """Which attributes the elements of a table have.

    styled: with a style each, since a notebook keeps no style sheet; else with the classes that the
    style sheet of a page knows.
    """

    styled: bool

    def table(self, table: Table) -> Markup:
        """Return those of the table itself."""
        if self.styled:
            return Markup(' style="{}"').format(_TABLE)
        return Markup(' class="{}"').format(table.look) if table.look else Markup()

    def cell(self, table: Table, index: int, *, is_head: bool = False) -> Markup:
        """Return those of a cell, by the index of its column."""
        column = table.columns[index]
        if self.styled:
            side = "left" if column.is_text else "right"
            weight = "500;opacity:.75" if is_head else "400"
            return Markup(' style="{};text-align:{};font-weight:{}"').format(_CELL, side, weight)
        begins = column.group and column.group != table.columns[index - 1].group
        names = [*(["text"] if column.is_text else []), *(["group"] if begins else [])]
        return Markup(' class="{}"').format(" ".join(names)) if names else Markup()


@cache
def environment() -> Environment:
    """Return what templates are rendered with; nothing in a text acts on whoever reads the page."""
    made = Environment(
        loader=PackageLoader("prunescope.report"),
        autoescape=True,
        finalize=printed,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {"on_page": Look(styled=False), "bar": _bar, "square": _square}
    made.filters["written"] = written
    made.tests |= {
        "bar": lambda cell: isinstance(cell, Bar),
        "noted": lambda cell: isinstance(cell, Noted),
        "table": lambda part: isinstance(part, Table),
        "names": lambda part: isinstance(part, Names),
    }
    return made


def write_html(sections: Sequence[Section]) -> str:
    """Return a result as one self-contained block for a notebook."""
    template = environment().get_template("notebook.html")
    return template.render(sections=sections, look=Look(styled=True), frame=Markup(_FRAME))


def _bar(drawn: Bar) -> Markup:
    """Return coloured pieces, as long as they are of the whole."""
    pieces = Markup().join(
        Markup(
            '<span style="display:inline-block;height:.8em;background:{};width:{:.1f}px"></span>'
        ).format(colour, _BAR_PIXELS * amount / drawn.whole)
        for amount, colour in drawn.parts
        if drawn.whole > 0
    )
    return Markup('<span style="display:inline-block;min-width:{}px">{}</span>').format(
        _BAR_PIXELS, pieces
    )


def _square(column: Column) -> Markup:
    """Return a square of a column's colour, as the key of the bars."""
    square = Markup('<span style="{}{}"></span>').format(_SQUARE, column.colour)
    return square if column.colour else Markup()
