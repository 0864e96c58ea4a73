"""Does `compare` print and write what it found, and refuse what cannot be compared?"""

import json
from pathlib import Path

import pytest

from commands import Prunescope, check_refused
from layers import make_layer, save_run
from prunescope.results.dissection import Dissection, LayerDissection

BEFORE = make_layer({"red": 200}, {"cat": 200}, {"dog": 100, "blue": 300}, {})
AFTER = make_layer({"red": 100}, {"dog": 200}, {"dog": 90}, {"cat": 400})


def save(folder: Path, layer: LayerDissection) -> Path:
    Dissection(layers={layer.layer: layer}).save(folder)
    return folder


@pytest.fixture
def sides(tmp_path: Path) -> tuple[Path, Path]:
    return save(tmp_path / "A", BEFORE), save(tmp_path / "B", AFTER)


def test_the_counts_are_the_last_line_as_json(
    prunescope: Prunescope, sides: tuple[Path, Path]
) -> None:
    ended = prunescope("compare", *sides, "--json")
    assert ended.status == 0, ended.err
    printed = json.loads(ended.out.splitlines()[-1])
    assert printed["units"]["kept"] == printed["layers"]["layer4"]["units"]["kept"] == 1
    assert printed["a"] == {"name": str(sides[0])}


def test_a_person_reads_a_table(prunescope: Prunescope, sides: tuple[Path, Path]) -> None:
    ended = prunescope("compare", *sides, "--iou", 0.06)
    [units] = [line.split() for line in ended.out.splitlines() if line.startswith("  units")]
    assert units == ["units", "3", "0", "1", "2", "1", "2"]
    assert "33.3 % of A's interpretable units still are (1 of 3; " in ended.out
    assert "lost (units in A): blue (1), red (1, undecided)" in ended.out
    assert not ended.err


def test_out_is_a_folder_that_summary_reads(
    prunescope: Prunescope, sides: tuple[Path, Path], tmp_path: Path
) -> None:
    ended = prunescope("compare", *sides, "--out", tmp_path / "C")
    assert ended.out.endswith(f"Saved in {tmp_path / 'C'}\n")
    said = prunescope("summary", tmp_path / "C").out
    assert said == ended.out.removesuffix(f"\nSaved in {tmp_path / 'C'}\n")
    printed = prunescope("compare", *sides, "--json").out
    assert prunescope("summary", tmp_path / "C", "--json").out == printed


def test_warnings_go_to_standard_error(
    prunescope: Prunescope, sides: tuple[Path, Path], tmp_path: Path
) -> None:
    narrow = save(tmp_path / "narrow", make_layer({"red": 200}))
    ended = prunescope("compare", sides[0], narrow, "--json")
    assert ended.err.startswith("warning: A has 4 units and B 1")
    assert len(ended.out.splitlines()) == 1


def test_two_runs_are_compared_by_level(prunescope: Prunescope, tmp_path: Path) -> None:
    runs = [
        save_run(tmp_path / name, {(0, "dense", 0): [BEFORE], (0, "lottery", 1): [layer]})
        for name, layer in (("a", BEFORE), ("b", AFTER))
    ]
    printed = json.loads(prunescope("compare", *runs, "--json").out)
    assert [row["units_kept"] for row in printed["levels"]] == [3, 1]
    counted = json.loads(prunescope("summary", runs[1], "--json").out)
    assert [row["interpretable"] for row in counted["levels"]] == [3, 3]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--layer", "layr4"], ["layr4", "layer4"]),
        (["--match", "name"], ["--match", "identity"]),
        (["--iou", "2"], ["iou is 2.0", "[0, 1]"]),
    ],
)
def test_wrong_options_are_refused(
    prunescope: Prunescope, sides: tuple[Path, Path], words: list[str], said: list[str]
) -> None:
    check_refused(prunescope("compare", *sides, *words), *said)


def test_what_cannot_be_compared_is_refused_and_nothing_written(
    prunescope: Prunescope, sides: tuple[Path, Path], tmp_path: Path
) -> None:
    other = save(tmp_path / "other", make_layer({"red": 200}, fingerprint="6" * 64))
    out = tmp_path / "C"
    for side, words, said in [
        (other, [], ["another set", "fingerprint", "--mask-size"]),
        (save(tmp_path / "few", make_layer({"red": 200})), ["--match", "identity"], ["4 units"]),
        (tmp_path / "nothing", [], ["nothing", "missing"]),
    ]:
        check_refused(prunescope("compare", sides[0], side, *words, "--out", out), *said)
    assert not out.exists()


def test_a_folder_with_other_things_is_refused(
    prunescope: Prunescope, sides: tuple[Path, Path]
) -> None:
    check_refused(prunescope("compare", *sides, "--out", sides[0]), "layer4", "--out")
    assert (sides[0] / "layer4" / "units.parquet").is_file()
