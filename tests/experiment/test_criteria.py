"""Does a study prune by the criterion that its recipe names?"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from commands import Prunescope, check_refused
from prunescope.base.errors import DataError
from prunescope.experiment.auditing import audit_run
from prunescope.experiment.plan import plan_study
from prunescope.experiment.source_facts import facts_of
from prunescope.experiment.study import Study
from prunescope.pruning.mask import Mask
from prunescope.recipe import Recipe
from runs import make_levels

TinyStudy = Callable[..., Recipe]
LAST = """\
import torch


def scores(network, mask):
    \"\"\"Let the last weights of each tensor survive.\"\"\"
    return {name: torch.arange(kept.numel()).view(kept.shape) for name, kept in mask.items()}
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory, with a user's criterion in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "last", raising=False)
    (tmp_path / "last.py").write_text(LAST)
    return tmp_path


def _study(tiny_study: TinyStudy, values: dict[str, Any]) -> Recipe:
    strategies = {
        name: {"fraction": 0.5, "levels": 2, "criterion": criterion, "scope": "layerwise"}
        for name, criterion in (("any", "random"), ("last", "last:scores"), ("low", "magnitude"))
    }
    return tiny_study(
        replicates=1,
        training=values["training"] | {"to": "2ep", "milestones": []},
        dissection=values["dissection"] | {"layers": ["layer3"]},
        pruning={"rewind_to": "1ep", "strategies": strategies},
    )


@pytest.mark.long
def test_each_strategy_prunes_by_its_own_criterion(
    tiny_study: TinyStudy, values: dict[str, Any], here: Path
) -> None:
    study = _study(tiny_study, values)
    make_levels(study, here / "run")
    masks = {
        (name, level): Mask.load(here / f"run/replicate-0/{name}/level-0{level}/mask.safetensors")
        for name in ("any", "last", "low")
        for level in (1, 2)
    }
    for level, share in ((1, 2), (2, 4)):
        for name, kept in masks["last", level].items():
            gone = kept.numel() - round(kept.numel() / share)
            assert kept.flatten().tolist() == [False] * gone + [True] * (kept.numel() - gone), name
    for name, kept in masks["low", 1].items():
        assert int(kept.sum()) == round(kept.numel() / 2), name
    weight = "layer1.0.conv1.weight"
    assert not torch.equal(masks["any", 1][weight], masks["low", 1][weight])
    assert not bool((masks["any", 2][weight] & ~masks["any", 1][weight]).any())
    assert audit_run(here / "run").problems == []
    assert "by random or last:scores or magnitude" in " ".join(study.facts.values())
    assert json.loads((here / "run/replicate-0/any/level-01/metrics.json").read_text())["keep"] > 0


@pytest.fixture
def of_somebody(tiny_study: TinyStudy, values: dict[str, Any], here: Path) -> Path:
    """The study.yaml of a run of somebody's, whose criterion writes a file when it is imported."""
    (here / "last.py").write_text(f"open('marker', 'w').close()\n{LAST}")
    study = here / "theirs" / "study.yaml"
    study.parent.mkdir()
    (study.parent / "provenance.json").touch()
    study.write_text(_study(tiny_study, values).to_yaml())
    return study


def test_a_criterion_that_only_a_run_names_is_not_imported(
    prunescope: Prunescope, of_somebody: Path, here: Path
) -> None:
    words = ("pruning.strategies.last.criterion", '"last:scores"', "it was not called", "--set")
    for options in ([], ["--dry-run"], ["--set", "seed=3"]):
        ended = prunescope("run", of_somebody, "--out", "out", *options)
        check_refused(ended, *words)
    with pytest.raises(DataError, match=r"last:scores.*it was not called"):
        Study.load(of_somebody)
    assert not (here / "marker").exists()
    assert not (here / "out").exists()


@pytest.mark.parametrize(
    "change",
    [
        "pruning.strategies.last.criterion=last:scores",
        "pruning.strategies={last: {levels: 1, criterion: 'last:scores'}}",
    ],
)
def test_a_criterion_that_is_named_now_is_taken(of_somebody: Path, change: str) -> None:
    study = Study.load(of_somebody, set=[change])
    assert study.pruning.strategies["last"].criterion == "last:scores"


def test_a_recipe_of_ones_own_names_its_criterion(of_somebody: Path) -> None:
    (of_somebody.parent / "provenance.json").unlink()
    assert Study.load(of_somebody).pruning.strategies["last"].criterion == "last:scores"


def test_a_criterion_that_was_changed_prunes_its_own_levels_again(
    tiny_study: TinyStudy, values: dict[str, Any], here: Path
) -> None:
    def keys() -> dict[str, str]:
        study = _study(tiny_study, values)
        return {one.path: one.key for one in plan_study(study, facts_of(study)).artifacts}

    before = keys()
    (here / "last.py").write_text(LAST.replace("torch.arange", "-torch.arange"))
    changed = {path for path, key in keys().items() if key != before[path]}
    assert {path.split("/")[1] for path in changed if "/" in path} == {"last"}


def test_a_criterion_that_is_the_default_changes_no_key(tiny_study: TinyStudy) -> None:
    def keys(**criterion: str) -> list[str]:
        lottery = {"fraction": 0.2, "levels": 2, **criterion}
        study = tiny_study(pruning={"rewind_to": "1ep", "strategies": {"lottery": lottery}})
        return [one.key for one in plan_study(study, facts_of(study)).artifacts]

    assert keys(criterion="magnitude") == keys()
    assert keys(criterion="random") != keys()
