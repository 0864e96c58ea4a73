"""Does what docs/extending.md adds work as it stands there, from outside the package?"""

import re
import shlex
import sys
from pathlib import Path

import pytest
import torch
import yaml

from commands import Prunescope
from prunescope.experiment.auditing import audit_run
from prunescope.experiment.run import run_study
from prunescope.networks.registry import build
from prunescope.pruning.mask import Mask
from prunescope.recipe import Recipe
from runs import tiny_recipe

TEXT = (Path(__file__).parents[2] / "docs" / "extending.md").read_text(encoding="utf-8")
PROGRAMS = dict(re.findall(r"```py\n# (\w+)\.py\n(.*?)```", TEXT, flags=re.DOTALL))
COMMANDS = re.findall(r"^    prunescope (prune .*)$", TEXT, flags=re.MULTILINE)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory, with every program of the page in it."""
    monkeypatch.chdir(tmp_path)
    for name, program in PROGRAMS.items():
        monkeypatch.delitem(sys.modules, name, raising=False)
        (tmp_path / f"{name}.py").write_text(program)
    return tmp_path


@pytest.fixture
def dense(here: Path) -> Path:
    """The weights that the page prunes; the first filters are large."""
    weights = build("cifar_resnet20", seed=0).state_dict()
    weights["conv1.weight"][:8] *= 100
    torch.save(weights, here / "dense.pth")
    return here / "dense.pth"


def test_every_kind_of_choice_has_an_example() -> None:
    assert set(PROGRAMS) == {"filters", "first", "cubic", "rate", "norms", "serial"}
    assert len(COMMANDS) == 2


def pruned(prunescope: Prunescope, choice: str) -> Mask:
    [command] = [command for command in COMMANDS if choice in command]
    ended = prunescope(*shlex.split(command))
    assert ended.status == 0, ended.err
    mask = Mask.load(Path("small.mask.safetensors"))
    assert mask.keep == pytest.approx(0.5, abs=1e-4)
    return mask


@pytest.mark.usefixtures("dense")
def test_the_criterion_of_the_page_prunes_as_it_says(prunescope: Prunescope) -> None:
    first = next(iter(pruned(prunescope, "--criterion filters:scores").values()))
    assert int(first[:8].sum()) > int(first[8:].sum())


@pytest.mark.usefixtures("dense")
def test_the_scope_of_the_page_shares_out_as_it_says(prunescope: Prunescope) -> None:
    mask = pruned(prunescope, "--scope first:groups")
    first, *others = mask.values()
    assert bool(first.all())
    assert not any(bool(other.all()) for other in others)


@pytest.mark.long
def test_a_study_by_all_choices_of_the_page_runs_and_is_audited(drawn: Path, here: Path) -> None:
    [block] = re.findall(r"```yaml\n(strategies:.*?)```", TEXT, flags=re.DOTALL)
    strategies = yaml.safe_load(block)["strategies"]
    values = tiny_recipe(drawn)
    values["training"] |= {"to": "2ep", "milestones": []}
    values["dissection"]["layers"] = ["layer3"]
    values["pruning"] = {"rewind_to": "1ep", "strategies": strategies}
    study = Recipe.validate_from(values | {"replicates": 1}, "the page")
    run_study(study, here / "run", workers=1)
    size = None
    for level, share in ((1, 1 - 1 / 3), (2, 1 - 2 / 3), (3, 0.0)):
        mask = Mask.load(here / f"run/replicate-0/mine/level-0{level}/mask.safetensors")
        size = mask.size
        assert mask.survivors == round(size * (0.05 + 0.95 * share**3))
        assert bool(next(iter(mask.values())).all())
    history = (here / "run/replicate-0/mine/level-02/history.csv").read_text().splitlines()
    assert len(history) > 1
    found = audit_run(here / "run")
    assert found.problems == []
    notes = " ".join(note for level in found.levels for note in level.audit.notes)
    assert '"cubic:survivors"' in notes
