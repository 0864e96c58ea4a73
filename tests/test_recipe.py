"""Are the settings of a study refused where no study could be made of them?"""

import math
from pathlib import Path
from typing import Any

import pytest
import yaml

from prunescope.base.errors import ConfigError
from prunescope.recipe import Recipe
from runs import tiny_recipe


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("mean", (math.nan, 0.5, 0.5)),
        ("mean", (0.5, 0.5, -math.inf)),
        ("mean", (-0.5, 0.0, 0.5)),
        ("mean", (0.0, 0.5, 120.0)),
        ("std", (0.1, 1.0, 60.0)),
        ("std", (0.5, 0.0, 0.5)),
        ("std", (0.5, 0.5, -0.1)),
        ("std", (math.nan, 0.5, 0.5)),
        ("std", (math.inf, 0.5, 0.5)),
    ],
)
def test_channels_that_normalise_nothing_are_refused_by_their_name(
    key: str, value: tuple[float, ...]
) -> None:
    recipe: dict[str, Any] = tiny_recipe(Path("pictures"))
    fine = recipe["data"] | {"mean": (0.0, 0.5, 1.0), "std": (0.1, 1.0, 0.004)}
    Recipe.validate_from(recipe | {"data": fine}, "tiny")
    with pytest.raises(ConfigError, match=f"data.{key}"):
        Recipe.validate_from(recipe | {"data": fine | {key: value}}, "tiny")


@pytest.mark.parametrize("name", ["../other", "a/b", "a\\b", "..", ".hidden", ""])
def test_a_name_that_is_no_folder_of_its_own_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="name"):
        Recipe.validate_from(tiny_recipe(Path("pictures")) | {"name": name}, "tiny")


@pytest.mark.parametrize(
    ("evaluation", "resolution", "said"),
    [
        ({"resize": 256}, None, "evaluation needs a crop"),
        ({"resize": 200}, 224, "crop of 224 pixels does not fit a shorter side of 200"),
        ({"resize": 256, "crop": 260}, 224, "crop of 260 pixels"),
        ({"resize": 0}, 224, "evaluation.resize is 0"),
        ({"resise": 256}, 224, 'did you mean "resize"'),
    ],
)
def test_a_centre_crop_that_cannot_be_cut_is_refused(
    evaluation: dict[str, int], resolution: int | None, said: str
) -> None:
    recipe: dict[str, Any] = tiny_recipe(Path("pictures"))
    data = recipe["data"] | {"evaluation": evaluation, "resolution": resolution}
    with pytest.raises(ConfigError, match=said):
        Recipe.validate_from(recipe | {"data": data}, "tiny")


def test_a_recipe_of_the_papers_training_is_a_study() -> None:
    """ResNet-50 on ImageNet as Frankle & Bau 2019 train it."""
    recipe: dict[str, Any] = tiny_recipe(Path("pictures"))
    training = {
        "to": "90ep",
        "batch_size": 1024,
        "learning_rate": 0.4,
        "weight_decay": 1e-4,
        "weight_decay_on": "not-normalisation",
        "warmup": "5ep",
        "milestones": ["30ep", "60ep", "80ep"],
        "label_smoothing": 0.1,
        "zero_last_gamma": True,
        "augmentation": {"random_resized_crop": {"area": [0.08, 1]}, "flip": True},
    }
    data = recipe["data"] | {"resolution": 224, "evaluation": {"resize": 256}}
    pruning = {"prunable": "conv", "rewind_to": "4ep", "strategies": {"lottery": {"levels": 15}}}
    changes = {"training": training, "data": data, "pruning": pruning}
    study = Recipe.validate_from(recipe | changes, "paper")
    assert Recipe.validate_from(yaml.safe_load(study.to_yaml()), "again") == study
