"""Can pages be read by a screen reader, with a keyboard, and on a narrow screen?"""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from browser.conftest import Opened
from layers import save_run
from pictured import Painted, dissection, figures_of, pictured, with_borderline
from prunescope.report.comparison import write_comparison
from prunescope.report.pages.dissection import write_dissection_page
from prunescope.report.pages.study import write_study_page
from prunescope.report.panels import Shown
from prunescope.results.layout import LevelKey
from prunescope.results.run_tables import read_levels
from prunescope.statistics.compare import compare

pytestmark = pytest.mark.long
A = with_borderline(pictured({"red": 200}, {"cat": 100}, {"dog": 300}, {}))
B = with_borderline(pictured({"red": 150}, {"red": 100}, {"dog": 20}, {"cat": 200}))
KEYS = ((0, "dense", 0), (0, "lottery", 1))
UNNAMED = """[...document.querySelectorAll(
  "main :is(button, input, select, summary, a, [role=img], [role=region], [tabindex='0'])")]
  .filter(each => each.checkVisibility() && !(each.ariaLabel || each.labels?.length
    || each.textContent.trim()))
  .map(each => each.outerHTML.slice(0, 120))"""
TABLES = """[...document.querySelectorAll("table:not(.u-legend)")].map(each => ({
  caption: each.caption?.textContent.trim() ?? "", html: each.outerHTML.slice(0, 120),
  unscoped: [...each.querySelectorAll("th")]
    .filter(head => !head.scope || !head.textContent.trim()).length,
  headless: [...each.tBodies].flatMap(body => [...body.rows])
    .filter(row => row.cells[0].tagName !== "TH").length }))"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The page of a study, a comparison and a dissection."""
    root = tmp_path_factory.mktemp("pages")
    run = save_run(root / "run", dict(zip(KEYS, ([A], [B]), strict=True)))
    keys = [LevelKey(replicate=r, strategy=s, level=n) for r, s, n in KEYS]
    shown = Shown(
        levels=read_levels(run / "tables" / "levels.csv"),
        units=pd.read_parquet(run / "tables" / "units.parquet"),
    )
    study = write_study_page(
        run / "report",
        name="tiny",
        facts={"Network": "small"},
        shown=shown,
        figures=figures_of(shown),
        verdicts={},
        dissections={key: [run / key.path / "dissection" / "layer4"] for key in keys},
        concepts=Painted(),
    )
    sides = {"a": dissection([A]), "b": dissection([B])}
    write_comparison(compare(A, B, draws=40), root / "C", dissections=sides, concepts=Painted())
    alone = write_dissection_page(root / "D", dissection([A]), Painted(), name="alone")
    return {"study": study, "comparison": root / "C" / "index.html", "dissection": alone}


def filled(page: Any) -> Any:
    """Return a page once its tables are there."""
    page.locator("#units tbody tr").first.wait_for(state="attached")
    for summary in page.locator("main summary").all():
        if summary.is_visible():
            summary.click()
    return page


@pytest.mark.parametrize("kind", ["study", "comparison", "dissection"])
def test_tables_have_captions_and_headers_of_rows_and_columns(
    opened: Opened, pages: dict[str, Path], kind: str
) -> None:
    for address in ("", "#unit=layer4/1", "#concept=color/red"):
        shown = filled(opened(pages[kind], address))
        tables = shown.evaluate(TABLES)
        assert tables
        for table in tables:
            assert table["caption"], table
            assert (table["unscoped"], table["headless"]) == (0, 0), table


@pytest.mark.parametrize("kind", ["study", "comparison", "dissection"])
def test_whatever_can_be_used_or_seen_has_a_name(
    opened: Opened, pages: dict[str, Path], kind: str
) -> None:
    for address in ("", "#unit=layer4/1", "#concept=color/red"):
        assert filled(opened(pages[kind], address)).evaluate(UNNAMED) == []


def test_a_chart_is_told_in_words(opened: Opened, pages: dict[str, Path]) -> None:
    shown = opened(pages["study"])
    said = shown.locator("#curves-fig2-interpretability [role=img]").get_attribute("aria-label")
    assert said.startswith("Chart: Interpretable units, layer4, over weights left.")
    assert "lottery: 3 at 100.0 %, 3 at 80.0 %" in said
    shown = opened(pages["dissection"], "#unit=layer4/1")
    said = shown.locator(".histogram [role=img]").get_attribute("aria-label")
    assert "Images: most, 5 at 0; threshold: 0.5" in said
    assert shown.locator(".histogram [role=img]").aria_snapshot().count("\n") == 0


def test_the_legend_is_empty_until_the_pointer_is_on_the_chart(
    opened: Opened, pages: dict[str, Path]
) -> None:
    shown = opened(pages["study"])
    place = shown.locator("#curves-fig2-interpretability")
    assert not place.locator(".u-value >> visible=true").count()
    place.locator(".u-over").hover(position={"x": 2, "y": 40})
    place.locator(".u-series", has_text="lottery").locator(".u-value", has_text="3").wait_for()
    assert place.locator(".u-value >> visible=true").count() >= 2


def test_the_keyboard_reaches_what_is_shown_in_its_order(
    opened: Opened, pages: dict[str, Path]
) -> None:
    shown = opened(pages["dissection"], "#unit=layer4/1")
    shown.locator(".skip").focus()
    order = []
    for _ in range(40):
        shown.keyboard.press("Tab")
        order.append(
            shown.evaluate(
                "[document.activeElement.getBoundingClientRect().top + scrollY,"
                " getComputedStyle(document.activeElement).outlineStyle]"
            )
        )
        if shown.evaluate("document.activeElement === document.body"):
            order.pop()
            break
    tops = [top for top, _ in order]
    assert len(tops) > 8
    assert all(later >= earlier - 60 for earlier, later in pairwise(tops))
    assert {style for _, style in order} == {"solid"}


def test_skipping_the_links_keeps_the_address(opened: Opened, pages: dict[str, Path]) -> None:
    shown = opened(pages["dissection"], "#unit=layer4/1")
    shown.locator(".skip").focus()
    shown.keyboard.press("Enter")
    assert shown.url.endswith("#unit=layer4/1")
    assert shown.evaluate("document.activeElement.id") == "content"
    assert shown.inner_text("#detail h1") == "Unit 1 of layer4"


def test_a_wide_table_scrolls_by_itself_and_keeps_its_head(
    opened: Opened, pages: dict[str, Path]
) -> None:
    for width, is_cut in ((390, True), (1600, False)):
        shown = opened(pages["study"], viewport={"width": width, "height": 500})
        box = shown.get_by_role("region", name="Table: Units of layer4")
        box.locator("tbody tr").first.wait_for()
        shown.wait_for_timeout(200)
        assert ("cut" in box.get_attribute("class").split()) == is_cut
        assert shown.evaluate("document.documentElement.scrollWidth") <= width
        head = box.locator("thead")
        assert head.evaluate("head => getComputedStyle(head).position") == "sticky"


def test_the_head_of_a_long_table_stays_below_the_links(opened: Opened, tmp_path: Path) -> None:
    layer = pictured(*({"cat": 50 + n} for n in range(60)))
    layer = replace(layer, units=layer.units.drop(columns=["precision", "recall", "f1"]))
    page = write_dissection_page(tmp_path, dissection([layer]), None, name="long")
    screen = {"viewport": {"width": 1600, "height": 500}, "reduced_motion": "reduce"}
    shown = opened(page, **screen)
    shown.locator("#unit-table tbody tr").nth(40).scroll_into_view_if_needed()
    shown.wait_for_timeout(300)
    top = shown.locator("#unit-table thead").evaluate("head => head.getBoundingClientRect().top")
    bottom = shown.locator("nav").evaluate("nav => nav.getBoundingClientRect().bottom")
    assert abs(top - bottom) <= 2
