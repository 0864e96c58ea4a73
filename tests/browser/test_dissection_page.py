"""Does the page of a dissection show what its tables say, in a real browser?"""

import csv
import io
import re
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from browser.conftest import Opened
from pictured import HOSTILE, Painted, dissection, pictured, with_borderline
from prunescope.report.examples import draw_mask
from prunescope.report.pages.dissection import write_dissection_page
from prunescope.results.dissection import Dissection

pytestmark = pytest.mark.long
UNITS = ({"red": 200}, {"cat": 100, "red": 40}, {}, *({"cat": 50 + n} for n in range(120)))


@pytest.fixture(scope="module")
def found() -> Dissection:
    return dissection([pictured(*UNITS), pictured(*UNITS, name="layer3/a&b", renamed=HOSTILE)])


@pytest.fixture(scope="module")
def page(found: Dissection, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("D")
    return write_dissection_page(folder, found, Painted(), name=HOSTILE)


def texts(page: Any, selector: str) -> list[str]:
    return [each.strip() for each in page.locator(selector).all_inner_texts()]


def wait_for(page: Any, selector: str, text: str) -> None:
    """Wait until an element says this."""
    page.locator(selector).filter(has_text=text).first.wait_for()


def test_rows_are_those_of_the_table_of_units(
    opened: Opened, page: Path, found: Dissection
) -> None:
    shown = opened(page)
    while shown.locator("#units button", has_text="more").is_visible():
        shown.locator("#units button", has_text="more").click()
    rows = {
        cells[0]: cells
        for cells in (row.split("\t") for row in texts(shown, "#unit-table tbody tr"))
    }
    assert len(rows) == len(UNITS)
    for unit in found["layer4"].units.to_dict("records"):
        _, concept, category, iou, interpretable, *_ = rows[str(unit["unit"])]
        if unit["dead"]:
            assert (concept, category, iou) == ("–", "–", "–")
        else:
            assert (concept, category) == (unit["concept"], unit["category"])
            assert iou == f"{unit['iou']:.3f}"
        assert interpretable == ("yes" if unit["interpretable"] else "no")


def test_the_overview_counts_what_the_tables_hold(
    opened: Opened, page: Path, found: Dissection
) -> None:
    shown = opened(page)
    counts = found["layer4"].counts()
    said = rf"{counts['interpretable']} \(\d+–\d+\) of {counts['units']} units"
    assert re.search(said, shown.inner_text("#overview"))
    assert len(texts(shown, "#concept-table tbody tr")) == counts["concepts"]


def test_a_search_and_filters_leave_what_fits(
    opened: Opened, page: Path, found: Dissection
) -> None:
    shown = opened(page)
    shown.fill("#units input[type=search]", "RED")
    assert shown.inner_text("#units .status") == "2 of 123 rows"  # one has it as second best
    shown.fill("#units input[type=search]", "")
    shown.select_option("#units select[aria-label=Category]", label="color")
    assert texts(shown, "#unit-table tbody th") == ["0"]
    shown.select_option("#units select[aria-label=Category]", label="any category")
    shown.check("#units input[type=checkbox] >> nth=0")
    interpretable = found["layer4"].counts()["interpretable"]
    assert shown.inner_text("#units .status") == f"{interpretable} of 123 rows"


def test_a_title_sorts_and_what_is_undefined_comes_last(opened: Opened, page: Path) -> None:
    shown = opened(page)
    head = shown.locator("#unit-table thead button", has_text="IoU").first
    assert shown.locator("#unit-table th").nth(3).get_attribute("aria-sort") == "descending"
    head.click()
    assert shown.locator("#unit-table th").nth(3).get_attribute("aria-sort") == "ascending"
    assert texts(shown, "#unit-table tbody th")[0] == "3"
    shown.locator("#units button", has_text="more").click()
    assert texts(shown, "#unit-table tbody th")[-1] == "2"


def test_a_unit_has_its_formulas_beside_its_concept(
    opened: Opened, found: Dissection, tmp_path: Path
) -> None:
    formula = f"cat and not {HOSTILE}"
    table = pd.DataFrame({"unit": 1, "length": [1, 2], "formula": ["cat", formula]})
    table = table.assign(labels="3", iou=[0.05, 0.125], intersection=1, activation=1, truth=1)
    layer = replace(
        found["layer4"],
        formulas=table,
        summary={**found["layer4"].summary, "formulas": {"longest": 2, "beam": 10, "draws": 0}},
    )
    page = write_dissection_page(tmp_path, dissection([layer]), Painted(), name="mine")
    shown = opened(page, "#unit=layer4/1")
    facts = dict(zip(texts(shown, "dl.facts dt"), texts(shown, "dl.facts dd"), strict=True))
    assert facts["Best formula of 2 labels"] == f"{formula} (IoU 0.125)"
    assert "Best formula of 1 labels" not in facts


def test_every_unit_has_an_address_with_its_numbers(
    opened: Opened, page: Path, found: Dissection
) -> None:
    shown = opened(page, "#unit=layer4/1")
    unit = found["layer4"].units.iloc[1]
    facts = dict(zip(texts(shown, "dl.facts dt"), texts(shown, "dl.facts dd"), strict=True))
    assert shown.inner_text("h1 >> nth=1") == "Unit 1 of layer4"
    assert facts["Concept"] == "cat"
    assert facts["IoU"] == f"{unit['iou']:.3f}, interpretable"
    assert facts["Precision"] == f"{unit['precision']:.3f}"
    assert facts["Recall"] == f"{unit['recall']:.3f}"
    assert facts["Second best"] == f"red (IoU {unit['iou_2']:.3f})"
    assert shown.locator("#detail canvas").count() == 8  # four top images, four borderline ones
    assert "among its top images" not in shown.inner_text("#detail")
    shown.click("text=next →")
    wait_for(shown, "#detail h1", "Unit 2 of layer4")
    shown.keyboard.press("ArrowLeft")
    wait_for(shown, "#detail h1", "Unit 1 of layer4")
    shown.keyboard.press("Escape")
    shown.wait_for_selector("#sections", state="visible")


def test_a_concept_has_an_address_with_its_units(opened: Opened, page: Path) -> None:
    shown = opened(page, "#concept=color/red")
    assert shown.inner_text("#detail h1") == "red"
    assert "1 unit here has it" in shown.inner_text("#detail")
    shown.click("text=Unit 0")
    wait_for(shown, "#detail h1", "Unit 0 of layer4")


@pytest.mark.parametrize("address", ["#unit=layer4/9999", "#unit=no/1", "#concept=x/y", "#unit="])
def test_an_address_of_nothing_says_so(opened: Opened, page: Path, address: str) -> None:
    shown = opened(page, address)
    assert shown.inner_text("#detail h1") == "Not here"


def test_names_run_no_script_and_are_shown_as_they_are(opened: Opened, page: Path) -> None:
    shown = opened(page)
    shown.select_option("#units select >> nth=0", label="layer3/a&b")
    wait_for(shown, "#unit-table caption", "Units of layer3/a&b")
    assert HOSTILE in texts(shown, "#unit-table tbody a")
    shown.locator("#unit-table tbody a", has_text="onerror").first.click()
    shown.wait_for_selector("#detail h1")
    assert shown.inner_text("#detail h1") == HOSTILE
    assert shown.evaluate("typeof hacked") == "undefined"
    assert shown.title().startswith(HOSTILE)


def test_masks_are_those_of_the_method(opened: Opened, page: Path) -> None:
    shown = opened(page)
    random = np.random.default_rng(0)
    for centring in ("half-pixel", "nominal"):
        for shape in ((2, 2), (7, 5), (3, 1)):
            values = random.integers(-127, 128, shape)
            drawn = shown.evaluate(
                "([values, shape, half]) => [...maskOf(values, ...shape, 48, 60, half)]",
                [values.ravel().tolist(), list(shape), centring == "half-pixel"],
            )
            expected = draw_mask(values.astype(np.float32), 0.0, (48, 60), centring)
            assert (np.array(drawn, bool).reshape(48, 60) == expected).mean() > 0.999


def test_a_unit_is_bright_where_its_mask_is_and_dim_elsewhere(opened: Opened, page: Path) -> None:
    shown = opened(page, "#unit=layer4/1", device_scale_factor=1)
    shown.uncheck(".key-concept input")
    shown.wait_for_timeout(300)
    picture = shown.locator("#detail canvas").first.screenshot()
    pixels = np.asarray(Image.open(io.BytesIO(picture)).convert("RGB")).astype(int)
    height, width, _ = pixels.shape
    left, right = pixels[height // 2, width // 8], pixels[height // 2, -width // 8]
    assert left.sum() > 1.5 * right.sum()
    assert abs(left - np.array([90, 120, 150])).max() < 12


@pytest.fixture(scope="module")
def complete(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a dissection with borderline images and peaks, as they are saved today."""
    folder = tmp_path_factory.mktemp("D")
    found = dissection([with_borderline(pictured(*UNITS[:2]))])
    return write_dissection_page(folder, found, Painted(), name="complete")


def test_a_borderline_image_has_both_masks(opened: Opened, complete: Path) -> None:
    shown = opened(complete, "#unit=layer4/1", device_scale_factor=1)
    assert texts(shown, "figcaption")[2:] == ["48 pixels: a.png", "48 pixels: <b>.png"]
    shown.wait_for_timeout(300)
    picture = shown.locator("#detail canvas").nth(3).screenshot()
    pixels = np.asarray(Image.open(io.BytesIO(picture)).convert("RGB")).astype(int)
    height, width, _ = pixels.shape
    outside, inside = pixels[height // 8, width // 8], pixels[-height // 8, -width // 8]
    assert inside.sum() > 1.5 * outside.sum()
    blue = (pixels[:, width // 2 - 4 : width // 2 + 4] - [64, 200, 255]).__abs__().max(axis=2)
    assert (blue.min(axis=1) < 40).mean() > 0.8  # cat is the left half of every image


def test_top_images_are_not_repeated_where_a_unit_barely_fires(
    opened: Opened, tmp_path: Path
) -> None:
    layer = with_borderline(pictured(*UNITS[:2]), apart=False)
    found = write_dissection_page(tmp_path, dissection([layer]), Painted(), name="rare")
    shown = opened(found, "#unit=layer4/1")
    assert texts(shown, "figcaption") == ["a.png", "<b>.png", "c.png", "its picture is gone"]
    assert "on which it barely fires are all among its top images" in shown.inner_text("#detail")


def test_the_histogram_of_a_unit_says_how_many_images_peak_where(
    opened: Opened, complete: Path
) -> None:
    shown = opened(complete, "#unit=layer4/0")
    assert shown.locator(".histogram canvas").is_visible()
    shown.click(".histogram summary")
    rows = texts(shown, ".histogram details tbody tr")
    assert rows[:4] == ["0 to 0.25\t5", "0.25 to 0.5\t0", "0.5 to 0.75\t3", "0.75 to 1\t2"]


def test_a_unit_that_too_few_draws_leave_open_is_not_called_chance(
    opened: Opened, tmp_path: Path
) -> None:
    layer = pictured(*UNITS[:2], {"cat": 100})
    said = {"p": [0.01, 0.2, 0.3], "discovery": [True, False, False]}
    units = layer.units.assign(**said, undecided=[False, True, False])
    found = dissection([replace(layer, units=units)])
    shown = opened(write_dissection_page(tmp_path, found, Painted(), name="chance"))
    column = texts(shown, "#unit-table th").index("Beyond chance")
    cells = [row.split("\t") for row in texts(shown, "#unit-table tbody tr")]
    assert {row[0]: row[column] for row in cells} == {"0": "yes", "1": "undecided", "2": "no"}
    shown.select_option("#units select[aria-label='Beyond chance']", label="yes")
    assert texts(shown, "#unit-table tbody th") == ["0"]


def test_a_dissection_of_an_earlier_version_has_no_histogram(opened: Opened, page: Path) -> None:
    assert opened(page, "#unit=layer4/0").locator(".histogram").count() == 0


def test_an_image_that_is_gone_is_said(opened: Opened, page: Path) -> None:
    shown = opened(page, "#unit=layer4/1")
    assert texts(shown, "figcaption")[:4] == ["a.png", "<b>.png", "c.png", "its picture is gone"]


def test_a_page_opens_from_a_folder_that_nobody_may_write(opened: Opened, page: Path) -> None:
    places = [page.parent, *page.parent.rglob("*")]
    for place in places:
        place.chmod(place.stat().st_mode & ~stat.S_IWUSR)
    try:
        assert opened(page, "#unit=layer4/0").inner_text("#detail h1") == "Unit 0 of layer4"
    finally:
        for place in places:
            place.chmod(place.stat().st_mode | stat.S_IWUSR)


def test_what_is_shown_can_be_saved_as_a_table(opened: Opened, page: Path, tmp_path: Path) -> None:
    shown = opened(page, accept_downloads=True)
    shown.fill("#units input[type=search]", "red")
    with shown.expect_download() as download:
        shown.click("#units button:text('CSV')")
    download.value.save_as(tmp_path / "units.csv")
    assert download.value.suggested_filename == "units-layer4.csv"
    text = (tmp_path / "units.csv").read_text("utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    assert [row["Unit"] for row in rows] == ["0", "1"]
    assert [row["Concept"] for row in rows] == ["red", "cat"]
    assert float(rows[0]["IoU"]) == pytest.approx(1 / 9, abs=1e-6)


def test_the_figures_and_counts_are_there_without_javascript(opened: Opened, page: Path) -> None:
    shown = opened(page, java_script_enabled=False)
    assert "units are interpretable" in shown.inner_text("#overview")
    assert "needs JavaScript" in shown.inner_text("#units")


@pytest.mark.parametrize("width", [400, 1200])
def test_nothing_is_wider_than_the_screen(opened: Opened, page: Path, width: int) -> None:
    for address in ("", "#unit=layer3%2Fa%26b/5"):
        shown = opened(page, address, viewport={"width": width, "height": 800})
        assert shown.evaluate("document.documentElement.scrollWidth") <= width
