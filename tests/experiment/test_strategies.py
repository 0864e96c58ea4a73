"""Does a study with every strategy there is make the levels that the method describes?"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from once import made_once
from prunescope.base.errors import PrunescopeError
from prunescope.base.tensors import load_tensors
from prunescope.experiment.auditing import audit_run
from prunescope.experiment.levels.level import LevelStage
from prunescope.experiment.merging import merge_runs
from prunescope.experiment.plan import plan_study
from prunescope.experiment.run import run_study
from prunescope.experiment.source_facts import facts_of
from prunescope.pruning.mask import Mask
from prunescope.recipe import Recipe
from runs import make_levels

TinyStudy = Callable[..., Recipe]
STRATEGIES: dict[str, dict[str, Any]] = {
    "lottery": {"levels": 2},
    "random": {"criterion": "random", "levels": 2},
    "shuffled": {"criterion": "shuffled", "of": "lottery", "levels": 2},
    "snip": {"criterion": "snip", "densities": [0.5, 0.2]},
    "grasp": {"criterion": "grasp", "densities": [0.5]},
    "synflow": {"criterion": "synflow", "densities": [0.5, 0.2]},
    "erk": {"criterion": "random", "scope": "erk", "densities": [0.5, 0.2]},
    "rate": {"recovery": "rewind-rate", "levels": 2},
    "tuned": {
        "recovery": "finetune",
        "steps": "1ep",
        "learning_rate": 0.01,
        "rate_schedule": "cosine",
        "levels": 1,
    },
    "fresh": {"recovery": "reinitialise", "of": "lottery", "levels": 2},
    "scratch": {"recovery": "scratch", "budget": "epochs", "densities": [0.5]},
    "compute": {"recovery": "scratch", "budget": "compute", "densities": [0.5]},
    "two-four": {"structure": "2:4"},
    "transfer": {"of": {"strategy": "lottery", "replicate": 1}, "levels": 1},
}


@pytest.fixture(scope="module")
def recipe(tiny_study: TinyStudy, values: dict[str, Any]) -> Recipe:
    """A study of all strategies, with twins."""
    return tiny_study(
        training=values["training"] | {"to": "2ep", "milestones": [], "evaluate_every": "end"},
        pruning={"rewind_to": "1ep", "twins": 1, "strategies": STRATEGIES},
    )


@pytest.fixture(scope="module")
def made(recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The levels of its first replicate, and what they need of the second, made once."""
    make = lambda folder: make_levels(recipe, folder / "run", replicates=[0])  # noqa: E731
    return made_once(tmp_path_factory, "strategies", lambda f: (f.mkdir(), make(f))) / "run"


def masks(run: Path, strategy: str, replicate: int = 0) -> list[Mask]:
    folders = sorted((run / f"replicate-{replicate}" / strategy).glob("level-*"))
    return [Mask.load(folder / "mask.safetensors") for folder in folders]


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_tensors(folder / "weights.safetensors")


def shares(mask: Mask) -> dict[str, int]:
    return {name: int(kept.sum()) for name, kept in mask.items()}


def metrics(run: Path, path: str) -> dict[str, Any]:
    return json.loads((run / path / "metrics.json").read_text())


def test_the_audit_of_every_level_finds_nothing_wrong(made: Path, recipe: Recipe) -> None:
    audit = audit_run(made)
    assert [problem for problem in audit.problems if "replicate" in problem] == []
    assert len(audit.levels) == recipe.level_count // 2 + 2  # level 0 and 1 of the other's lottery


def test_densities_are_met_to_the_weight(made: Path) -> None:
    for name in ("snip", "synflow", "erk"):
        size = masks(made, name)[0].size
        assert [mask.survivors for mask in masks(made, name)] == [
            round(0.5 * size),
            round(0.2 * size),
        ]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_masks_only_shrink_and_their_weights_are_zero(made: Path, strategy: str) -> None:
    before: Mask | None = None
    for number, mask in enumerate(masks(made, strategy), start=1):
        folder = made / f"replicate-0/{strategy}/level-{number:02d}"
        assert mask.revived(weights(folder)) == []
        assert mask.survivors < mask.size
        if before is not None:
            assert all(not bool((mask[name] & ~before[name]).any()) for name in mask)
        before = mask


def test_shuffled_masks_keep_as_many_of_each_tensor_but_others(made: Path) -> None:
    for lottery, shuffled in zip(masks(made, "lottery"), masks(made, "shuffled"), strict=True):
        assert shares(lottery) == shares(shuffled)
        assert any(not torch.equal(lottery[name], shuffled[name]) for name in lottery)


def test_the_same_masks_are_the_same_masks(made: Path) -> None:
    for lottery, fresh in zip(masks(made, "lottery"), masks(made, "fresh"), strict=True):
        assert all(torch.equal(lottery[name], fresh[name]) for name in lottery)


def test_masks_of_another_replicate_are_transferred(made: Path) -> None:
    (transferred,) = masks(made, "transfer")
    theirs = masks(made, "lottery", replicate=1)[0]
    assert all(torch.equal(theirs[name], transferred[name]) for name in theirs)


def test_two_of_each_four_weights_are_left(made: Path) -> None:
    (mask,) = masks(made, "two-four")
    halves = [name for name, kept in mask.items() if kept.shape[1] % 4 == 0]
    assert halves
    for name, kept in mask.items():
        if name not in halves:
            assert bool(kept.all())
            continue
        fours = kept.numpy().swapaxes(1, -1).reshape(-1, kept.shape[1])
        assert {int(four.sum()) for four in fours.reshape(-1, 4)} == {2}


def test_small_tensors_keep_a_larger_share_by_erk(made: Path) -> None:
    mask = masks(made, "erk")[1]
    densities = {name: count / mask[name].numel() for name, count in shares(mask).items()}
    large = max(mask, key=lambda name: mask[name].numel())
    small = min(mask, key=lambda name: mask[name].numel())
    assert densities[large] < 0.2 < densities[small]


def test_a_rewound_rate_goes_on_from_the_level_before(made: Path) -> None:
    history = pd.read_csv(made / "replicate-0/rate/level-01/history.csv")
    lottery = pd.read_csv(made / "replicate-0/lottery/level-01/history.csv")
    assert list(history["learning_rate"]) == list(lottery["learning_rate"])
    assert metrics(made, "replicate-0/rate/level-01")["rewound_to"] is None
    assert history["train_loss"][0] < lottery["train_loss"][0]  # it has been trained already


def test_a_fine_tuned_rate_falls_along_a_cosine(made: Path) -> None:
    history = pd.read_csv(made / "replicate-0/tuned/level-01/history.csv")
    assert 0 < history["learning_rate"].iloc[-1] < 0.01


def test_from_scratch_the_whole_schedule_is_run(made: Path) -> None:
    epochs = len(pd.read_csv(made / "replicate-0/scratch/level-01/history.csv"))
    assert epochs == 2
    stretched = pd.read_csv(made / "replicate-0/compute/level-01/history.csv")
    ratio = (stretched["iteration"].iloc[-1] + 1) / 6  # of 3 steps an epoch
    assert 1.5 < ratio < 2.5  # half of the weights: about half of the multiply-adds
    assert metrics(made, "replicate-0/compute/level-01")["trained_to"] != "2ep"


def test_new_weights_are_new_in_each_level_and_strategy(made: Path) -> None:
    mask = masks(made, "fresh")[1]
    folders = [made / f"replicate-0/fresh/level-0{number}" for number in (1, 2)]
    first, second = map(weights, folders)
    name = next(iter(mask))
    both = mask[name]
    assert not torch.equal(first[name][both], second[name][both])


def test_a_twin_differs_in_order_and_augmentation_alone(made: Path, recipe: Recipe) -> None:
    dense = pd.read_csv(made / "replicate-0/level-00/history.csv")
    twin = pd.read_csv(made / "replicate-0/twin-1/history.csv")
    same = ["epoch", "iteration", "learning_rate"]
    pd.testing.assert_frame_equal(dense[same], twin[same])
    assert not np.allclose(dense["train_loss"], twin["train_loss"])
    plan = plan_study(recipe, facts_of(recipe))
    levels = {stage.key.path: stage for stage in plan.of(LevelStage)}
    first, other = (levels[f"replicate-0/{name}"] for name in ("level-00", "twin-1"))
    plans = [stage.training_plan for stage in (first, other)]
    assert plans[0].settings == plans[1].settings
    assert (plans[0].start, plans[0].end) == (plans[1].start, plans[1].end)
    assert plans[0].seeds.init == plans[1].seeds.init
    assert plans[0].seeds.order != plans[1].seeds.order
    assert plans[0].seeds.augmentation != plans[1].seeds.augmentation
    assert first.rewind_point is other.rewind_point
    assert not (made / "replicate-0/twin-1/mask.safetensors").exists()


@pytest.mark.long
def test_a_study_with_twins_has_tables_of_them(
    tiny_study: TinyStudy, values: dict[str, Any], tmp_path: Path
) -> None:
    study = tiny_study(
        replicates=1,
        training=values["training"] | {"to": "2ep", "milestones": []},
        dissection=values["dissection"] | {"layers": ["layer3"]},
        pruning={"rewind_to": "1ep", "twins": 2, "strategies": {"lottery": {"levels": 1}}},
    )
    run_study(study, tmp_path / "run", workers=1)
    twins = pd.read_csv(tmp_path / "run/tables/twins.csv")
    assert list(twins["strategy"]) == ["twin-1", "twin-2"]
    counted = twins["same_concept_count"] / twins["still_interpretable_count"]
    np.testing.assert_allclose(twins["same_concept"], counted)
    assert (twins["still_interpretable_count"] <= twins["interpretable"]).all()
    levels = pd.read_csv(tmp_path / "run/tables/levels.csv")
    assert list(levels["strategy"]) == ["dense", "lottery"]
    assert set(twins.columns) == set(levels.columns)


def test_one_more_density_keeps_what_is_made(recipe: Recipe, tiny_study: TinyStudy) -> None:
    def keys(densities: list[float]) -> dict[str, str]:
        strategies = {"erk": STRATEGIES["erk"] | {"densities": densities}}
        study = tiny_study(pruning={"rewind_to": "1ep", "strategies": strategies})
        plan = plan_study(study, facts_of(study))
        return {level.path: level.artifacts[0].key for level in plan.levels}

    short, long = keys([0.5]), keys([0.5, 0.2])
    assert short.items() < long.items()


def test_a_layer_without_any_weight_is_refused_by_name_or_allowed(
    tiny_study: TinyStudy, tmp_path: Path
) -> None:
    def study(**more: Any) -> Recipe:
        strategies = {"tiny": {"densities": [0.002], **more}}
        return tiny_study(replicates=1, pruning={"rewind_to": "1ep", "strategies": strategies})

    with pytest.raises(PrunescopeError, match=r"strategies\.tiny removes every weight of "):
        make_levels(study(), tmp_path / "refused")
    make_levels(study(allow_empty_layers=True), tmp_path / "allowed")
    (mask,) = masks(tmp_path / "allowed", "tiny")
    assert 0 in shares(mask).values()


def test_patterns_choose_what_is_pruned(tiny_study: TinyStudy, tmp_path: Path) -> None:
    patterns = {"include": ["layer*"], "exclude": ["layer1.*"]}
    study = tiny_study(
        replicates=1,
        pruning={"rewind_to": "1ep", "prunable": patterns, "strategies": {"a": {"levels": 1}}},
    )
    run = make_levels(study, tmp_path / "run")
    (mask,) = masks(run, "a")
    assert {name.split(".")[0] for name in mask} == {"layer2", "layer3"}


@pytest.mark.long
def test_resumed_anywhere_it_has_the_same_bits(recipe: Recipe, made: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(made, tmp_path / "run"))
    for path in ("replicate-0/shuffled", "replicate-0/synflow/level-02", "replicate-0/twin-1"):
        shutil.rmtree(run / path)
    make_levels(recipe, run, replicates=[0])
    for file in made.rglob("weights.safetensors"):
        assert (run / file.relative_to(made)).read_bytes() == file.read_bytes(), file


@pytest.mark.long
def test_the_same_start_in_another_order(tiny_study: TinyStudy, tmp_path: Path) -> None:
    def study(**seeds: int) -> Recipe:
        pruning = {"rewind_to": "0it", "strategies": {"lottery": {"levels": 1}}}
        return tiny_study(replicates=1, seeds=seeds, pruning=pruning)

    runs = [make_levels(study(**seeds), tmp_path / str(number))
            for number, seeds in enumerate(({}, {"order": 1}, {"init": 1}))]  # fmt: skip
    start, other, fresh = (weights(run / "replicate-0/rewind") for run in runs)
    assert all(torch.equal(start[name], other[name]) for name in start)
    assert not torch.equal(start["conv1.weight"], fresh["conv1.weight"])
    ends = [weights(run / "replicate-0/level-00")["conv1.weight"] for run in runs]
    assert not torch.equal(ends[0], ends[1])


@pytest.mark.slow
def test_parts_of_a_study_of_several_strategies_are_merged(recipe: Recipe, tmp_path: Path) -> None:
    pruning = recipe.pruning
    parts = []
    for names in (("lottery", "shuffled"), ("lottery", "snip")):
        chosen = {name: pruning.strategies[name] for name in names}
        part = recipe.model_copy(
            update={"pruning": pruning.model_copy(update={"strategies": chosen, "twins": 1})}
        )
        parts.append(tmp_path / "-".join(names))
        run_study(part, parts[-1], workers=1)
    merge_runs(parts, tmp_path / "whole")
    levels = pd.read_csv(tmp_path / "whole/tables/levels.csv")
    assert set(levels["strategy"]) == {"dense", "lottery", "shuffled", "snip"}
