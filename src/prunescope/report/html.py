"""How is a result written as HTML, by itself in a notebook and as a part of a page?"""

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
    cell_text,
)

_TEXT = "font:13px/1.5 system-ui,sans-serif"
_FRAME = f"{_TEXT};max-width:52em;overflow-x:auto"
_TABLE = "font:inherit;border-collapse:collapse;margin:.2em 0 .8em;background:none"
_CELL = "padding:.15em .8em .15em 0;border:none;white-space:pre;background:none"
_BAR_PIXELS = 160
_PIECE = '<span style="display:inline-block;background:{};height:{}px;width:{:.1f}px"></span>'
_ROOM = '<span style="display:inline-block;min-width:{}px;margin-right:.35em">{}</span>'


@dataclass(frozen=True)
class Look:
    """The attributes of a table's elements.

    styled: inline styles, since a notebook keeps no style sheet; else classes of a page's sheet.
    """

    styled: bool

    def table(self, table: Table) -> Markup:
        """Return the attributes of the table itself."""
        if self.styled:
            return Markup(' style="{}"').format(_TABLE)
        return Markup(' class="{}"').format(table.look) if table.look else Markup()

    def cell(self, table: Table, index: int, *, is_head: bool = False) -> Markup:
        """Return the attributes of a cell in a column, by its index."""
        column = table.columns[index]
        if self.styled:
            side = "left" if column.is_text else "right"
            weight = "500;opacity:.75" if is_head else "400"
            return Markup(' style="{};text-align:{};font-weight:{}"').format(_CELL, side, weight)
        begins = column.group and column.group != table.columns[index - 1].group
        names = [*(["text"] if column.is_text else []), *(["group"] if begins else [])]
        return Markup(' class="{}"').format(" ".join(names)) if names else Markup()

    def bar(self, drawn: Bar) -> Markup:
        """Return coloured pieces, whose lengths are their shares of the whole."""
        pieces, start = [], 0.0
        for amount, colour in drawn.parts if drawn.whole > 0 else ():
            length = _BAR_PIXELS * amount / drawn.whole
            pieces.append((start, length, colour))
            start += length
        return self._pieces(pieces, _BAR_PIXELS, 11)

    def square(self, column: Column) -> Markup:
        """Return a square of a column's colour, as the key of the bars."""
        return self._pieces([(0, 9, column.colour)], 9, 9) if column.colour else Markup()

    def _pieces(self, pieces: list[tuple[float, float, str]], width: int, height: int) -> Markup:
        """Return coloured pieces beside each other: start, length and colour of each.

        A page's security policy refuses inline styles, and notebooks may drop drawings.
        """
        if self.styled:
            drawn = Markup().join(
                Markup(_PIECE).format(colour, height, length) for _, length, colour in pieces
            )
            return Markup(_ROOM).format(width, drawn)
        drawn = Markup().join(
            Markup('<rect x="{:.1f}" width="{:.1f}" height="{}" fill="{}"/>').format(
                start, length, height, colour
            )
            for start, length, colour in pieces
        )
        return Markup('<svg class="bar" width="{}" height="{}" aria-hidden="true">{}</svg>').format(
            width, height, drawn
        )


@cache
def environment() -> Environment:
    """Return the environment of all templates, which escapes texts and their control characters."""
    made = Environment(
        loader=PackageLoader("prunescope.report"),
        autoescape=True,
        finalize=printed,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["on_page"] = Look(styled=False)
    made.filters["cell_text"] = cell_text
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
