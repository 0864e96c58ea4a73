"""How is a table written as a CSV in which no text runs as a formula, and how is it read back?"""

import csv
import re
import sys
from collections.abc import Callable
from typing import Any, Literal

import pandas as pd
from pandas.api.types import is_numeric_dtype

from prunescope.base.text import on_one_line

_RUN = re.compile("'*[=+\\-@\t\r\n＝＋－＠]")
"""What spreadsheets take for the start of a formula, after any number of apostrophes.

https://owasp.org/www-community/attacks/CSV_Injection
"""
_ESCAPE = re.compile(r"\\(?:\\|[nrt]|x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8})")
"""A character that acts on a terminal, as `on_one_line` writes it; or a backslash, doubled."""


def csv_bytes(table: pd.DataFrame, *, na_rep: str = "") -> bytes:
    """Return a table as a CSV. na_rep: how a missing value is written.

    A text, or a column's name, that a spreadsheet would run gets an apostrophe in front, also if it
    has some already. Characters that act on a terminal are written as escapes (`\\x1b`); in a text
    that has such characters, or looks as if it had escapes, backslashes are doubled. Numbers are
    unchanged. `original_texts` reverts this.
    """
    safe = _with_texts(table, _neutral).rename(columns=_on_texts(_neutral))
    texts = [
        *map(str, safe.columns),
        *(text for name in table.columns for text in _texts(table[name])),
    ]
    # a carriage return without quotation marks would end the row
    returns = any("\r" in text for text in texts)
    quoting: Literal[0, 2] = csv.QUOTE_NONNUMERIC if returns else csv.QUOTE_MINIMAL
    text = safe.to_csv(index=False, lineterminator="\n", quoting=quoting, na_rep=na_rep)
    return text.encode()


def original_texts(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table read from a CSV with its original texts; columns' names are not changed."""
    return _with_texts(table, original)


def original(text: str) -> str:
    """Return a text as it was before `csv_bytes`, without apostrophe and escapes."""
    bare = text[1:] if text.startswith("'") and _RUN.match(text) else text
    return _ESCAPE.sub(lambda escape: _meant(escape[0]), bare)


def _neutral(text: str) -> str:
    plain = text
    if on_one_line(text) != text or _ESCAPE.search(text):
        plain = on_one_line(text.replace("\\", r"\\"))
    return f"'{plain}" if _RUN.match(plain) else plain


def _meant(escape: str) -> str:
    """Return the character that an escape stands for."""
    if escape[1] in "xuU":
        code = int(escape[2:], 16)
        return chr(code) if code <= sys.maxunicode else escape
    return {"\\": "\\", "n": "\n", "r": "\r", "t": "\t"}[escape[1]]


def _with_texts(table: pd.DataFrame, change: Callable[[str], str]) -> pd.DataFrame:
    columns = {
        name: table[name].map(_on_texts(change))
        for name in table.columns
        if any(change(text) != text for text in _texts(table[name]))
    }
    return table.assign(**columns)


def _on_texts(change: Callable[[str], str]) -> Callable[[Any], Any]:
    return lambda value: change(value) if isinstance(value, str) else value


def _texts(column: "pd.Series[Any]") -> list[str]:
    if is_numeric_dtype(column.dtype):
        return []
    return [value for value in column.unique() if isinstance(value, str)]
