"""Does the page of a comparison show its tables, and both sides of a unit, in a real browser?"""

import json
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import save_file

from browser.conftest import Opened
from commands import Prunescope
from pictured import HOSTILE, Painted, dissection, pictured
from prunescope.comparison.dissections import Comparison
from prunescope.networks.registry import build
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


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("measured")


@pytest.fixture
def measured(place: Path, drawn: Path, prunescope: Prunescope) -> tuple[Path, dict[str, Any]]:
    """The page of a dense and a pruned file, and what `compare --data --json` says of them."""
    dense, small, said = (
        place / name for name in ("dense.safetensors", "small.safetensors", "said.json")
    )
    network = ("cifar_resnet20,width=0.25", "--num-classes", 10)
    if not said.exists():
        save_file(build(network[0], num_classes=10, seed=0).state_dict(), dense)
        prune = ("prune", *network, "--weights", dense, "--keep", 0.5, "--structure", "filters")
        assert prunescope(*prune, "--out", small).status == 0
        compared = prunescope(
            *("compare", dense, small, "--network", *network, "--layer", "layer3"),
            *("--concepts", f"broden:{drawn}", "--quantile", 0.02, "--rounds", 2),
            *("--data", drawn / "images", "--data-split", "val", "--out", place / "C", "--json"),
        )
        assert compared.status == 0, compared
        said.write_text(compared.out.splitlines()[-1])
    return place / "C" / "index.html", json.loads(said.read_text())


def test_accuracy_and_cost_of_two_files_are_those_of_the_command(
    opened: Opened, measured: tuple[Path, dict[str, Any]]
) -> None:
    page, values = measured
    counts = values["evaluation"]
    shown = opened(page)
    rows = dict(
        row.split("\t", 1) for row in shown.locator("#evaluation .pair tbody tr").all_inner_texts()
    )
    sides = [counts[letter] for letter in "ab"]
    assert rows["top-1"].split("\t") == [f"{100 * side['top1']:.2f} %" for side in sides]
    for title, name in (("multiply-adds", "multiply_adds"), ("bytes on disk", "bytes")):
        assert rows[title].split("\t") == [f"{side[name]:,}" for side in sides]
    assert sides[0]["multiply_adds"] > sides[1]["multiply_adds"] > 0
    assert f"{counts['flips']['lost']:,} of {counts['images']:,}" in shown.inner_text("#evaluation")
    shown.locator("#compared-classes").scroll_into_view_if_needed()
    shown.locator("#compared-classes tbody tr").first.wait_for()
    classes = [
        row.split("\t")[:2] for row in shown.locator("#compared-classes tbody tr").all_inner_texts()
    ]
    assert classes == [[each["class"], f"{each['images']:,}"] for each in counts["classes"]]


def test_units_of_two_files_are_those_of_the_command(
    opened: Opened, measured: tuple[Path, dict[str, Any]]
) -> None:
    page, values = measured
    units = values["units"]
    row = opened(page).locator("#overview tbody tr").first.inner_text().split("\t")
    assert row[:2] == ["units", f"{units['a']:,}"]
    assert row[6] == f"{units['b']:,}"


def test_it_says_how_it_was_made(opened: Opened, measured: tuple[Path, dict[str, Any]]) -> None:
    page, values = measured
    said = opened(page).inner_text("#made")
    assert f"{values['evaluation']['images']:,}" in said
    assert "seed" in said
    assert values["a"]["name"] in said


def test_tables_are_there_before_they_are_seen_so_that_they_are_printed(
    opened: Opened, measured: tuple[Path, dict[str, Any]]
) -> None:
    shown = opened(measured[0], viewport={"width": 1200, "height": 300})
    shown.locator("#compared-concepts table, #concepts .note").first.wait_for(state="attached")
    assert shown.locator("#compared-units tbody tr").count() > 0


@pytest.mark.parametrize("width", [390, 1400])
def test_nothing_is_wider_than_the_screen(
    opened: Opened, measured: tuple[Path, dict[str, Any]], width: int
) -> None:
    shown = opened(measured[0], viewport={"width": width, "height": 800})
    assert shown.evaluate("document.documentElement.scrollWidth") <= width


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
