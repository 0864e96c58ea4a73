"""Does every link of the built site lead somewhere, from disk and without a network?"""

import os
import re
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

_FETCHED = {"script": "src", "link": "href", "img": "src", "iframe": "src", "source": "src"}


class _Page(HTMLParser):
    """What a page links to, what it fetches, and the anchors that it has."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.anchors: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.anchors |= {values[name] for name in ("id", "name") if name in values}
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if values.get(_FETCHED.get(tag, "")):
            self.fetched.append(values[_FETCHED[tag]])


def problems_of(site: Path, nav: list[Any]) -> list[str]:
    """Return what is wrong with a built site, a line each: dead links, and what is not from disk.

    nav: the navigation of the configuration; a page that it leaves out is a problem too.
    """
    listed = {re.sub(r"(README)?\.md$", _made, place) for place in _places(nav)}
    pages = sorted(site.rglob("*.html"))
    problems = [
        f"{path.relative_to(site)} is not in the nav of mkdocs.yml"
        for path in pages
        if path.relative_to(site).as_posix() not in listed
    ]
    for path in pages:
        where, page = path.relative_to(site), _read(path)
        for address in page.fetched:
            if urlsplit(address).scheme or address.startswith("//"):
                problems.append(f"{where} fetches {address}")
            elif not _leads_somewhere(path, address):
                problems.append(f"{where} shows {address}, which is not there")
        problems += [
            f"{where} links to {address}, which is not there"
            for address in page.links
            if not urlsplit(address).scheme and not _leads_somewhere(path, address)
        ]
    return problems


def _made(ending: re.Match[str]) -> str:
    return "index.html" if ending[1] else ".html"


def _places(nav: Any) -> Iterator[str]:
    if isinstance(nav, str):
        yield nav
    else:
        for inner in nav.values() if isinstance(nav, dict) else nav:
            yield from _places(inner)


def _leads_somewhere(page: Path, address: str) -> bool:
    """Return whether a relative address is a file, and its fragment an anchor there."""
    parts = urlsplit(address)
    if parts.path.startswith("/"):  # of a server's root; on disk it is nowhere
        return False
    target = Path(os.path.normpath(page.parent / unquote(parts.path))) if parts.path else page
    if not target.is_file():
        return False
    if not parts.fragment or target.suffix != ".html":
        return True
    return unquote(parts.fragment) in _read(target).anchors


@cache
def _read(path: Path) -> _Page:
    return _Page(path)
