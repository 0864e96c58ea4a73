"""Does one command set the conventions side by side, and another write what other tools read?"""

import json
from pathlib import Path

import pandas as pd
import pytest

from commands import Prunescope, check_refused

NETWORK = ["cifar_resnet20,width=0.25", "--num-classes", 10, "--layer", "layer3"]


@pytest.fixture
def words(drawn: Path) -> list[object]:
    return ["conventions", *NETWORK, "--concepts", f"broden:{drawn}", "--quantile", 0.02]


@pytest.mark.long
def test_every_convention_is_dissected_compared_and_saved(
    prunescope: Prunescope, words: list[object], tmp_path: Path
) -> None:
    out = tmp_path / "D"
    ended = prunescope(*words, "--out", out, "--json")
    assert ended.status == 0, ended.err
    printed = json.loads(ended.out.splitlines()[-1])
    assert list(printed["conventions"]) == ["exact", "netdissect", "lite", "quick"]
    table = pd.read_csv(out / "conventions.csv").set_index("convention")
    for name, counts in printed["conventions"].items():
        summary = json.loads((out / name / "layer3" / "summary.json").read_text())
        assert summary["convention"] == name
        assert summary["images"] == counts["images"] == (20 if name == "quick" else 40)
        assert summary["interpretable"] == counts["interpretable"]
        assert table.loc[name, "interpretable"] == counts["interpretable"]
    compared = prunescope("compare", out / "exact", out / "netdissect")
    assert compared.status == 0
    assert "the convention differs: exact in A, netdissect in B" in compared.err


def test_two_conventions_are_compared_in_the_order_they_are_named(
    prunescope: Prunescope, words: list[object]
) -> None:
    chosen = ["--convention", "lite", "--convention", "exact", "--split", "val", "--iou", 0.1]
    ended = prunescope(*words, *chosen)
    assert ended.status == 0, ended.err
    assert "from lite to" in ended.out
    assert "netdissect" not in ended.out


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--convention", "exact"], ["exact", "two or more"]),
        (["--convention", "lite", "--convention", "lite"], ["lite, lite", "each once"]),
        (["--convention", "exact", "--convention", "light"], ["light", "lite"]),
        (["--split", "test"], ["test", "train, val", "all"]),
        (["--categories", "objects"], ["objects", "object"]),
        (["--iou", "2"], ["iou"]),
    ],
)
def test_wrong_options_are_refused_and_nothing_is_written(
    prunescope: Prunescope, words: list[object], tmp_path: Path, more: list[str], said: list[str]
) -> None:
    check_refused(prunescope(*words, *more, "--out", tmp_path / "D"), *said)
    assert not (tmp_path / "D").exists()


def test_a_place_that_one_of_them_cannot_take_is_refused_before_any_work(
    prunescope: Prunescope, words: list[object], tmp_path: Path
) -> None:
    (tmp_path / "quick").mkdir()
    (tmp_path / "quick" / "letter.txt").write_text("dear")
    check_refused(prunescope(*words, "--out", tmp_path), "letter.txt", "--out")
    assert [path.name for path in tmp_path.iterdir()] == ["quick"]


def test_an_exported_table_is_summarised_as_the_dissection_it_came_from(
    prunescope: Prunescope, words: list[object], tmp_path: Path
) -> None:
    out, table = tmp_path / "D", tmp_path / "layer3.csv"
    convention = ["--convention", "netdissect", "--out", out]
    assert prunescope("dissect", *words[1:], *convention).status == 0
    ended = prunescope("export", out, "--format", "netdissect", "--out", table)
    assert ended.status == 0, ended.err
    assert "16 units" in ended.out
    for iou in (0.01, 0.04):
        ours, theirs = (
            prunescope("summary", each, "--iou", iou, "--draws", 0, "--json").out
            for each in (out, table)
        )
        assert json.loads(ours) == json.loads(theirs)
    again = prunescope("compare", out, table, "--iou", 0.01, "--json")
    compared = json.loads(again.out)["units"]
    assert compared["a"] == compared["b"] == compared["kept"]
