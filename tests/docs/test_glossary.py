"""Is every term of the glossary found where a reader looks for it?"""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "glossary.md").read_text(encoding="utf-8")
ENTRY = re.compile(r'^- <a id="([^"]+)"></a>\*\*(.+?)\*\*: (.+?)(?=^- |\Z)', re.M | re.S)
ENTRIES = ENTRY.findall(PAGE)
TERMS = [term for _, term, _ in ENTRIES]
GUIDES = sorted(path.name for path in DOCS.glob("*.md") if path.name != "glossary.md")


def test_every_entry_is_read() -> None:
    assert len(ENTRIES) == len(re.findall(r"^- ", PAGE, re.M)) > 50


def test_terms_are_alphabetical_and_unique() -> None:
    assert sorted(TERMS, key=str.casefold) == TERMS
    assert len({term.casefold() for term in TERMS}) == len(TERMS)


@pytest.mark.parametrize(("anchor", "term", "text"), ENTRIES, ids=TERMS)
def test_an_entry_has_the_anchor_of_its_term_and_at_most_three_sentences(
    anchor: str, term: str, text: str
) -> None:
    assert anchor == re.sub(r"\W+", "-", term.lower())
    assert 1 <= len(re.findall(r"[.;](?:\s|$)", text)) <= 3


@pytest.mark.parametrize("page", GUIDES)
def test_every_guide_links_to_the_glossary(page: str) -> None:
    assert "](glossary.md" in (DOCS / page).read_text(encoding="utf-8")
