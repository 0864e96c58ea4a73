"""How is a page written: sections, and scripts with the data that they need?"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from prunescope.base.text import printable
from prunescope.report.html import environment
from prunescope.results.layout import ASSETS, PAGE

_HERE = files("prunescope.report.pages")
_SCRIPTS = ("data", "table", "picture", "chart", "tables", "atlas", "start")
_LIBRARY = "uplot-1.6.32.min"
_CHUNK = re.compile(r"[a-z0-9-]+")
_DIGITS = 6  # of a number
_ESCAPES = {ord(letter): f"\\u{ord(letter):04x}" for letter in "<>&"}


@dataclass(frozen=True, kw_only=True)
class PageSection:
    """A section of a page.

    anchor: its address on the page. html: what it shows without JavaScript, and where its charts
    and tables go. data: what it adds to the page's data, lists of `charts` and `tables`.
    chunks: data that are loaded when they come into view, by name.
    """

    anchor: str
    title: str
    html: Markup
    data: Mapping[str, Any] = field(default_factory=dict)
    chunks: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Page:
    """What a page says. lead: a line under its title. notice: what is missing, if anything is.

    data: for its scripts, see `pages.atlas`.
    """

    title: str
    lead: str
    sections: Sequence[PageSection]
    data: Mapping[str, Any]
    notice: str = ""


def write_page(folder: Path, page: Page) -> Path:
    """Write `index.html` and the assets that all pages have into a folder; return the page's path.

    The page needs nothing outside the folder and no network; equal input gives equal bytes.
    """
    assets = folder / ASSETS
    assets.mkdir(parents=True, exist_ok=True)
    joined: dict[str, list[Any]] = {}
    for section in page.sections:
        for name, parts in section.data.items():
            joined.setdefault(name, []).extend(parts)
        for name, value in section.chunks.items():
            write_chunk(folder, name, value)
    write_chunk(folder, "page", {"name": page.title, **page.data, **joined})
    scripts = [(_HERE / "browser" / f"{name}.js").read_text("utf-8") for name in _SCRIPTS]
    (assets / "page.js").write_text("\n".join(scripts), "utf-8")
    (assets / "page.css").write_bytes((_HERE / "browser" / "page.css").read_bytes())
    licence = (_HERE / "vendor" / "uplot.LICENSE").read_text("utf-8")
    for form in ("js", "css"):
        library = (_HERE / "vendor" / f"{_LIBRARY}.{form}").read_text("utf-8")
        (assets / f"uplot.{form}").write_text(f"/*\n{licence}*/\n{library}", "utf-8")
    text = environment().get_template("pages/page.html").render(page=page)
    path = folder / PAGE
    path.write_text(text, "utf-8")
    return path


def write_chunk(folder: Path, name: str, value: Any) -> None:
    """Write a part of a page's data as a script, which the page loads when it needs it."""
    assert _CHUNK.fullmatch(name)
    (folder / ASSETS / f"data-{name}.js").write_text(chunk_text(name, value), "ascii")


def chunk_text(name: str, value: Any) -> str:
    """Return a script that hands a value to the page.

    Only ASCII, in which no text can end the script or begin markup. nan is not allowed.
    """
    text = json.dumps(_shown(value), separators=(",", ":"), allow_nan=False)
    return f'prunescope.receive("{name}",{text.translate(_ESCAPES)});\n'


def template_html(name: str, **values: Any) -> Markup:
    """Return what a template makes of values, as a part of a page."""
    return Markup(environment().get_template(name).render(**values))


def rounded(values: Iterable[Any]) -> list[float | None]:
    """Return numbers with six digits, None for those that are undefined."""
    return [
        None if pd.isna(value) or not np.isfinite(value) else float(f"{value:.{_DIGITS}g}")
        for value in values
    ]


def _shown(value: Any) -> Any:
    """Return a value whose texts are written as they are shown (`printable`)."""
    match value:
        case str():
            return printable(value)
        case dict():
            return {_shown(key): _shown(each) for key, each in value.items()}
        case list() | tuple() if any(not isinstance(each, int | float) for each in value):
            return [_shown(each) for each in value]
    return value
