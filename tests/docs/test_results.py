"""Are the numbers in the pages of results those of the tables beside them?"""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from prunescope.statistics.settings import VerdictSettings
from prunescope.statistics.writing import write_verdicts

RESULTS = Path(__file__).parents[2] / "docs" / "results"
FOLDER = RESULTS / "strategies_small"
PHOTOGRAPHS = RESULTS / "tiny_imagenet_small"


@pytest.mark.parametrize("table", sorted(FOLDER.glob("*.csv")), ids=lambda path: path.stem)
def test_every_row_of_a_small_study_is_on_its_page_as_the_table_says(table: Path) -> None:
    page = (FOLDER / "README.md").read_text().splitlines()
    levels = pd.read_csv(table)
    assert len(levels) >= 3
    for row in levels.to_dict("records"):
        same = f"{row['same_concept_count']} of {row['still_interpretable_count']}"
        cells = (
            row["strategy"],
            f"{100 * row['keep']:.1f} %",
            f"{100 * row['accuracy']:.1f} %",
            f"{row['interpretable']} of {row['units']}",
            row["concepts"],
            "" if row["strategy"] == "dense" else same,
        )
        assert f"| {' | '.join(map(str, cells))} |" in page


def test_all_rows_of_the_small_studies_are_in_a_table() -> None:
    page = (FOLDER / "README.md").read_text().splitlines()
    rows = [line for line in page if line.startswith("|") and "%" in line]
    assert len(rows) == sum(len(pd.read_csv(table)) for table in FOLDER.glob("*.csv"))


def test_the_verdict_on_photographs_is_that_of_its_levels(tmp_path: Path) -> None:
    shutil.copy(PHOTOGRAPHS / "levels.csv", tmp_path)
    write_verdicts(tmp_path, VerdictSettings(), looks=1)
    found = json.loads((tmp_path / "verdict.json").read_text())
    assert found == json.loads((PHOTOGRAPHS / "verdict.json").read_text())
    page = (PHOTOGRAPHS / "README.md").read_text()
    for layer, by_strategy in found.items():
        for count, on in by_strategy["lottery"].items():
            low, high = (f"{100 * end:+.1f}" for end in on["interval"])
            verdict = "C: they fall" if on["verdict"] == "C" else on["verdict"]
            cells = (layer, count, verdict, f"{100 * on['effect']:+.1f} %", f"{low} to {high} %")
            assert f"| {' | '.join(cells)} | {on['needed'] or ''}" in page
