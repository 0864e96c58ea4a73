"""Does a comparison leave its tables, numbers and figure behind, and show what it should?"""

import json
from pathlib import Path

import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from PIL import Image

from layers import make_layer, save_run
from prunescope.base.errors import ConfigError
from prunescope.comparison.dissections import Comparison
from prunescope.comparison.runs import RunComparison
from prunescope.report.comparison import render_comparison, write_comparison
from prunescope.report.comparison_figure import outcomes_figure
from prunescope.report.run_comparison_figure import levels_figure
from prunescope.report.style import LIGHT
from prunescope.results.dissection import Dissection
from prunescope.statistics.compare import compare

A = make_layer({"red": 200}, {"cat": 200}, {"dog": 100, "blue": 300}, {}, {"cat": 300})
B = make_layer({"red": 100}, {"dog": 200}, {"dog": 90}, {"cat": 400}, {"blue": 150})
FILES = ["assets", "checksums.json", "comparison.png", "comparison.svg", "concepts.csv"]
FILES += ["index.html", "summary.json", "units.csv", "units.parquet"]


@pytest.fixture(scope="module")
def comparison() -> Comparison | RunComparison:
    return compare(A, B)


@pytest.fixture(scope="module")
def of_runs(tmp_path_factory: pytest.TempPathFactory) -> RunComparison:
    root = tmp_path_factory.mktemp("runs")
    runs = [
        save_run(root / name, {(0, "dense", 0): [first], (0, "lottery", 1): [second]})
        for name, first, second in (("A", A, A), ("B", A, B))
    ]
    compared = compare(*runs)
    assert isinstance(compared, RunComparison)
    return compared


def panels_of(compared: Comparison | RunComparison) -> list[Axes]:
    return outcomes_figure(compared.summary(), LIGHT).axes


def title_of(axes: Axes) -> str:
    return axes.get_title(loc="left") or axes.get_title()


def bars_of(axes: Axes) -> dict[str, list[tuple[float, float]]]:
    """Return, by category, the left end and the width of every bar, from the left."""
    names = [label.get_text() for label in axes.get_yticklabels()]
    bars: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
    for bar in (patch for patch in axes.patches if isinstance(patch, Rectangle)):
        place = round(bar.get_y() + bar.get_height() / 2)
        bars[names[place]].append((bar.get_x(), bar.get_width()))
    return bars


def test_a_folder_holds_tables_numbers_and_the_figure(
    comparison: Comparison, tmp_path: Path
) -> None:
    out = tmp_path / "deep" / "C"
    write_comparison(comparison, out)
    assert sorted(path.name for path in out.iterdir()) == FILES
    units = comparison.units
    pd.testing.assert_frame_equal(pd.read_parquet(out / "units.parquet"), units)
    text = pd.read_csv(out / "units.csv")
    assert text["outcome"].tolist() == units["outcome"].tolist()
    assert text["iou_a"].dropna().tolist() == pytest.approx(
        units["iou_a"].dropna().tolist(), rel=1e-14
    )
    concepts = pd.read_csv(out / "concepts.csv")
    assert concepts["outcome"].tolist() == comparison.concepts["outcome"].tolist()
    assert json.loads((out / "summary.json").read_text()) == comparison.summary()
    with Image.open(out / "comparison.png") as picture:
        assert picture.width == 1320


def test_what_python_saves_is_what_the_command_writes(
    comparison: Comparison, of_runs: RunComparison, tmp_path: Path
) -> None:
    for compared in (comparison, of_runs):
        write_comparison(compared, tmp_path / "written")
        compared.save(str(tmp_path / "saved"))
        written, saved = (
            {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.*")}
            for folder in (tmp_path / "written", tmp_path / "saved")
        )
        assert saved == written


def test_a_page_saved_with_both_sides_shows_their_units(
    comparison: Comparison, tmp_path: Path
) -> None:
    comparison.save(tmp_path / "alone")
    layer_a, layer_b = (Dissection(layers={"layer4": each}) for each in (A, B))
    comparison.save(tmp_path / "both", a=layer_a, b=layer_b)
    alone, both = (
        sum(path.stat().st_size for path in (tmp_path / name / "assets").rglob("*.*"))
        for name in ("alone", "both")
    )
    assert both > alone


def test_two_runs_leave_their_levels_too(of_runs: RunComparison, tmp_path: Path) -> None:
    write_comparison(of_runs, tmp_path / "C")
    names = sorted(path.name for path in (tmp_path / "C").iterdir())
    assert names == sorted([*FILES, "levels.csv"])
    levels = pd.read_csv(tmp_path / "C" / "levels.csv")
    pd.testing.assert_frame_equal(levels, of_runs.levels, check_dtype=False)


def test_equal_comparisons_give_equal_bytes(comparison: Comparison, tmp_path: Path) -> None:
    for name in ("first", "second"):
        write_comparison(comparison, tmp_path / name)
    first, second = (
        {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.*")}
        for folder in (tmp_path / "first", tmp_path / "second")
    )
    assert first == second
    assert {"index.html", "assets/page.js"} <= {path.as_posix() for path in first}


def test_a_comparison_is_replaced_as_a_whole(
    comparison: Comparison, of_runs: RunComparison, tmp_path: Path
) -> None:
    write_comparison(of_runs, tmp_path / "C")
    write_comparison(comparison, tmp_path / "C")
    assert sorted(path.name for path in (tmp_path / "C").iterdir()) == FILES
    assert [path.name for path in tmp_path.iterdir()] == ["C"]


@pytest.mark.parametrize("name", ["letter.txt", "summary.json", "units.parquet"])
def test_a_folder_of_other_things_is_left_alone(
    comparison: Comparison, tmp_path: Path, name: str
) -> None:
    (tmp_path / "C").mkdir()
    (tmp_path / "C" / name).write_text("mine")
    with pytest.raises(ConfigError, match=rf"not a comparison \(it holds {name}\)"):
        write_comparison(comparison, tmp_path / "C")
    assert [path.name for path in (tmp_path / "C").iterdir()] == [name]
    with pytest.raises(ConfigError, match="is a file"):
        write_comparison(comparison, tmp_path / "C" / name)


def test_a_figure_that_fails_leaves_nothing(
    comparison: Comparison, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> bytes:
        raise RuntimeError("no ink")

    monkeypatch.setattr("prunescope.report.comparison.render_comparison", fail)
    with pytest.raises(RuntimeError, match="no ink"):
        write_comparison(comparison, tmp_path / "C")
    assert not list(tmp_path.iterdir())


# --- what the figures show -----------------------------------------------------------------------


def test_lost_stands_to_the_left_and_what_b_has_to_the_right(comparison: Comparison) -> None:
    units, concepts = panels_of(comparison)
    assert bars_of(units) == {
        "color": [(-1, 1), (0, 1)],  # blue is lost, red kept
        "object": [(0, 2), (2, 1)],  # two are relabelled, one gained
    }
    assert bars_of(concepts) == {"color": [(0, 2)], "object": [(0, 1), (1, 1)]}


def test_the_counts_of_both_sides_stand_behind_the_bars(comparison: Comparison) -> None:
    units, concepts = panels_of(comparison)
    behind = [
        [text.get_text() for text in axes.texts if "→" in text.get_text()]
        for axes in (units, concepts)
    ]
    assert behind == [["2 → 2", "2 → 2"], ["2 → 2", "1 → 2"]]


def test_units_that_are_not_paired_are_not_drawn() -> None:
    fewer = make_layer({"red": 100})
    [concepts] = panels_of(compare(A, fewer))
    assert title_of(concepts) == "Distinct concepts, layer4"


def test_layers_of_other_names_are_both_named() -> None:
    other = make_layer({"red": 200}, {}, {}, {}, {}, name="layer3")
    units, _ = panels_of(compare(A, other))
    assert title_of(units) == "Interpretable units\nA: layer4\nB: layer3"


def test_nothing_interpretable_can_be_drawn(tmp_path: Path) -> None:
    nothing = compare(make_layer({}, {}), make_layer({"red": 10}, {}))
    assert "none interpretable" in [text.get_text() for text in panels_of(nothing)[0].texts]
    assert render_comparison(nothing, ("png",))["png"].startswith(b"\x89PNG")


def test_two_runs_show_both_sides_and_what_is_the_same(of_runs: RunComparison) -> None:
    units, concepts = levels_figure(of_runs, LIGHT).axes
    lines = [line.get_ydata().tolist() for line in units.get_lines()]
    assert lines == [[4, 4], [4, 4], [4, 1]]
    assert len(concepts.get_lines()) == 3


def test_the_figures_say_what_a_and_b_are(
    tmp_path: Path, comparison: Comparison | RunComparison, of_runs: RunComparison
) -> None:
    legends = [
        outcomes_figure(comparison.summary(), LIGHT).legends[0],
        levels_figure(of_runs, LIGHT).legends[0],
    ]
    for legend, compared in zip(legends, (comparison, of_runs), strict=True):
        a, b = legend.get_title().get_text().splitlines()
        assert (a, b) == (f"A: {compared.a['name']}", f"B: {compared.b['name']}")


def test_of_a_long_path_the_figure_shows_the_end(comparison: Comparison | RunComparison) -> None:
    long = {"name": "/".join(["folder"] * 40) + "/level-03", "keep": 0.512}
    figure = outcomes_figure(comparison.summary() | {"a": long}, LIGHT)
    a, _ = figure.legends[0].get_title().get_text().splitlines()
    assert a.startswith("A: …")
    assert a.endswith("level-03  (51.2 % of the weights)")
    assert len(a) < 100
