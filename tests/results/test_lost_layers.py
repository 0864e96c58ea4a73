"""Is a layer that a dissection or a run has lost ever left out in silence?"""

import shutil
from pathlib import Path

import pytest

import prunescope as ps
from commands import Prunescope, check_refused
from layers import make_layer, save_run
from prunescope.base.errors import DataError
from prunescope.results.dissection import Dissection

LAYERS = ("layer2", "layer3")


@pytest.fixture
def dissected(tmp_path: Path) -> Path:
    layers = {name: make_layer({"red": 200}, {"cat": 100}, name=name) for name in LAYERS}
    Dissection(layers=layers).save(tmp_path / "D")
    return tmp_path / "D"


@pytest.mark.parametrize(
    "command",
    ["summary {D}", "compare {D} {D}", "export {D} --out x.csv", "chance {D} --concepts scenes"],
)
@pytest.mark.parametrize("lost", LAYERS)
def test_a_dissection_that_lost_a_layer_says_which_and_how_to_have_it_again(
    dissected: Path, command: str, lost: str, prunescope: Prunescope
) -> None:
    shutil.rmtree(dissected / lost)
    words = command.format(D=dissected).split()
    check_refused(prunescope(*words), f"lacks the layer {lost}", "dissect again")
    with pytest.raises(DataError, match=f"lacks the layer {lost}"):
        ps.load(dissected)


def test_one_layer_by_itself_needs_no_other(dissected: Path, prunescope: Prunescope) -> None:
    shutil.rmtree(dissected / "layer2")
    assert prunescope("summary", dissected / "layer3").status == 0
    assert ps.load(dissected / "layer3").layer == "layer3"


@pytest.mark.parametrize("lost", ["layer2", "layer2/summary.json", "layer2/overlap.safetensors"])
def test_dissecting_again_makes_what_was_lost(dissected: Path, lost: str) -> None:
    layers = Dissection.load(dissected).layers
    gone = dissected / lost
    shutil.rmtree(gone) if gone.is_dir() else gone.unlink()
    Dissection(layers=layers).save(dissected)
    assert list(Dissection.load(dissected).layers) == list(LAYERS)


@pytest.mark.long
@pytest.mark.parametrize("command", ["summary {run}", "compare {run} {run}"])
@pytest.mark.parametrize(
    ("gone", "named"),
    [
        ("lottery/level-01", "lottery/level-01, of which"),
        ("lottery/level-01/dissection", "lottery/level-01/dissection/layer2 and 1 more, of which"),
        ("lottery/level-01/dissection/layer3", "lottery/level-01/dissection/layer3, of which"),
    ],
)
def test_a_table_whose_levels_are_gone_is_shown_with_a_warning(
    tmp_path: Path, command: str, gone: str, named: str, prunescope: Prunescope
) -> None:
    layers = [make_layer({"red": 200}, name=name) for name in LAYERS]
    levels = {(0, "dense", 0): layers, (0, "lottery", 1): layers}
    run = save_run(tmp_path / "run", levels)
    words = command.format(run=run).split()
    before = prunescope(*words)
    assert (before.status, before.err) == (0, "")
    shutil.rmtree(run / "replicate-0" / gone)
    after = prunescope(*words)
    assert (after.status, after.out) == (0, before.out)
    assert after.err.startswith(f"warning: replicate-0/{named}")
    assert f"`prunescope run {run / 'study.yaml'} --out {run}` makes it again" in after.err


@pytest.mark.parametrize("command", ["summary {run}", "compare {run} {run}"])
def test_a_table_of_levels_that_lacks_a_layer_of_the_study_is_refused(
    tmp_path: Path, command: str, prunescope: Prunescope
) -> None:
    layers = [make_layer({"red": 200}, name=name) for name in LAYERS]
    run = save_run(tmp_path / "run", {(0, "dense", 0): layers})
    (run / "study.yaml").write_text("name: tiny\ndissection: {layers: [layer2, layer3]}\n")
    words = command.format(run=run).split()
    assert prunescope(*words).status == 0
    table = run / "tables" / "levels.csv"
    kept = [line for line in table.read_text().splitlines() if "layer3" not in line]
    table.write_text("\n".join(kept) + "\n")
    check_refused(prunescope(*words), "levels.csv lacks layer3", "makes it again")
