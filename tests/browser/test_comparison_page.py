"""Does the page of a comparison show its tables, and both sides of a unit, in a real browser?"""

from pathlib import Path

import pytest

from browser.conftest import Opened
from pictured import HOSTILE, Painted, dissection, pictured
from prunescope.comparison.dissections import Comparison
from prunescope.report.comparison import write_comparison
from prunescope.statistics.compare import compare

pytestmark = pytest.mark.long
LONG = "über \u202eabc\u2028 日本語 " * 25
A = pictured({"red": 200}, {"cat": 100}, {"dog": 300}, {}, renamed=HOSTILE)
B = pictured({"red": 150}, {"red": 100}, {"cat": 120}, {"cat": 200}, renamed=LONG)


@pytest.fixture(scope="module")
def compared() -> Comparison:
    found = compare(A, B, draws=0)
    assert isinstance(found, Comparison)
    return found


@pytest.fixture(scope="module")
def page(compared: Comparison, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("C")
    sides = {"a": dissection([A]), "b": dissection([B])}
    write_comparison(compared, folder, dissections=sides, concepts=Painted())
    return folder / "index.html"


def test_its_rows_are_those_of_the_comparison(
    opened: Opened, page: Path, compared: Comparison
) -> None:
    shown = opened(page)
    shown.locator("#compared-units").scroll_into_view_if_needed()
    shown.locator("#compared-units tbody tr").first.wait_for()
    rows = shown.locator("#compared-units tbody tr").all_inner_texts()
    outcomes = compared.units["outcome"].tolist()
    assert [row.split("\t")[-1] for row in rows] == outcomes
    shown.select_option("#compared-units select[aria-label=Outcome]", label="relabelled")
    count = outcomes.count("relabelled")
    assert shown.inner_text("#compared-units .status") == f"{count} of 4 rows"


def test_a_unit_leads_to_both_sides(opened: Opened, page: Path) -> None:
    shown = opened(page, "#unit=layer4/1&at=a&beside=b")
    cards = shown.locator(".card").all_inner_texts()
    assert [card.splitlines()[0] for card in cards] == ["A", "B"]
    assert cards[1].splitlines()[-1] == "relabelled"
    assert shown.locator("#detail canvas").count() == 8


def test_long_and_foreign_names_are_text_and_fit_the_screen(opened: Opened, page: Path) -> None:
    shown = opened(page, "#unit=layer4/3&at=b", viewport={"width": 400, "height": 800})
    name = shown.locator("dl.facts dd").first.inner_text()
    assert name.startswith("über ")
    assert "日本語" in name
    assert r"\u202e" in name  # what would turn the text around is written out
    assert "\u202e" not in shown.inner_text("body")
    assert shown.evaluate("document.documentElement.scrollWidth") <= 400
    shown.locator("dl.facts a").first.click()
    shown.locator("#detail h1").filter(has_text="日本語").wait_for()
    assert shown.evaluate("typeof hacked") == "undefined"
