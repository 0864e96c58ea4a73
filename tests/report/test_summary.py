"""Are the numbers at a path told, whatever lies there?"""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from layers import make_layer, save_run
from prunescope.base.errors import ConfigError, DataError
from prunescope.report.comparison import write_comparison
from prunescope.report.summary import summarise_result
from prunescope.results.dissection import Dissection
from prunescope.results.run import Run
from prunescope.statistics.compare import compare
from prunescope.statistics.settings import ResamplingSettings, VerdictSettings
from prunescope.statistics.writing import write_verdicts

BOTH = make_layer({"red": 200}, {"cat": 100}, {})
RED = make_layer({"red": 200}, {}, {})


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return save_run(
        tmp_path / "run",
        {
            (replicate, "lottery" if level else "dense", level): [layer]
            for replicate in (0, 1)
            for level, layer in ((0, BOTH), (1, BOTH if replicate else RED))
        },
    )


def test_a_level_is_its_dissection(run: Path) -> None:
    level = run / "replicate-0" / "level-00"
    values, text = summarise_result(level)
    assert values == summarise_result(level / "dissection" / "layer4")[0]
    assert (values["interpretable"], values["concepts"], values["dead"]) == (2, 2, 1)
    assert text.startswith("layer4: 2 of 3 units are interpretable (IoU > 0.05), of 2 concepts")


def test_what_is_due_to_chance_is_told_at_the_iou_it_was_found_at(tmp_path: Path) -> None:
    chance = {"draws": 2, "rate": 0.05, "expected_false": 1.5, "discoveries": 0, "concepts": 0,
              "smallest_draws": 39, "undecided": 1, "advised_draws": 39}  # fmt: skip
    settings = {"quantile": 0.005, "precision": "float32", "iou": 0.05}
    judged = make_layer({"red": 200}, {}, name="layer3", chance=chance, settings=settings)
    dissection = Dissection(layers={"layer3": judged, "layer4": RED})
    dissection.save(tmp_path / "D")
    values, text = summarise_result(tmp_path / "D")
    assert values == dissection.summary()
    assert (
        "by chance: 1.5 units (2 draws); at a false discovery rate of 5 %: 1 unit undecided" in text
    )
    assert summarise_result(tmp_path / "D" / "layer3")[0]["chance"] == chance
    assert summarise_result(tmp_path / "D", 0.05) == (values, text)
    assert "chance" not in str(summarise_result(tmp_path / "D", 0.1))


def test_the_counts_of_a_dissection_have_intervals_if_its_images_are_drawn(run: Path) -> None:
    level = run / "replicate-0" / "level-00"
    drawn = ResamplingSettings(draws=30, seed=1)
    values, text = summarise_result(level, resampling=drawn)
    found = BOTH.resample(draws=30, seed=1)
    assert values["interval"] == {
        name: found.intervals[name] for name in ("interpretable", "concepts")
    }
    assert values["layers"]["layer4"] == found.summary()
    assert "layer4: 2 (1–3) of 3 units are interpretable (IoU > 0.05), of 2 concepts (1–3);" in text
    assert "95 % intervals from 30 draws of the images" in text
    [color] = [line.split() for line in text.splitlines() if line.startswith("  color")]
    assert color == ["color", "1", "(1)", "1", "(1)"]
    assert summarise_result(level, resampling=ResamplingSettings(draws=0)) == summarise_result(
        level
    )


def test_a_dissection_without_counts_of_images_says_that_it_has_no_intervals(
    tmp_path: Path,
) -> None:
    Dissection(layers={"layer4": RED}).save(tmp_path / "D")
    (tmp_path / "D" / "layers.json").unlink()
    (tmp_path / "D" / "layer4" / "images.parquet").unlink()
    told: list[str] = []
    values, _ = summarise_result(
        tmp_path / "D", resampling=ResamplingSettings(draws=9), tell=told.append
    )
    assert values == summarise_result(tmp_path / "D")[0]
    [warning] = told
    assert warning.startswith("layer4 has no counts of single images")


def test_a_run_is_every_level_of_it(run: Path) -> None:
    values, text = summarise_result(run)
    place = ("replicate", "strategy", "level", "layer")
    assert [[row[name] for name in place] for row in values["levels"]] == [
        [0, "dense", 0, "layer4"],
        [0, "lottery", 1, "layer4"],
        [1, "dense", 0, "layer4"],
        [1, "lottery", 1, "layer4"],
    ]
    assert [row["interpretable"] for row in values["levels"]] == [2, 1, 2, 2]
    assert values["levels"][0]["by_category"]["object"] == {"units": 1, "concepts": 1}
    assert json.loads(json.dumps(values)) == values
    lines = text.splitlines()
    assert lines[0] == "layer4: 3 units, interpretable above IoU 0.05, means over 2 replicates"
    assert lines[-1].split() == ["lottery", "1", "80.0", "%", "89.5", "%", "1.5", "1.5", "1.5"]


def test_a_run_says_what_is_undecided_and_no_wrong_zero(run: Path) -> None:
    path = run / "tables" / "levels.csv"
    levels = pd.read_csv(path)
    found = {"discoveries": [0, 1, 0, 1], "discovered_concepts": [0, 1, 0, 1]}
    levels.assign(**found, undecided=[2, 0, 2, 0], draws=100).to_csv(path, index=False)
    values, text = summarise_result(run)
    assert [row["undecided"] for row in values["levels"]] == [2, 0, 2, 0]
    lines = text.splitlines()
    assert lines[2].endswith("beyond chance  undecided")
    assert lines[3].split()[-2:] == ["–", "2"]
    assert lines[4].split()[-2:] == ["1", "0"]
    assert "undecided" not in summarise_result(run, 0.1)[1]


def test_an_accuracy_that_is_no_number_is_null_and_a_dash(run: Path) -> None:
    path = run / "tables" / "levels.csv"
    levels = pd.read_csv(path)
    levels.assign(accuracy=levels["accuracy"].mask(levels["level"] == 1)).to_csv(
        path, index=False, na_rep="nan"
    )
    values, text = summarise_result(run)
    assert [row["accuracy"] for row in values["levels"]] == [0.9, None, 0.89, None]
    assert text.splitlines()[-1].split()[3:5] == ["%", "–"]
    levels.assign(accuracy=float("nan")).to_csv(path, index=False, na_rep="nan")
    assert {row["accuracy"] for row in summarise_result(run)[0]["levels"]} == {None}


def test_strategies_of_a_run_are_compared_in_pairs(tmp_path: Path) -> None:
    full, half = (make_layer(*units) for units in ([{"red": 200}] * 2, [{"red": 200}, {}]))
    levels = {
        (replicate, strategy, level): [half if strategy == "random" else full]
        for replicate in (0, 1)
        for strategy, level in (("dense", 0), ("lottery", 1), ("random", 1))
    }
    run = save_run(tmp_path / "run", levels)
    write_verdicts(run / "tables", VerdictSettings(), looks=1)
    values, text = summarise_result(run)
    units, concepts = values["strategies"]
    assert (units["strategy"], units["against"], units["levels"]) == ("lottery", "random", "1")
    assert units["difference"] == pytest.approx(1.0)
    assert concepts["difference"] == 0
    assert json.loads(json.dumps(values)) == values
    assert "lottery   random   units     1" in text


def test_a_run_is_counted_at_another_iou(run: Path) -> None:
    values, text = summarise_result(run, 0.1)
    assert [row["interpretable"] for row in values["levels"]] == [1, 1, 1, 1]
    assert {row["iou"] for row in values["levels"]} == {0.1}
    assert "interpretable above IoU 0.1," in text


def test_a_run_without_its_dissections_says_no_iou(run: Path) -> None:
    for folder in run.glob("replicate-*/**/dissection"):
        shutil.rmtree(folder)
    values, text = summarise_result(run)
    assert {row["iou"] for row in values["levels"]} == {None}
    assert "IoU" not in text


def test_a_run_in_a_notebook_says_the_iou(run: Path) -> None:
    assert "3 units, interpretable above IoU 0.05" in Run.load(run)._repr_html_()


@pytest.mark.parametrize("whole", [True, False])
def test_a_comparison_says_again_what_it_said(run: Path, tmp_path: Path, whole: bool) -> None:
    names = (".", ".") if whole else ("replicate-0/level-00", "replicate-0/lottery/level-01")
    comparison = compare(*(run / name for name in names))
    write_comparison(comparison, tmp_path / "C")
    values, text = summarise_result(tmp_path / "C")
    assert values == comparison.summary()
    assert text == str(comparison)
    assert summarise_result(tmp_path / "C", 0.05)[1] == text
    with pytest.raises(ConfigError, match=r"compares at IoU 0\.05.*compare again with --iou"):
        summarise_result(tmp_path / "C", 0.1)


def test_a_comparison_cannot_be_compared(run: Path, tmp_path: Path) -> None:
    level = run / "replicate-0" / "level-00"
    write_comparison(compare(level, level), tmp_path / "C")
    with pytest.raises(DataError, match="is a comparison: give one of the two dissections"):
        compare(tmp_path / "C", level)


@pytest.mark.parametrize("content", ["{}", "[]", "not JSON", '{"iou": 0.05, "layers": {"x": 1}}'])
def test_a_damaged_comparison_is_refused(run: Path, tmp_path: Path, content: str) -> None:
    level = run / "replicate-0" / "level-00"
    write_comparison(compare(level, level), tmp_path / "C")
    (tmp_path / "C" / "summary.json").write_text(content)
    with pytest.raises(DataError, match=r"summary\.json"):
        summarise_result(tmp_path / "C")


def test_what_holds_no_result_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no dissection"):
        summarise_result(tmp_path)
    with pytest.raises(DataError, match="missing"):
        summarise_result(tmp_path / "nothing")
    (tmp_path / "study.yaml").write_text("name: begun")
    with pytest.raises(DataError, match=r"levels\.csv is missing"):
        summarise_result(tmp_path)
