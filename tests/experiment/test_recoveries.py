"""Does a level start from what its recovery says, and is it trained as that says?"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from prunescope.base.errors import PrunescopeError
from prunescope.base.tensors import load_tensors
from prunescope.experiment.plan import plan_study
from prunescope.experiment.run import run_study
from prunescope.experiment.source_facts import facts_of
from prunescope.experiment.status import status
from prunescope.recipe import Recipe, load_recipe

MINE = """\
from prunescope.pruning.recovery import Recovery


def back(strategy, training, rewind_to, level, seeds):
    return Recovery(
        origin="rewind point", training=training, start=rewind_to, end=training.to, seeds=seeds
    )


def fresh(strategy, training, rewind_to, level, seeds):
    return Recovery(
        origin="new weights",
        training=training,
        start="0it",
        end=training.to,
        seeds=seeds.derive(level),
    )


def still(strategy, training, rewind_to, level, seeds):
    return Recovery(
        origin="level before", training=training, start="2ep", end="1ep", seeds=seeds
    )
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory, with a user's recoveries in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "mine", raising=False)
    (tmp_path / "mine.py").write_text(MINE)
    return tmp_path


@pytest.fixture
def study(tiny_study: Callable[..., Recipe], values: dict[str, Any]) -> Callable[..., Recipe]:
    def of(**strategies: str) -> Recipe:
        chosen = {name: {"levels": 1, "recovery": each} for name, each in strategies.items()}
        return tiny_study(
            replicates=1,
            training=values["training"] | {"to": "2ep", "milestones": []},
            dissection=values["dissection"] | {"layers": ["layer3"]},
            pruning={"rewind_to": "1ep", "strategies": chosen},
        )

    return of


@pytest.mark.long
def test_recoveries_of_the_users_start_from_what_they_say(
    study: Callable[..., Recipe], here: Path
) -> None:
    run_study(study(ours="rewind", back="mine:back", fresh="mine:fresh"), here / "run", workers=1)
    levels = {name: here / f"run/replicate-0/{name}/level-01" for name in ("ours", "back", "fresh")}
    ours, back, fresh = (load_tensors(path / "weights.safetensors") for path in levels.values())
    assert all(torch.equal(ours[name], back[name]) for name in ours)
    assert not torch.equal(ours["conv1.weight"], fresh["conv1.weight"])
    metrics = {
        name: json.loads((path / "metrics.json").read_text()) for name, path in levels.items()
    }
    rewound = {name: values["rewound_to"] for name, values in metrics.items()}
    assert rewound == {"ours": "1ep", "back": "1ep", "fresh": None}
    counts = {
        name: len((path / "history.csv").read_text().splitlines()) for name, path in levels.items()
    }
    assert counts["fresh"] > counts["back"] == counts["ours"]


def test_a_recovery_that_was_changed_makes_its_own_levels_again(
    study: Callable[..., Recipe], here: Path
) -> None:
    recipe = study(ours="rewind", back="mine:back")

    def keys() -> dict[str, str]:
        plan = plan_study(recipe, facts_of(recipe))
        return {artifact.path + artifact.part: artifact.key for artifact in plan.artifacts}

    before = keys()
    (here / "mine.py").write_text(MINE.replace("seeds=seeds\n", "seeds=seeds + 1\n"))
    changed = {title for title, key in keys().items() if key != before[title]}
    assert changed
    assert {path.split("/")[1] for path in changed if "/" in path} == {"back"}


@pytest.mark.long
def test_a_study_is_watched_without_running_its_recovery(
    study: Callable[..., Recipe], here: Path
) -> None:
    run_study(study(ours="rewind"), here / "run", workers=1)
    recipe = here / "run/study.yaml"
    stated = load_recipe(recipe).to_yaml()
    recipe.write_text(stated.replace("recovery: rewind", "recovery: mine:back"))
    (here / "mine.py").write_text("raise SystemExit('ran')")
    sys.modules.pop("mine", None)
    assert status(here / "run").to_do
    assert "mine" not in sys.modules


@pytest.mark.long
def test_a_recovery_that_trains_no_step_is_told(study: Callable[..., Recipe], here: Path) -> None:
    with pytest.raises(PrunescopeError, match='"mine:still" trains from 2ep to 1ep'):
        run_study(study(still="mine:still"), here / "run", workers=1)
