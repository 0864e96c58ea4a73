"""How does a result look in a notebook? HTML that stands by itself, on light and on dark paper."""

from collections.abc import Sequence
from html import escape as escape_html
from typing import TypeAlias

from prunescope.base.text import printable

BLUE, ORANGE, GREEN, SKY = "#3b8fc4", "#dd6b20", "#2a9d78", "#7fc4ea"

_FRAME = "font:13px/1.5 system-ui,sans-serif;max-width:52em;overflow-x:auto"
_TITLE = "font-weight:600;font-size:14px;margin:.3em 0 .1em"
_NOTE = "opacity:.75;margin:0 0 .4em"
_TABLE = "font:inherit;border-collapse:collapse;margin:.2em 0 .8em;background:none"
_CELL = "padding:.15em .8em .15em 0;border:none;white-space:nowrap;background:none"
_BAR_PIXELS = 160
_OF_NUMBERS = set("0123456789–")  # what a number that is written already begins with


def escape(text: str) -> str:
    """Return a text as HTML, in which nothing acts on whoever looks at its source."""
    return escape_html(printable(text))


class Html(str):
    """Text that is HTML already, so that it is not escaped again."""

    __slots__ = ()


Cell: TypeAlias = "str | int | float | None"


def page(*parts: str) -> str:
    """Return parts as one self-contained block."""
    return f'<div style="{_FRAME}">{"".join(parts)}</div>'


def title(text: str, note: str = "") -> Html:
    """Return a heading, and beneath it what is to be known."""
    beneath = f'<div style="{_NOTE}">{escape(note)}</div>' if note else ""
    return Html(f'<div style="{_TITLE}">{escape(text)}</div>{beneath}')


def table(head: Sequence[str], rows: Sequence[Sequence[Cell]]) -> Html:
    """Return a table: texts to the left, numbers to the right, a dash where there is none."""
    heads = "".join(
        _cell("th", _written(name), left=not _is_number(rows, place))
        for place, name in enumerate(head)
    )
    lines = "".join(
        "<tr>"
        + "".join(
            _cell("td", _written(value), left=not _is_number(rows, place))
            for place, value in enumerate(row)
        )
        + "</tr>"
        for row in rows
    )
    return Html(f'<table style="{_TABLE}"><thead><tr>{heads}</tr></thead>{lines}</table>')


def bar(parts: Sequence[tuple[float, str]], whole: float) -> Html:
    """Return a bar of coloured parts, as long as they are of the whole."""
    pieces = "".join(
        f'<span style="display:inline-block;height:.8em;background:{colour};'
        f'width:{_BAR_PIXELS * amount / whole:.1f}px"></span>'
        for amount, colour in parts
        if whole > 0
    )
    return Html(f'<span style="display:inline-block;min-width:{_BAR_PIXELS}px">{pieces}</span>')


def coloured(text: str, colour: str) -> Html:
    """Return a text with a square of a colour before it, as the key of a bar."""
    square = f"display:inline-block;width:.7em;height:.7em;margin-right:.35em;background:{colour}"
    return Html(f'<span style="{square}"></span>{escape(text)}')


def share(value: float | None) -> str:
    """Write a share in percent, a dash where it is undefined."""
    return "–" if value is None or value != value else f"{100 * value:.1f} %"


def _written(value: Cell) -> str:
    match value:
        case Html():
            return value
        case str():
            return escape(value)
        case int():
            return f"{value:,}"
        case float() if value == value:
            return f"{value:.3g}"
    return "–"


def _is_number(rows: Sequence[Sequence[Cell]], place: int) -> bool:
    column = [row[place] for row in rows]
    return bool(column) and all(
        not isinstance(value, Html) and (not isinstance(value, str) or value[:1] in _OF_NUMBERS)
        for value in column
    )


def _cell(tag: str, content: str, *, left: bool) -> str:
    weight = "500;opacity:.75" if tag == "th" else "400"
    style = f"{_CELL};text-align:{'left' if left else 'right'};font-weight:{weight}"
    return f'<{tag} style="{style}">{content}</{tag}>'
