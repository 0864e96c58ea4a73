"""Is what is saved read, compared and shown where torch cannot be imported?"""

import subprocess
import sys
from pathlib import Path

import pytest

import prunescope as ps
from cli.world import TABLE
from layers import make_layer, save_run
from predicted import said
from prunescope.report.comparison import write_comparison
from prunescope.results.dissection import Dissection
from prunescope.results.evaluation import Evaluation

PROGRAM = """
import shlex, sys

sys.modules |= dict.fromkeys(("torch", "torchvision", "timm", "safetensors.torch"))  # not there
from prunescope import cli

for line in sys.stdin.read().splitlines():
    sys.argv = ["prunescope", *shlex.split(line)]
    try:
        cli.main()
        status = 0
    except SystemExit as end:
        status = end.code
    assert not status, line

import prunescope as ps
from matplotlib import pyplot

for path in (
    *("D", "D/layer4", "run", "run/replicate-0/level-00"),
    *("C", "CC", "table.csv", "evaluated"),
):
    found = ps.load(path)
    if hasattr(found, "_repr_html_"):
        assert "<" in found._repr_html_()
ps.plot_comparison(ps.load("C"))
ps.plot_accuracy("run")
ps.plot_units(ps.load("D/layer4"))
"""
COMMANDS = """
summary D
summary D/layer4 --iou 0.1
summary run
summary run/replicate-0/level-00
summary C
summary CC --json
summary table.csv
summary evaluated
compare D E
compare D E --match profile --out new/DE
compare run run --out new/runs
export D --layer layer4 --out new/table.csv
compare new/table.csv D --layer layer4
"""


@pytest.fixture
def saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    about = {"network": "plain_cnn", "data": "DIR", "split": "test"}
    Evaluation.of(said([0, 2, 2, 3], [2, 2, None, 3]), about).save("evaluated")
    layers = [
        make_layer({"red": 200}, {"cat": 100}, {}, name=name) for name in ("layer3", "layer4")
    ]
    for name in "DE":
        Dissection(layers={layer.layer: layer for layer in layers}).save(name)
    save_run(Path("run"), {(0, "dense", 0): layers, (0, "lottery", 1): layers})
    Path("run/replicate-0/level-00/weights.safetensors").touch()  # a level has some
    write_comparison(ps.compare("D", "E"), Path("C"))
    write_comparison(ps.compare("run", "run"), Path("CC"))
    Path("table.csv").write_text(TABLE)
    return tmp_path


@pytest.mark.long
def test_commands_and_notebooks_need_no_torch(saved: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        input=COMMANDS.strip(),
        capture_output=True,
        text=True,
        check=False,
        env={"MPLBACKEND": "agg", "PYTHONPATH": ":".join(sys.path)},
    )
    assert ended.returncode == 0, ended.stderr
    assert "Saved in new/DE" in ended.stdout
    assert (saved / "new" / "runs" / "comparison.png").is_file()
