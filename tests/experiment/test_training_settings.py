"""Do the settings of training reach the levels of a study, and their keys?"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from prunescope.base.errors import ConfigError, StoreError
from prunescope.base.ranks import Ranks
from prunescope.base.tensors import load_metadata, load_tensors
from prunescope.experiment.plan import plan_study
from prunescope.experiment.run import run_study
from prunescope.experiment.runner import StageRunner
from prunescope.experiment.source_facts import facts_of
from prunescope.experiment.sources import Sources
from prunescope.recipe import Recipe
from runs import contents, make_levels

TinyStudy = Callable[..., Recipe]
WITHOUT_NORMALISATION = """
from torch import nn


def make(num_classes):
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, num_classes)
    )
"""
ALL = {
    "optimizer": "adamw",
    "learning_rate": 0.01,
    "mixup": 0.2,
    "cutmix": 1.0,
    "clip_norm": 1.0,
    "ema": 0.9,
    "recalibrate": 2,
    "keep_checkpoints": "2it",
}


@pytest.fixture
def study(tiny_study: TinyStudy, values: dict[str, Any]) -> Callable[..., Recipe]:
    """A study of one replicate and one pruned level: two epochs of three steps."""

    def of(data: dict[str, Any] | None = None, **training: Any) -> Recipe:
        return tiny_study(
            replicates=1,
            data=values["data"] | (data or {}),
            training=values["training"] | {"to": "2ep", "milestones": []} | training,
            pruning={"rewind_to": "1ep", "strategies": {"lottery": {"levels": 1}}},
            dissection=values["dissection"] | {"layers": ["layer3"]},
        )

    return of


def keys(recipe: Recipe) -> dict[str, str]:
    plan = plan_study(recipe, facts_of(recipe))
    return {artifact.title: artifact.key for artifact in plan.artifacts}


@pytest.mark.parametrize(
    "training", [{name: value} for name, value in ALL.items() if name != "learning_rate"]
)
def test_each_setting_is_in_the_keys_of_what_is_trained(
    study: Callable[..., Recipe], training: dict[str, Any]
) -> None:
    plain, changed = keys(study()), keys(study(**training))
    assert plain.keys() == changed.keys()
    assert not set(plain.values()) & set(changed.values())


@pytest.mark.parametrize("data", [{"limit": 30}, {"label_noise": 0.2}])
def test_what_is_trained_on_is_in_the_keys(
    study: Callable[..., Recipe], data: dict[str, Any]
) -> None:
    assert not set(keys(study()).values()) & set(keys(study(data=data)).values())


def test_settings_at_their_defaults_are_in_no_key(study: Callable[..., Recipe]) -> None:
    stated = {
        "optimizer": "sgd", "betas": [0.9, 0.999], "mixup": None, "cutmix": None,
        "clip_norm": None, "ema": None, "recalibrate": None, "keep_checkpoints": None,
    }  # fmt: skip
    recipe = study(data={"limit": None, "label_noise": 0.0}, **stated, track="tensorboard")
    assert keys(recipe) == keys(study())


def test_a_study_with_adamw_is_read_again_as_it_was_written(study: Callable[..., Recipe]) -> None:
    recipe = study(**ALL)
    assert "momentum" not in recipe.to_yaml()
    again = Recipe.model_validate_json(recipe.model_dump_json())
    assert again == recipe
    assert keys(again) == keys(recipe)


def test_data_limit_and_label_noise_change_the_training_images_alone(
    study: Callable[..., Recipe],
) -> None:
    plain = Sources(study())
    changed = Sources(study(data={"limit": 30, "label_noise": 0.2}))
    assert len(changed.train_images) == 30
    assert torch.equal(plain.test_images.labels, changed.test_images.labels)
    assert torch.equal(plain.test_images.pixels, changed.test_images.pixels)
    limited = Sources(study(data={"limit": 30}))
    assert torch.equal(limited.train_images.pixels, changed.train_images.pixels)
    assert (limited.train_images.labels != changed.train_images.labels).sum() == 6


def test_an_epoch_has_the_steps_of_the_images_that_are_used(study: Callable[..., Recipe]) -> None:
    recipe = study(data={"limit": 20})
    plan = plan_study(recipe, facts_of(recipe))
    assert plan.study.step("1ep").iteration == 2  # of 16 images


@pytest.mark.long
def test_a_level_is_the_average_and_history_measures_what_is_evaluated(
    study: Callable[..., Recipe], tmp_path: Path
) -> None:
    run = make_levels(study(ema=0.9), tmp_path / "run")
    plain = make_levels(study(), tmp_path / "plain")
    rewound = [
        load_tensors(each / "replicate-0/rewind/weights.safetensors") for each in (run, plain)
    ]
    assert all(torch.equal(rewound[0][name], rewound[1][name]) for name in rewound[0])
    for name in ("level-00", "lottery/level-01"):
        level = run / "replicate-0" / name
        history = pd.read_csv(level / "history.csv")
        metrics = json.loads((level / "metrics.json").read_text())
        assert history.test_accuracy.iloc[-1] == metrics["top1"]
        states = [
            load_tensors(each / "replicate-0" / name / "weights.safetensors")
            for each in (run, plain)
        ]
        assert not torch.equal(states[0]["conv1.weight"], states[1]["conv1.weight"])


def assert_zero_where_pruned(level: Path) -> None:
    mask = load_tensors(level / "mask.safetensors")
    for path in (level / "weights.safetensors", *(level / "checkpoints").iterdir()):
        weights = load_tensors(path)
        assert all(not weights[name][~kept].any() for name, kept in mask.items())


@pytest.mark.long
def test_a_stopped_study_with_all_settings_ends_with_the_same_bytes(
    study: Callable[..., Recipe], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = study(data={"limit": 40, "label_noise": 0.1}, evaluate_every="1it", **ALL)
    whole = make_levels(recipe, tmp_path / "whole")
    measure, left = StageRunner.test_accuracy, iter(range(0))

    def stop(runner: StageRunner, network: Any, ranks: Ranks) -> float:
        if next(left, None) is None:
            raise KeyboardInterrupt
        return measure(runner, network, ranks)

    monkeypatch.setattr(StageRunner, "test_accuracy", stop)
    for _ in range(3):  # each time two more of the nine measurements
        left = iter(range(2))
        with pytest.raises(KeyboardInterrupt):
            make_levels(recipe, tmp_path / "stopped")
    monkeypatch.setattr(StageRunner, "test_accuracy", measure)
    stopped = make_levels(recipe, tmp_path / "stopped")
    assert contents(stopped) == contents(whole)
    assert not list((stopped / ".work").iterdir())
    rewind, level = whole / "replicate-0/rewind", whole / "replicate-0/lottery/level-01"
    assert [path.name for path in (rewind / "checkpoints").iterdir()] == ["2it.safetensors"]
    assert [path.name for path in (level / "checkpoints").iterdir()] == ["1ep1it.safetensors"]
    assert_zero_where_pruned(level)
    metadata = [
        load_metadata(level / name)
        for name in ("weights.safetensors", "checkpoints/1ep1it.safetensors")
    ]
    assert metadata[0] == metadata[1]


@pytest.mark.long
def test_kept_weights_that_are_gone_are_said(
    study: Callable[..., Recipe], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = study(keep_checkpoints="2it")
    save = StageRunner.save_network

    def lose(runner: StageRunner, network: Any, folder: Path) -> None:
        (kept,) = folder.parent.glob("*/checkpoints")
        shutil.rmtree(kept)
        save(runner, network, folder)

    monkeypatch.setattr(StageRunner, "save_network", lose)
    with pytest.raises(StoreError, match=r"2it\.safetensors, kept .* is gone: remove"):
        make_levels(recipe, tmp_path / "run")


@pytest.mark.long
def test_a_network_without_normalisation_is_refused_before_anything_is_written(
    study: Callable[..., Recipe], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bare.py").write_text(WITHOUT_NORMALISATION)
    monkeypatch.chdir(tmp_path)
    recipe = study(data={"mean": [0.5] * 3, "std": [0.25] * 3}, recalibrate=3).model_copy(
        update={"network": "bare:make"}
    )
    with pytest.raises(ConfigError, match="nothing to recalibrate"):
        run_study(recipe, tmp_path / "run", workers=1)
    assert not (tmp_path / "run").exists()
