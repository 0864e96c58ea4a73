"""Can a unit and a concept be followed through the levels of a study, in a real browser?"""

import json
import re
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from browser.conftest import Opened
from layers import save_run
from pictured import Painted, figures_of, pictured
from prunescope.comparison.dissections import Comparison
from prunescope.report.pages.study import write_study_page
from prunescope.report.panels import Shown
from prunescope.results.layout import LevelKey
from prunescope.results.run_tables import read_levels, read_strategies
from prunescope.statistics.compare import compare
from prunescope.statistics.levels import ResampledLevels, resample_levels
from prunescope.statistics.settings import ResamplingSettings, VerdictSettings
from prunescope.statistics.writing import write_verdicts

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
UNTESTED = CLASSES[CLASSES["class"] == "bee"].assign(
    **{"class": "unicorn", "images": 0}, **dict.fromkeys(("before", "after", "difference"), np.nan)
)
CLASSES = pd.concat([CLASSES, UNTESTED])
EXEMPLARS = pd.DataFrame(
    [{"strategy": "one & all", "level": 1, "row": 3, "class": "bee", "before": "bee"}]
).assign(after="fly", replicates=1, changed=1, lost=1, gained=0, twins=0, twins_changed=pd.NA)


TWIN = (0, "twin-1", 0)
LAYERS = {key: pictured(*units) for key, units in LEVELS.items()}
LAYERS[TWIN] = pictured({"red": 180}, {"red": 100}, {"dog": 280}, {})
RESAMPLING = ResamplingSettings(draws=40)


@pytest.fixture(scope="module")
def resampled() -> ResampledLevels:
    layers = {(*key, "layer4"): partial(lambda layer: layer, each) for key, each in LAYERS.items()}
    return resample_levels(layers, RESAMPLING)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = save_run(tmp_path_factory.mktemp("run"), {key: [each] for key, each in LAYERS.items()})
    write_verdicts(run / "tables", VerdictSettings(), looks=1)
    return run


@pytest.fixture(scope="module")
def page(run: Path, resampled: ResampledLevels) -> Path:
    keys = [LevelKey(replicate=r, strategy=s, level=n) for r, s, n in LAYERS]
    tables = run / "tables"
    shown = Shown(
        levels=read_levels(tables / "levels.csv"),
        twins=read_levels(tables / "twins.csv"),
        units=pd.read_parquet(tables / "units.parquet"),
        twin_units=pd.read_parquet(tables / "twin_units.parquet"),
        outcomes=resampled.concepts,
        classes=CLASSES,
    )
    return write_study_page(
        run / "report",
        name="tiny",
        facts={"Network": "small"},
        shown=shown,
        figures=figures_of(shown),
        verdicts=json.loads((tables / "verdict.json").read_text()),
        strategies=read_strategies(run),
        dissections={key: [run / key.path / "dissection" / "layer4"] for key in keys},
        concepts=Painted(),
        shares=resampled.shares,
        draws=RESAMPLING.draws,
        exemplars=EXEMPLARS,
    )


def compared(key: tuple[int, str, int]) -> Comparison:
    """Return what `compare` says of a level, over the same draws."""
    found = compare(LAYERS[0, "dense", 0], LAYERS[key], draws=RESAMPLING.draws)
    assert isinstance(found, Comparison)
    return found


def sureness(share: float) -> str:
    word = "certain" if share >= 0.95 else "undecided"
    return f"{word}: {100 * share:.1f} % of draws"


def cards(page: Any, unit: int) -> list[str]:
    """Return what the strip of a unit says of each level."""
    page.evaluate(f"location.hash = '#unit=layer4/{unit}'")
    page.locator("#detail h1").filter(has_text=f"Unit {unit} of").wait_for()
    return [text.splitlines()[3] for text in page.locator(".card").all_inner_texts()]


def test_a_unit_is_followed_through_all_levels_of_every_strategy(
    opened: Opened, page: Path
) -> None:
    shown = opened(page)
    assert cards(shown, 0)[:5] == ["interpretable", "kept", "never fires", "interpretable", "kept"]
    assert cards(shown, 1)[1:3] == ["relabelled", "relabelled"]
    assert cards(shown, 2)[1:3] == ["lost", "lost"]
    assert cards(shown, 3)[1:3] == ["born", "not interpretable"]
    assert shown.locator(".tracks h3").all_inner_texts() == ["one & all", "other", "dense twin 1"]
    assert cards(shown, 1)[5:] == ["interpretable", "relabelled"]


def test_a_card_says_how_sure_its_outcome_is_as_a_comparison_does(
    opened: Opened, page: Path
) -> None:
    shown = opened(page)
    pruned = [key for key in LAYERS if key[1] != "dense"]
    words = set()
    for unit in range(4):
        cards(shown, unit)
        texts = [text.splitlines()[4:] for text in shown.locator(".card").all_inner_texts()]
        of_pruned = [*texts[1:3], texts[4], texts[6]]
        for key, said in zip(pruned, of_pruned, strict=True):
            row = compared(key).units.iloc[unit]
            expected = [] if row["outcome"] == "neither" else [sureness(row["share"])]
            assert said == expected, (unit, key)
            words |= {each.partition(":")[0] for each in said}
    assert words == {"certain", "undecided"}
    note = "at least 95 % of 40 draws of the 10 images"
    assert note in shown.inner_text("#detail")


def test_a_unit_that_was_removed_is_lost_as_surely_as_it_was_seen(
    opened: Opened, tmp_path: Path
) -> None:
    layers = {(0, "dense", 0): pictured({"red": 200}, {"cat": 98})}
    layers[0, "filters", 1] = pictured({"red": 200})
    found = resample_levels(
        {(*key, "layer4"): partial(lambda layer: layer, each) for key, each in layers.items()},
        RESAMPLING,
    )
    run = save_run(tmp_path, {key: [each] for key, each in layers.items()})
    keys = [LevelKey(replicate=r, strategy=s, level=n) for r, s, n in layers]
    page = write_study_page(
        run / "report",
        name="removed",
        facts={},
        shown=Shown(levels=read_levels(run / "tables" / "levels.csv")),
        figures=figures_of(Shown(levels=read_levels(run / "tables" / "levels.csv"))),
        verdicts={},
        dissections={key: [run / key.path / "dissection" / "layer4"] for key in keys},
        concepts=None,
        shares=found.shares,
        draws=RESAMPLING.draws,
    )
    shown = opened(page, "#unit=layer4/1")
    share = float(found.shares["interpretable_share"].iloc[1])
    assert shown.locator(".card").nth(1).inner_text().splitlines()[3:] == [
        "removed",
        sureness(share),
    ]


def test_every_concept_has_its_outcome_and_how_sure_that_is(
    opened: Opened, page: Path, resampled: ResampledLevels
) -> None:
    shown = opened(page)
    shown.locator("#concept-changes tbody tr").first.wait_for(state="attached")
    heads = shown.locator("#concept-changes thead th").all_inner_texts()
    rows = {}
    for text in shown.locator("#concept-changes tbody tr").all_inner_texts():
        row = dict(zip(heads, text.split("\t"), strict=True))
        rows[row["Strategy"], int(row["Level"]), row["Concept"]] = row
    table = resampled.concepts
    assert len(rows) == len(table)
    twins = {row["concept"]: row["outcome"] for row in of_level(table, TWIN)}
    for row in table.to_dict("records"):
        said = rows[row["strategy"], row["level"], row["concept"]]
        assert said["Outcome"] == row["outcome"]
        assert said["Share of draws"] == f"{100 * row['share']:.1f} %"
        assert said["Certain"] == ("yes" if row["certain"] else "no")
        counts = (said["Units unpruned"], said["Units here"])
        assert counts == (str(row["units_before"]), str(row["units_after"]))
        same = int(twins.get(row["concept"]) == row["outcome"])
        assert said["Same in twins"] == ("–" if row["strategy"] == TWIN[1] else f"{same} of 1")
    shown.locator("#concept-changes tbody a").first.click()
    shown.locator("#detail table").first.wait_for()


def of_level(table: pd.DataFrame, key: tuple[int, str, int]) -> list[dict[str, Any]]:
    """Return the rows of a table that are of a level."""
    rows = table[(table[["replicate", "strategy", "level"]] == list(key)).all(axis=1)]
    return [{str(name): value for name, value in row.items()} for row in rows.to_dict("records")]


def test_concepts_that_strategies_and_twins_lost_are_those_of_the_tables(
    opened: Opened, page: Path, resampled: ResampledLevels
) -> None:
    shown = opened(page)
    table = shown.get_by_role("region", name="Which concepts")
    rows = [row.split("\t") for row in table.locator("tbody tr").all_inner_texts()]
    assert [row[0] for row in rows] == ["one & all", "other", "dense twins"]
    for row, key in zip(rows, ((0, "one & all", 2), (0, "other", 1), TWIN), strict=True):
        for said, outcome in ((row[1], "lost"), (row[2], "gained")):
            expected = {
                f"{each['concept']} ({'certain' if each['certain'] else 'undecided'})"
                for each in of_level(resampled.concepts, key)
                if each["outcome"] == outcome
            }
            assert set(said.split(", ")) == (expected or {"–"})


def test_strategies_in_pairs_are_those_of_the_table(opened: Opened, page: Path, run: Path) -> None:
    rows = opened(page).locator("#strategies tbody tr").all_inner_texts()
    table = read_strategies(run)
    assert len(rows) == len(table) == 2
    for text, pair in zip(rows, table.to_dict("records"), strict=True):
        cells = text.split("\t")
        assert cells[:5] == ["one & all", "other", pair["count"], "1", "1"]
        assert cells[5] == f"{100 * pair['difference']:+.1f} %".replace("+0.0", "0.0")
        assert cells[6] == "–"  # of one replicate there is no interval


def test_units_at_a_level_say_what_became_of_them_and_how_surely(
    opened: Opened, page: Path
) -> None:
    shown = opened(page)
    shown.select_option("#units label:has-text('Level') select", label="one & all, level 1, 80 %")
    shown.locator("#unit-table th", has_text="Since unpruned").wait_for()
    heads = shown.locator("#unit-table thead th").all_inner_texts()
    rows = [row.split("\t") for row in shown.locator("#unit-table tbody tr").all_inner_texts()]
    units = compared((0, "one & all", 1)).units
    for row in rows:
        said = dict(zip(heads, row, strict=True))
        expected = units[units["unit_b"] == int(said["Unit"])].iloc[0]
        assert said["Since unpruned"] == expected["outcome"]
        assert said["Holds in draws"] == f"{100 * expected['share']:.1f} %"
        assert said["Certain"] == ("yes" if expected["certain"] else "no")


def test_a_table_that_a_filter_leaves_empty_says_why_and_how_to_fill_it(
    opened: Opened, page: Path
) -> None:
    shown = opened(page)
    table = shown.locator("#concept-changes")
    table.locator("tbody tr").first.wait_for(state="attached")
    table.get_by_label("Outcome").select_option(label="lost")
    table.get_by_label("Certain only").check()
    table.get_by_label("Search").fill("red")
    said = table.locator(".blank").inner_text()
    assert "No row is left of 12" in said
    for text in ("“red” leaves", "“Outcome: lost” leaves", "“Certain only” leaves"):
        assert text in said
    table.get_by_role("button", name="Show all rows").click()
    assert table.locator(".status").inner_text() == "12 rows"
    assert table.locator("tbody tr").count() == 12
    assert not table.get_by_label("Certain only").is_checked()
    assert table.get_by_label("Search").input_value() == ""
    assert table.locator(".blank").inner_text() == ""


def test_classes_without_test_images_are_left_out_and_counted(opened: Opened, page: Path) -> None:
    shown = opened(page)
    shown.locator("#paid-classes tbody tr").first.wait_for(state="attached")
    names = shown.locator("#paid-classes tbody th").all_inner_texts()
    assert set(names) == {"<i>tench</i>", "bee"}
    assert (
        shown.inner_text("#paid-classes caption") == "Classes; 1 class without test images left out"
    )


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
        figures=figures_of(Shown(levels=read_levels(run / "tables" / "levels.csv"))),
        verdicts={},
        dissections={},
        concepts=None,
    )
    shown = opened(page, viewport={"width": width, "height": 800})
    table = shown.get_by_role("region", name="At a glance")
    assert table.evaluate("table => table.scrollWidth <= table.clientWidth")
    assert shown.evaluate("document.documentElement.scrollWidth") <= width


def test_a_unit_has_its_shares_of_draws(
    opened: Opened, page: Path, resampled: ResampledLevels
) -> None:
    shown = opened(page, "#unit=layer4/1&at=0/other/1")
    facts = shown.locator("dl.facts dt").all_inner_texts()
    values = dict(zip(facts, shown.locator("dl.facts dd").all_inner_texts(), strict=True))
    row = of_level(resampled.shares, (0, "other", 1))[1]
    assert values["Interpretable in draws"] == f"{100 * row['interpretable_share']:.1f} %"
    assert values["With its concept"] == f"{100 * row['concept_share']:.1f} %"


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
    assert [row.split("\t")[1] for row in rows] == ["1", "2", "1", "1", "1", "1", "2"]
    assert rows[1].split("\t")[5].split() == ["0", "1"]
    levels = [(0, "one & all", 1), (0, "one & all", 2), (0, "other", 1), TWIN]
    for row, key in zip([*rows[1:3], rows[4], rows[6]], levels, strict=True):
        concepts = compared(key).concepts.set_index("concept")
        outcome, share = concepts.loc["red", "outcome"], float(concepts.loc["red", "share"])
        word = "certain" if share >= 0.95 else "undecided"
        assert row.split("\t")[3:5] == [outcome, f"{100 * share:.1f} %, {word}"]


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
    assert row[:4] == ["<i>tench</i>", "one & all", "1", "9"]
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
    assert place.locator("details tbody tr").first.inner_text().split("\t") == [
        "100.0 %",
        "3",
        "3",
        "2",
    ]


def test_the_last_of_several_addresses_is_shown(opened: Opened, page: Path) -> None:
    shown = opened(page)
    for unit in (0, 1, 2, 3):
        shown.evaluate(f"location.hash = '#unit=layer4/{unit}'")
    shown.locator("#detail h1").filter(has_text="Unit 3 of layer4").wait_for()
    shown.wait_for_timeout(200)
    assert shown.locator("#detail h1").all_inner_texts() == ["Unit 3 of layer4"]
