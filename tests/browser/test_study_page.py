"""Can a unit and a concept be followed through the levels of a study, in a real browser?"""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from browser.conftest import Opened
from layers import save_run
from pictured import Painted, pictured
from prunescope.report.pages.study import write_study_page
from prunescope.report.panels import Shown
from prunescope.results.layout import LevelKey
from prunescope.results.run_tables import read_levels
from prunescope.statistics.compare import compare

pytestmark = pytest.mark.long
LEVELS = {
    (0, "dense", 0): ({"red": 200}, {"cat": 100}, {"dog": 300}, {}),
    (0, "one & all", 1): ({"red": 150}, {"red": 100}, {"dog": 20}, {"cat": 200}),
    (0, "one & all", 2): ({}, {"red": 99}, {"dog": 10}, {"cat": 80}),
    (0, "other", 1): ({"red": 199}, {"cat": 98}, {"dog": 299}, {}),
}
CLASSES = pd.DataFrame(
    [
        {"strategy": "one & all", "level": level, "class": name, "images": 9, "replicates": 1}
        | {"before": 0.9, "after": 0.9 + change, "difference": change, "low": -0.5, "high": 0.1}
        for level in (1, 2)
        for name, change in (("<i>tench</i>", -0.2), ("bee", 0.0))
    ]
)
EXEMPLARS = pd.DataFrame(
    [{"strategy": "one & all", "level": 1, "row": 3, "class": "bee", "before": "bee"}]
).assign(after="fly", replicates=1, changed=1, lost=1, gained=0, twins=0, twins_changed=pd.NA)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    levels = {key: [pictured(*units)] for key, units in LEVELS.items()}
    return save_run(tmp_path_factory.mktemp("run"), levels)


SHARES = pd.DataFrame(
    [
        {"replicate": 0, "strategy": "other", "level": 1, "layer": "layer4", "unit": unit}
        | {"interpretable_share": 1 - unit / 8, "concept_share": 0.5}
        for unit in range(4)
    ]
)


@pytest.fixture(scope="module")
def page(run: Path) -> Path:
    keys = [LevelKey(replicate=r, strategy=s, level=n) for r, s, n in LEVELS]
    return write_study_page(
        run / "report",
        name="tiny",
        facts={"Network": "small"},
        shown=Shown(levels=read_levels(run / "tables" / "levels.csv"), classes=CLASSES),
        verdicts={},
        dissections={key: [run / key.path / "dissection" / "layer4"] for key in keys},
        concepts=Painted(),
        shares=SHARES,
        exemplars=EXEMPLARS,
    )


def cards(page: Any, unit: int) -> list[str]:
    """Return what the strip of a unit says of each level."""
    page.evaluate(f"location.hash = '#unit=layer4/{unit}'")
    page.locator("#detail h1").filter(has_text=f"Unit {unit} of").wait_for()
    return [text.splitlines()[-1] for text in page.locator(".card").all_inner_texts()]


def test_a_unit_is_followed_through_all_levels_of_every_strategy(
    opened: Opened, page: Path
) -> None:
    shown = opened(page)
    assert cards(shown, 0) == ["interpretable", "kept", "never fires", "interpretable", "kept"]
    assert cards(shown, 1)[1:3] == ["relabelled", "relabelled"]
    assert cards(shown, 2)[1:3] == ["lost", "lost"]
    assert cards(shown, 3)[1:3] == ["born", "not interpretable"]


def test_on_paper_tables_keep_their_headings_and_fit(opened: Opened, page: Path) -> None:
    shown = opened(page, viewport={"width": 718, "height": 1000})  # A4 with margins of 1 cm
    shown.locator("#paid-images tbody tr").first.wait_for(state="attached")
    shown.emulate_media(media="print")
    assert shown.locator("#unit-table th", has_text="Concept").first.is_visible()
    assert not shown.locator("#units input[type=search]").is_visible()
    assert shown.evaluate("document.documentElement.scrollWidth") <= 718


@pytest.mark.parametrize("width", [1000, 1100, 1400])
def test_a_glance_at_several_layers_is_not_cut(opened: Opened, tmp_path: Path, width: int) -> None:
    long = "features.denseblock3"
    names = [("dense", 0), ("lottery rewound", 1), ("fine-tuned", 1)]
    layers = [pictured({"red": 200}), pictured({"red": 200}, name=long)]
    run = save_run(tmp_path, {(r, s, n): layers for r in (0, 1) for s, n in names})
    page = write_study_page(
        run / "report",
        name="two layers",
        facts={"Network": "small", "Pruned": "lottery rewound: to 30, 10 % of the weights"},
        shown=Shown(levels=read_levels(run / "tables" / "levels.csv")),
        verdicts={},
        dissections={},
        concepts=None,
    )
    shown = opened(page, viewport={"width": width, "height": 800})
    table = shown.get_by_role("region", name="At a glance")
    assert table.evaluate("table => table.scrollWidth <= table.clientWidth")
    assert shown.evaluate("document.documentElement.scrollWidth") <= width


def test_a_unit_has_its_shares_of_draws_where_they_are_known(opened: Opened, page: Path) -> None:
    shown = opened(page, "#unit=layer4/1&at=0/other/1")
    facts = shown.locator("dl.facts dt").all_inner_texts()
    values = dict(zip(facts, shown.locator("dl.facts dd").all_inner_texts(), strict=True))
    assert values["Interpretable in draws"] == "87.5 %"
    assert values["With its concept"] == "50.0 %"
    shown = opened(page, "#unit=layer4/1")
    assert "Interpretable in draws" not in shown.locator("dl.facts dt").all_inner_texts()


def test_a_card_leads_to_the_unit_at_that_level(opened: Opened, page: Path) -> None:
    shown = opened(page, "#unit=layer4/1")
    shown.locator(".card").nth(2).click()
    shown.locator(".lead", has_text="one & all, level 2").wait_for()
    assert shown.url.endswith("#unit=layer4/1&at=0/one%20%26%20all/2")
    assert shown.locator(".card[aria-current]").inner_text().startswith("level 2")


def test_outcomes_beside_another_level_are_those_of_a_comparison(
    opened: Opened, page: Path, run: Path
) -> None:
    shown = opened(page)
    shown.select_option("#units label:has-text('beside') select", label="one & all, level 1, 80 %")
    shown.locator("#unit-table th", has_text="Outcome").wait_for()
    rows = [row.split("\t") for row in shown.locator("#unit-table tbody tr").all_inner_texts()]
    found = {int(row[0]): row[-1] for row in rows}
    a, b = (run / "replicate-0" / name for name in ("level-00", "one & all/level-01"))
    units = compare(a, b).units
    assert found == dict(zip(units["unit_a"], units["outcome"], strict=True))


def test_a_concept_is_followed_through_all_levels(opened: Opened, page: Path) -> None:
    shown = opened(page, "#concept=color/red")
    rows = shown.locator("#detail tbody tr").all_inner_texts()
    assert [row.split("\t")[1] for row in rows] == ["1", "2", "1", "1", "1"]
    assert rows[1].split("\t")[3].split() == ["0", "1"]


def test_two_levels_stand_side_by_side(opened: Opened, page: Path) -> None:
    shown = opened(page, "#unit=layer4/1")
    assert shown.locator("#detail canvas").count() == 4
    shown.select_option("#detail label:has-text('Beside') select", label="other, level 1, 80 %")
    shown.locator("#detail h3", has_text="other, level 1").wait_for()
    assert shown.locator("#detail canvas").count() == 8


def test_curves_answer_the_pointer_and_drawings_are_for_print(opened: Opened, page: Path) -> None:
    shown = opened(page)
    still = shown.locator("#figures .still").first
    assert not still.is_visible()
    place = shown.locator("#curves-fig2-interpretability")
    place.locator("select").select_option(label="Distinct concepts, layer4")
    over = place.locator(".u-over")
    over.hover(position={"x": 2, "y": 40})
    place.locator(".u-legend .u-series").filter(has_text=re.compile(r"one & all\W*3")).wait_for()
    shown.emulate_media(media="print")
    still.wait_for()
    assert not place.locator(".chart").is_visible()


def test_who_paid_can_be_searched(opened: Opened, page: Path) -> None:
    shown = opened(page)
    shown.locator("#paid-classes").scroll_into_view_if_needed()
    shown.locator("#paid-classes tbody tr").first.wait_for()
    shown.fill("#paid-classes input[type=search]", "tench")
    row = shown.locator("#paid-classes tbody tr").first.inner_text().split("\t")
    assert row[:4] == ["one & all", "1", "<i>tench</i>", "9"]
    assert row[6] == "-20.0"


def test_the_numbers_of_levels_are_those_of_the_table(
    opened: Opened, page: Path, run: Path
) -> None:
    shown = opened(page)
    levels = read_levels(run / "tables" / "levels.csv")
    rows = shown.locator("#levels tbody tr:not(.title)").all_inner_texts()
    numbers = [[int(each) for each in np.array(row.split("\t"))[[3, 4, 5]]] for row in rows]
    dense, first, second, other = levels[["interpretable", "concepts", "dead"]].to_numpy().tolist()
    assert numbers == [dense, first, second, dense, other]


def test_the_numbers_of_a_chart_are_those_of_its_curves(
    opened: Opened, page: Path, run: Path
) -> None:
    shown = opened(page)
    place = shown.locator("#curves-fig2-interpretability")
    place.locator("summary").click()
    place.locator("details tbody td").first.wait_for()  # until the table is open and filled
    rows = [row.split("\t") for row in place.locator("tbody tr:has(td)").all_inner_texts()]
    numbers = {row[0]: row[1:] for row in rows if row[0].endswith("%")}
    levels = read_levels(run / "tables" / "levels.csv")
    of_one = levels[levels["strategy"].isin(["dense", "one & all"])]["interpretable"].tolist()
    assert [numbers[keep][0] for keep in ("100.0 %", "80.0 %", "64.0 %")] == list(map(str, of_one))
    place.locator("select").select_option(label="Distinct concepts, layer4")
    assert place.locator("details tbody tr").first.inner_text().split("\t") == ["100.0 %", "3", "3"]


def test_the_last_of_several_addresses_is_shown(opened: Opened, page: Path) -> None:
    shown = opened(page)
    for unit in (0, 1, 2, 3):
        shown.evaluate(f"location.hash = '#unit=layer4/{unit}'")
    shown.locator("#detail h1").filter(has_text="Unit 3 of layer4").wait_for()
    shown.wait_for_timeout(200)
    assert shown.locator("#detail h1").all_inner_texts() == ["Unit 3 of layer4"]
