"""Do summary, unit and page show formulas beside the labels, and what they gain?"""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from pictured import HOSTILE, Painted, dissection, pictured, read_chunk
from prunescope.report.details import describe_concept, describe_unit
from prunescope.report.pages.dissection import write_dissection_page
from prunescope.report.summary import summarise_result
from prunescope.results.dissection import Dissection, LayerDissection

UNITS = ({"red": 200}, {"cat": 100, "red": 40}, {})
ROWS = [
    (0, 1, "red", "1", 0.1111, 0.02),
    (0, 2, "red or cat", "1 or 3", 0.25, 0.04),
    (1, 1, "cat", "3", 0.0526, 0.06),
    (1, 2, f"cat and not {HOSTILE}", "3 and not 1", 0.04, 0.08),
]
STATED = {"longest": 2, "beam": 10, "draws": 49}
EXPECTED = [
    {"length": 1, "iou": 0.03, "interpretable": 0.5},
    {"length": 2, "iou": 0.06, "interpretable": 1.5},
]


def with_formulas(layer: LayerDissection, *, drawn: bool) -> LayerDissection:
    table = pd.DataFrame(ROWS, columns=["unit", "length", "formula", "labels", "iou", "p"])
    table = table.assign(intersection=1, activation=2, truth=3)
    stated = STATED | ({"expected": EXPECTED} if drawn else {"draws": 0})
    return replace(
        layer,
        formulas=table if drawn else table.drop(columns="p"),
        summary={**layer.summary, "formulas": stated},
    )


@pytest.fixture
def found() -> Dissection:
    drawn = with_formulas(pictured(*UNITS), drawn=True)
    return dissection([drawn, with_formulas(pictured(*UNITS, name="layer3"), drawn=False)])


def test_the_summary_says_what_longer_formulas_gain(found: Dissection, tmp_path: Path) -> None:
    found.save(tmp_path / "D")
    values, text = summarise_result(tmp_path / "D" / "layer4")
    single, double = values["formulas"]["by_length"]
    assert single == {
        "length": 1,
        "best": 1,
        "interpretable": 2,
        "iou": pytest.approx((0.1111 + 0.0526) / 2),
        "gain": 0,
    }
    # the shorter formula of unit 1 is the better one
    assert (double["best"], double["interpretable"]) == (1, 2)
    assert double["iou"] == pytest.approx((0.25 + 0.0526) / 2)
    assert double["gain"] == pytest.approx(double["iou"] - single["iou"])
    assert "best for units" in text
    [line] = [line.split() for line in text.splitlines() if "+0.069" in line]
    assert line == ["2", "1", "2", "0.151", "+0.069", "1.5", "0.060"]
    assert "by chance" not in summarise_result(tmp_path / "D" / "layer4", 0.1)[1]
    assert (
        summarise_result(tmp_path / "D" / "layer4", 0.1)[0]["formulas"]["by_length"][0][
            "interpretable"
        ]
        == 1
    )


def test_a_unit_shows_its_formulas_beside_its_label(found: Dissection, tmp_path: Path) -> None:
    found.save(tmp_path / "D")
    values, text = describe_unit(tmp_path / "D", 0, "layer4")
    assert values["formulas"][1] == {"length": 2, "formula": "red or cat", "iou": 0.25, "p": 0.04}
    assert "best formula of 2 labels: red or cat, IoU 0.250, p 0.04" in text
    assert describe_unit(tmp_path / "D", 2, "layer4")[0]["formulas"] == []
    without_draws = describe_unit(tmp_path / "D", 0, "layer3")[1]
    assert "best formula of 2 labels: red or cat, IoU 0.250\n" in without_draws
    assert describe_concept(tmp_path / "D", "red", None, "layer4")[0]["units"][0]["unit"] == 0


def test_the_page_has_the_formulas_of_more_than_one_label(
    found: Dissection, tmp_path: Path
) -> None:
    page = write_dissection_page(tmp_path, found, Painted(), name="mine")
    assert read_chunk(page, "units-0")["formulas"] == [
        [[2, "red or cat", 0.25]],
        [[2, f"cat and not {HOSTILE}", 0.04]],
        [],
    ]
    text = page.read_text(encoding="utf-8")
    assert "best for units" in text
    assert "of up to 2 labels, beam 10, 49 draws of chance" in text
