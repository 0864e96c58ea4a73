"""Is a stage shared by several processes of one machine the stage that torchrun shares?"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from experiment.test_torchrun import FRAGILE, ended, start
from prunescope.base.errors import ConfigError, StudyIncomplete
from prunescope.base.ranks import Ranks
from prunescope.experiment.facts import SourceFacts, StudyFacts
from prunescope.experiment.plan import plan_study
from prunescope.experiment.run import run_study
from prunescope.experiment.together import check_one_worker
from prunescope.recipe import Recipe
from runs import contents

TinyStudy = Callable[..., Recipe]
FACTS = StudyFacts(
    data=SourceFacts(fingerprint="", images=1, test_images=1),
    concepts=SourceFacts(fingerprint="", images=1),
)


def test_each_process_needs_a_core_and_each_stage_that_shows_images_is_shared(
    tiny_study: TinyStudy,
) -> None:
    shared = plan_study(tiny_study(resources={"gpus": 4}), FACTS)
    alone = plan_study(tiny_study(), FACTS)
    needs = {type(stage).__name__: stage.resources for stage in shared.stages}
    assert {name for name, each in needs.items() if each.processes == each.gpus == 4} == {
        *("RewindPointStage", "LevelStage", "PrunedLevelStage"),
        *("EvaluationStage", "DissectionStage"),
    }
    assert {stage.resources.processes for stage in alone.stages} == {1}
    ours, theirs = (
        [stage.artifacts for stage in plan.stages if stage.kind != "report"]  # shows the recipe
        for plan in (shared, alone)
    )
    assert ours == theirs


def test_processes_without_gpus_are_stated_apart(tiny_study: TinyStudy) -> None:
    plan = plan_study(tiny_study(resources={"processes": 3}), FACTS)
    assert (plan.stages[0].resources.processes, plan.stages[0].resources.gpus) == (3, 1)


@pytest.mark.long
def test_bytes_are_those_of_torchrun(tiny_study: TinyStudy, tmp_path: Path) -> None:
    recipe = tiny_study(replicates=1)
    sharing = recipe.model_copy(
        update={"resources": tiny_study(resources={"processes": 2}).resources}
    )
    run_study(sharing, tmp_path / "shared", workers=1)
    code, _, err = ended(start(recipe, tmp_path / "torchrun"))
    assert code == 0, err
    ours, theirs = (
        {
            name: held
            for name, held in contents(tmp_path / out).items()
            if name not in ("study.yaml", "provenance.json") and not name.startswith("report/")
        }
        for out in ("shared", "torchrun")
    )
    assert ours == theirs
    record = json.loads((tmp_path / "shared/provenance.json").read_text())
    assert record["invocations"][0]["processes"] == 2


@pytest.mark.long
@pytest.mark.parametrize("how", ["raise", "kill"])
def test_a_helper_that_is_lost_stops_its_stage_alone(
    tiny_study: TinyStudy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    fragile = FRAGILE.replace('os.environ.get("RANK") == "1"', "multiprocessing.parent_process()")
    (tmp_path / "fragile.py").write_text("import multiprocessing\n" + fragile)
    monkeypatch.syspath_prepend(str(tmp_path))
    study = tiny_study().model_dump(exclude_unset=True)
    recipe = tiny_study(
        network=f"fragile:make,how={how}",
        data=study["data"] | {"mean": [0.5] * 3, "std": [0.25] * 3},
        dissection={"layers": ["layer1"], "quantile": 0.01},
        resources={"processes": 2},
        replicates=1,
    )
    with pytest.raises(StudyIncomplete, match="one of the 2 processes that shared it was lost"):
        run_study(recipe, tmp_path / "run", workers=1)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"sharing": 4}, "resources asks for 4 processes"),
        ({"workers": 3}, "workers is 3"),
        ({"gpus": 4}, "gpus is 4"),
        ({"engine": "ray", "address": "a:1"}, 'the engine is "ray"'),
        ({"address": "a:1"}, "the address a:1 is of a cluster"),
    ],
)
def test_processes_of_torchrun_are_no_workers(asked: dict[str, Any], words: str) -> None:
    asked = {"workers": None, "engine": "local"} | asked
    check_one_worker(Ranks(), **asked)
    with pytest.raises(ConfigError, match=rf"{words}.*torchrun"):
        check_one_worker(Ranks(rank=0, count=2), **asked)


def test_gpus_of_a_stage_that_are_not_there_are_refused(
    tiny_study: TinyStudy, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="64 GPUs are asked for, but this machine has"):
        run_study(tiny_study(resources={"gpus": 64}), tmp_path / "run")
    assert not (tmp_path / "run").exists()
