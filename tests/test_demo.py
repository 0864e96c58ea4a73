"""Does the demo, from its one command to its page, show what it is meant to show?"""

import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest
import torch

from prunescope.base.tensors import load_tensors
from prunescope.recipe import load_recipe, shipped_recipe
from prunescope.results.run import Level
from prunescope.results.run_tables import level_categories

RECIPE = Path(__file__).parents[1] / "recipes" / "demo.yaml"


def _prunescope(cache: Path, *words: object) -> str:
    """Run a command line in a process of its own; return its last line of standard output."""
    ended = subprocess.run(
        [sys.executable, "-m", "prunescope", *map(str, words)],
        env=os.environ | {"PRUNESCOPE_CACHE": str(cache)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.splitlines()[-1]


def _levels(out: Path, replicate: int) -> list[Path]:
    """Return the folders of a replicate's levels, the unpruned one first."""
    folder = out / f"replicate-{replicate}"
    return [folder / "level-00", *sorted(folder.glob("lottery/level-*"))]


def _check_levels(out: Path, replicate: int, fraction: float) -> None:
    """Assert that pruned weights are zero, masks shrink, and each level keeps its exact share."""
    dense, *pruned = _levels(out, replicate)
    masks = [torch.cat([kept.flatten() for kept in Level.load(dense).mask.values()])]
    for level in pruned:
        weights = load_tensors(level / "weights.safetensors")
        mask = load_tensors(level / "mask.safetensors")
        for name, kept in mask.items():
            assert torch.count_nonzero(weights[name][~kept]) == 0
        masks.append(torch.cat([kept.flatten() for kept in mask.values()]))
    assert masks[0].all()
    for former, mask in pairwise(masks):
        assert not torch.any(mask & ~former)
        assert int(mask.sum()) == round((1 - fraction) * int(former.sum()))


@pytest.mark.slow
def test_the_demo_recipe_made_tiny_runs_from_the_command_line_to_its_page(
    drawn: Path, tmp_path: Path
) -> None:
    changes = (
        f"data.source={drawn / 'images'}",
        f"concepts.source=broden:{drawn}",
        "network=cifar_resnet20,width=0.25",
        "training.to=2ep",
        "training.batch_size=10",
        "pruning.strategies.lottery.levels=1",
        "dissection.quantile=0.02",
        "replicates=1",
    )
    options = [word for change in changes for word in ("--set", change)]
    out = tmp_path / "run"
    words = ("run", RECIPE, *options, "--out", out, "--workers", 1, "--json")
    printed = json.loads(_prunescope(tmp_path / "cache", *words))
    assert printed == {"run": str(out), "report": str(out / "report" / "index.html")}
    assert Path(printed["report"]).is_file()
    assert load_recipe(out / "study.yaml").pruning.strategies["lottery"].levels == 1
    assert len(_levels(out, 0)) == 2
    _check_levels(out, 0, fraction=0.6)
    assert not list((tmp_path / "cache").glob("scenes*"))


@pytest.mark.slow
def test_the_demo_shows_a_network_that_is_pruned_until_it_fails(tmp_path: Path) -> None:
    out = tmp_path / "demo"
    said = _prunescope(tmp_path / "cache", "demo", "--out", out)
    assert said == f"The report is at {out / 'report' / 'index.html'}"
    assert (out / "report" / "index.html").is_file()
    assert load_recipe(out / "study.yaml") == shipped_recipe("demo").anchored()
    status = json.loads(_prunescope(tmp_path / "cache", "status", out, "--json"))
    assert status["to_do"] == []

    levels = pd.read_csv(out / "tables" / "levels.csv")
    assert set(levels["replicate"]) == {0, 1}
    for _, own in levels.groupby(["replicate", "layer"]):
        assert list(own["level"]) == list(range(6))
        assert own["accuracy"].iloc[0] - own["accuracy"].iloc[-1] >= 0.05
    for _, own in levels[levels["level"] == 0].groupby("replicate"):
        assert (own[[f"{name}_units" for name in level_categories(levels)]].sum() > 0).sum() >= 3
    for replicate in (0, 1):
        assert len(_levels(out, replicate)) == 6
        _check_levels(out, replicate, fraction=0.6)
