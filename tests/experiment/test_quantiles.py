"""Are other quantiles counted at every level of a study, tabulated and drawn?"""

from pathlib import Path

import pandas as pd
import pytest

from prunescope import plot_quantiles
from prunescope.experiment.run import run_study
from prunescope.recipe import Recipe
from prunescope.results.run import Run
from runs import tiny_recipe


@pytest.mark.long
def test_a_study_has_the_counts_of_every_level_at_every_quantile(
    drawn: Path, tmp_path: Path
) -> None:
    values = tiny_recipe(drawn)
    values["training"] |= {"to": "2ep", "milestones": []}
    values["pruning"] |= {"strategies": {"lottery": {"levels": 1}}, "twins": 1}
    values["dissection"] |= {"quantiles": [0.05, 0.2], "layers": ["layer3"], "iou": 0.02}
    recipe = Recipe.validate_from(values | {"replicates": 1}, "the test")
    run_study(recipe, tmp_path / "run", workers=1)
    table = pd.read_csv(tmp_path / "run/tables/quantiles.csv")
    assert table["quantile"].tolist() == [0.01, 0.05, 0.2] * 3
    assert table["strategy"].unique().tolist() == ["dense", "twin-1", "lottery"]
    run = Run.load(tmp_path / "run")
    for level, strategy in ((0, "dense"), (1, "lottery")):
        curve = (
            run.level(level, strategy=strategy if level else None)
            .dissection["layer3"]
            .quantile_curve()
        )
        assert curve is not None
        rows = table[table["strategy"] == strategy].reset_index(drop=True)
        pd.testing.assert_frame_equal(rows[list(curve.columns)], curve)
    assert table["interpretable"].nunique() > 1
    units, concepts = plot_quantiles(run)[0]
    assert [line.get_label() for line in units.get_lines()] == ["0.01", "0.05", "0.2"]
    of_levels = table[table["strategy"] != "twin-1"]
    for axes, column in ((units, "interpretable"), (concepts, "concepts")):
        for line, (_, rows) in zip(axes.get_lines(), of_levels.groupby("quantile"), strict=True):
            assert list(line.get_ydata()) == rows[column].tolist()
    assert (tmp_path / "run/figures/quantiles.svg").is_file()
    page = (tmp_path / "run/report/index.html").read_text()
    assert "other shares of a unit" in page
