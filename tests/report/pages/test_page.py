import re
from pathlib import Path

import pytest
from markupsafe import Markup

from pictured import HOSTILE, read_chunk
from prunescope.report.pages.page import Page, PageSection, chunk_text, write_page


@pytest.fixture
def page(tmp_path: Path) -> Path:
    section = PageSection(anchor="a", title=HOSTILE, html=Markup("<b>x</b>"), data={"charts": [1]})
    return write_page(
        tmp_path, Page(title=HOSTILE, lead="", sections=[section, section], data={"views": []})
    )


def test_no_text_can_end_a_script_or_begin_markup() -> None:
    text = chunk_text("a", {HOSTILE: ["\u2028\u2029", "é", "\udc80", "\x1b[2J"]})
    assert text.isascii()
    assert not re.search(r"[<>&\x1b]", text)
    assert r"\\x80" in text


def test_a_section_adds_to_the_data_of_the_page(page: Path) -> None:
    data = read_chunk(page, "page")
    assert data["name"] == HOSTILE
    assert data["charts"] == [1, 1]


def test_what_the_user_named_is_text_and_not_markup(page: Path) -> None:
    text = page.read_text("utf-8")
    assert "<img" not in text
    assert text.count("&lt;img src=x") == 6
    assert text.count("<b>x</b>") == 2


def test_the_page_asks_for_its_own_files_alone(page: Path) -> None:
    text = page.read_text("utf-8")
    assert "default-src 'none'" in text
    assert "unsafe" not in text
    asked = re.findall(r'(?:src|href)="([^"#]+)"', text)
    assert asked
    assert all((page.parent / name).is_file() for name in asked)
    assert not re.search(r"https?:", text)


def test_the_licence_of_the_chart_library_is_beside_it(page: Path) -> None:
    for name in ("uplot.js", "uplot.css"):
        text = (page.parent / "assets" / name).read_text("utf-8")
        assert "The MIT License" in text
    assert "v1.6.32" in (page.parent / "assets" / "uplot.js").read_text("utf-8")
