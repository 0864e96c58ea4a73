"""Are two runs compared replicate with replicate, and their levels averaged?"""

import json
from pathlib import Path

import pandas as pd
import pytest

from layers import make_layer, save_run
from prunescope.base.errors import ConfigError, DataError
from prunescope.comparison.runs import RunComparison
from prunescope.statistics.compare import compare

RED, CAT, BOTH = (
    make_layer({"red": 200}, {}),
    make_layer({"cat": 200}, {}),
    make_layer({"red": 200}, {"cat": 200}),
)
NEITHER = make_layer({}, {})


def run_of(out: Path, *levels: object, **options: object) -> Path:
    """Save a run of level 0 and level 1 of "lottery" in as many replicates as pairs are given."""
    return save_run(
        out,
        {
            (replicate, "lottery" if level else "dense", level): [layer]
            for replicate, pair in enumerate(levels)
            for level, layer in enumerate(pair)  # type: ignore[arg-type, var-annotated]
        },
        **options,  # type: ignore[arg-type]
    )


@pytest.fixture
def runs(tmp_path: Path) -> tuple[Path, Path]:
    """A and B in two replicates, dense and at one level."""
    a = run_of(tmp_path / "A", (BOTH, RED), (BOTH, BOTH))
    return a, run_of(tmp_path / "B", (BOTH, CAT), (RED, BOTH))


def test_levels_are_means_over_replicates_counted_by_hand(runs: tuple[Path, Path]) -> None:
    comparison = compare(*runs)
    assert isinstance(comparison, RunComparison)
    dense, pruned = comparison.levels.to_dict("records")
    place = ("layer", "strategy", "level", "replicates")
    assert [dense[name] for name in place] == ["layer4", "dense", 0, 2]
    assert [pruned[name] for name in place] == ["layer4", "lottery", 1, 2]
    names = ("a", "b", "kept", "relabelled", "lost", "gained")
    assert [dense[f"units_{name}"] for name in names] == [2, 1.5, 1.5, 0, 0.5, 0]
    assert [pruned[f"units_{name}"] for name in names] == [1.5, 1.5, 1, 0.5, 0, 0]
    names = ("a", "b", "kept", "lost", "gained")
    assert [dense[f"concepts_{name}"] for name in names] == [2, 1.5, 1.5, 0.5, 0]
    assert [pruned[f"concepts_{name}"] for name in names] == [1.5, 1.5, 1, 0.5, 0.5]
    assert (pruned["keep_a"], pruned["keep_b"]) == (0.8, 0.8)
    assert pruned["accuracy_a"] == pytest.approx(0.895)


def test_every_unit_and_concept_says_where_it_is_from(runs: tuple[Path, Path]) -> None:
    comparison = compare(*runs)
    place = ["replicate", "strategy", "level", "layer"]
    for table in (comparison.units, comparison.concepts):
        assert table.columns[:4].tolist() == place
    outcomes = comparison.units.groupby(place)["outcome"].agg(list)
    assert outcomes[0, "lottery", 1, "layer4"] == ["relabelled", "neither"]
    assert outcomes[1, "dense", 0, "layer4"] == ["kept", "lost"]


def test_the_summary_is_plain(runs: tuple[Path, Path]) -> None:
    summary = compare(*runs).summary()
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary
    assert summary["a"] == {"name": str(runs[0])}
    assert [row["level"] for row in summary["levels"]] == [0, 1]


def test_the_text_has_a_row_for_each_level(runs: tuple[Path, Path]) -> None:
    lines = str(compare(*runs)).splitlines()
    assert "layer4: means over 2 replicates, interpretable above IoU 0.05" in lines
    [sides, outcomes] = [line.split() for line in lines if line.startswith("  lottery")]
    percents = ["80.0", "%", "80.0", "%", "89.5", "%", "89.5", "%"]
    assert sides == ["lottery", "1", *percents, "1.5", "1.5", "1.5", "1.5"]
    assert outcomes == ["lottery", "1", "1", "0.5", "0", "0", "1", "0.5", "0.5"]


def test_a_run_keeps_all_of_itself(runs: tuple[Path, Path]) -> None:
    levels = compare(runs[0], runs[0]).levels
    for kind in ("units", "concepts"):
        assert (levels[f"{kind}_kept"] == levels[f"{kind}_a"]).all()
        assert (levels[f"{kind}_gained"] == 0).all()


def test_what_one_run_alone_has_is_left_out_and_said(tmp_path: Path) -> None:
    a = save_run(
        tmp_path / "A",
        {
            (0, "dense", 0): [RED, make_layer({"red": 200}, name="layer3")],
            (0, "lottery", 1): [RED, make_layer({"red": 200}, name="layer3")],
            (0, "lottery", 2): [RED, make_layer({"red": 200}, name="layer3")],
        },
    )
    b = run_of(tmp_path / "B", (RED, RED), (RED, RED))
    comparison = compare(a, b)
    assert set(comparison.warnings) == {
        "layer3 is in A alone and is left out",
        "lottery, level 2, is in A alone and is left out",
        "replicate 1 is in B alone and is left out",
    }
    assert comparison.levels[["layer", "level", "replicates"]].to_numpy().tolist() == [
        ["layer4", 0, 1],
        ["layer4", 1, 1],
    ]


def test_runs_of_other_widths_are_compared_by_concept(tmp_path: Path) -> None:
    a = run_of(tmp_path / "A", (BOTH, RED))
    b = run_of(tmp_path / "B", (make_layer({"red": 200}),) * 2)
    comparison = compare(a, b)
    assert comparison.units["outcome"].isna().all()
    assert comparison.levels["units_kept"].isna().all()
    assert comparison.summary()["levels"][0]["units_kept"] is None
    assert comparison.levels["concepts_kept"].tolist() == [1, 1]
    assert "A has 2 units and B 1" in comparison.warnings[0]
    assert " – " in str(comparison)
    with pytest.raises(ConfigError, match="A has 2 units and B 1"):
        compare(a, b, match="identity")


def test_runs_that_cannot_be_compared_are_refused(runs: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="two dissections, not of two runs"):
        compare(*runs, match="profile")
    with pytest.raises(
        ConfigError, match=r'there is no layer "layer5" \(did you mean "layer4"\?\)'
    ):
        compare(*runs, layer="layer5")
    third = make_layer({"red": 200}, name="layer3")
    with pytest.raises(ConfigError, match="no layer is in both"):
        compare(runs[0], run_of(tmp_path / "C", (third,)))
    other = make_layer({"red": 200}, {}, fingerprint="6" * 64)
    with pytest.raises(ConfigError, match="another set"):
        compare(runs[0], run_of(tmp_path / "D", (other,)))


@pytest.mark.parametrize("name", ["levels.csv", "units.parquet"])
def test_a_run_without_its_tables_is_refused(runs: tuple[Path, Path], name: str) -> None:
    (runs[1] / "tables" / name).unlink()
    with pytest.raises(DataError, match=name.replace(".", r"\.")):
        compare(*runs)


def test_tables_that_do_not_fit_each_other_are_refused(runs: tuple[Path, Path]) -> None:
    path = runs[1] / "tables" / "units.parquet"
    units = pd.read_parquet(path)
    units[units["level"] == 0].to_parquet(path, index=False)
    with pytest.raises(DataError, match=r"has no units of .*lottery"):
        compare(*runs)
