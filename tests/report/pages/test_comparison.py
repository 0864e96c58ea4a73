import re
from pathlib import Path

import pandas as pd
import pytest

from layers import save_run
from pictured import Painted, dissection, pictured, read_chunk
from prunescope.report.comparison import write_comparison
from prunescope.statistics.compare import compare

A = pictured({"red": 200}, {"cat": 100}, {"dog": 300}, {})
B = pictured({"red": 150}, {"red": 100}, {"dog": 20}, {"cat": 200})


@pytest.fixture
def page(tmp_path: Path) -> Path:
    sides = {"a": dissection([A]), "b": dissection([B])}
    write_comparison(compare(A, B, draws=0), tmp_path / "C", dissections=sides, concepts=Painted())
    return tmp_path / "C" / "index.html"


def test_its_tables_are_those_of_the_comparison(page: Path) -> None:
    columns = {each["title"]: each for each in read_chunk(page, "compared-units")}
    units = pd.read_parquet(page.parent / "units.parquet")
    assert columns["Outcome"]["values"] == units["outcome"].tolist()
    assert columns["Concept A"]["values"][:3] == ["red", "cat", "dog"]
    assert columns["Unit B"]["links"] == {"key": "b", "layers": ["layer4"] * 4}
    assert not columns.keys() & {"Layer", "Replicate", "Distance", "Certain"}  # they say nothing
    concepts = {each["title"]: each for each in read_chunk(page, "compared-concepts")}
    found = dict(zip(concepts["Concept"]["values"], concepts["Outcome"]["values"], strict=True))
    assert found == {"red": "kept", "cat": "kept", "dog": "lost"}


def test_both_sides_have_their_units(page: Path) -> None:
    index = read_chunk(page, "page")
    assert [(view["key"], view["starts"]) for view in index["views"]] == [("a", True), ("b", False)]
    assert "draws" not in index
    assert read_chunk(page, "units-1")["iou"][0] == pytest.approx(150 / 1850, abs=1e-6)
    assert read_chunk(page, "images")["missing"] == [0, 0, 0, 1]


def test_units_that_are_paired_by_profile_are_in_no_strip(tmp_path: Path) -> None:
    sides = {"a": dissection([A]), "b": dissection([B])}
    compared = compare(A, B, match="profile", draws=0)
    write_comparison(compared, tmp_path / "C", shown=sides)
    assert all(
        "track" not in view for view in read_chunk(tmp_path / "C/index.html", "page")["views"]
    )


def test_without_dissections_there_are_tables_but_no_units_to_look_at(tmp_path: Path) -> None:
    write_comparison(compare(A, B, draws=0), tmp_path / "C")
    page = tmp_path / "C" / "index.html"
    assert read_chunk(page, "page")["views"] == []
    assert all("links" not in column for column in read_chunk(page, "compared-units"))
    text = page.read_text("utf-8")
    asked = re.findall(r'(?:src|srcset|href)="([^"#]+)"', text)
    assert all((page.parent / name).is_file() for name in asked)
    assert "still are" in text


def test_two_runs_have_a_page_too(tmp_path: Path) -> None:
    levels = {(0, "dense", 0): [A], (0, "lottery", 1): [B]}
    runs = [save_run(tmp_path / name, levels) for name in "AB"]
    write_comparison(compare(*runs), tmp_path / "C")
    page = tmp_path / "C" / "index.html"
    columns = {each["title"]: each["values"] for each in read_chunk(page, "compared-units")}
    assert set(columns["Level"]) == {0, 1}
    assert set(columns["Outcome"]) == {"kept", "neither"}
