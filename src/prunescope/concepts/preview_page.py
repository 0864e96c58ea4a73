"""How does a page show the sheets of a preview and name their labels?"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from prunescope.base.text import printed
from prunescope.results.layout import PAGE

_MARK = '<meta name="generator" content="Prunescope preview">'
_TEMPLATE = (
    """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
"""
    + _MARK
    + """
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; img-src 'self' file:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<title>{{ title }}</title>
<style>
body { margin: 2rem auto; max-width: 72rem; padding: 0 1rem; font: 1rem/1.5 system-ui, sans-serif;
  color: #20242b; background: #fff; }
img { width: 100%; }
table { border-collapse: collapse; }
th, td { padding: 0.15rem 0.8rem 0.15rem 0; text-align: left; }
td.number { text-align: right; color: #5c636b; }
i { display: inline-block; width: 0.9rem; height: 0.9rem; border-radius: 3px;
  border: 1px solid #7c828c; vertical-align: -0.1rem; }
</style>
</head>
<body>
<h1>{{ title }}</h1>
{% for sheet in sheets %}
<p><img src="{{ sheet }}" alt="Photographs beside their labels, sheet {{ loop.index }}"></p>
{% endfor %}
<h2>Labels on these sheets</h2>
<table>
<tr><th></th><th>number</th><th>label</th><th>category</th></tr>
{% for label in labels %}
<tr><td><i style="background: {{ label.colour }}"></i></td>
<td class="number">{{ label.number }}</td><td dir="auto">{{ label.name }}</td>
<td dir="auto">{{ label.category }}</td></tr>
{% endfor %}
</table>
</body>
</html>
"""
)


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A label on the sheets. colour: as "#rrggbb"."""

    colour: str
    number: int
    name: str
    category: str


def preview_page(title: str, sheets: Sequence[str], labels: Sequence[Shown]) -> str:
    """Return the HTML of a page with these sheets, files beside it, and the labels by number."""
    from jinja2 import Environment

    environment = Environment(autoescape=True, trim_blocks=True, finalize=printed)
    template = environment.from_string(_TEMPLATE)
    return template.render(title=title, sheets=sheets, labels=labels) + "\n"


def is_preview(folder: Path) -> bool:
    """Return whether a folder holds a preview's page."""
    page = folder / PAGE
    return page.is_file() and _MARK in page.read_text(encoding="utf-8", errors="replace")[:400]
