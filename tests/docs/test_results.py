"""Are the numbers in the pages of results those of the tables beside them?"""

from pathlib import Path

import pandas as pd
import pytest

FOLDER = Path(__file__).parents[2] / "docs" / "results" / "strategies_small"


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
