"""Does the schema of a recipe know what a recipe may say?"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from commands import Prunescope
from prunescope.recipe import recipe_schema

RECIPES = sorted((Path(__file__).parents[1] / "recipes").glob("*.yaml"))


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    schema = recipe_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def problems(validator: jsonschema.Draft202012Validator, values: Any) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(values)]


def demo() -> dict[str, Any]:
    recipe: dict[str, Any] = yaml.safe_load((RECIPES[0].parent / "demo.yaml").read_text())
    return recipe


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_a_shipped_recipe_is_valid(
    validator: jsonschema.Draft202012Validator, recipe: Path
) -> None:
    assert problems(validator, yaml.safe_load(recipe.read_text())) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("traning", {}),
        ("training.learning_rat", 0.1),
        ("training.to", "5 epochs"),
        ("training.augmentation.flop", True),
        ("pruning.prunable", "conv+shortcuts"),
        ("pruning.strategies.lottery.fraction", 1.5),
        ("pruning.strategies", {}),
        ("dissection.layers", "layer4"),
        ("dissection.layers", []),
        ("data.mean", ["grey"]),
        ("replicates", 0),
        ("name", "../elsewhere"),
    ],
)
def test_a_wrong_recipe_is_not(
    validator: jsonschema.Draft202012Validator, path: str, value: object
) -> None:
    recipe = demo()
    place = recipe
    *parents, key = path.split(".")
    for parent in parents:
        place = place[parent]
    place[key] = value
    assert problems(validator, recipe)


def test_a_size_may_be_a_number_or_a_text(validator: jsonschema.Draft202012Validator) -> None:
    for size in (2**30, "4GiB"):
        recipe = demo()
        recipe["data"]["memory"] = size
        assert problems(validator, recipe) == []


def settings(schema: Any) -> Iterator[tuple[str, Any]]:
    for title, model in {"Recipe": schema, **schema["$defs"]}.items():
        for name, field in model.get("properties", {}).items():
            yield f"{title}.{name}", field


def test_every_setting_is_described() -> None:
    bare = [name for name, field in settings(recipe_schema()) if len(field["description"]) < 10]
    assert bare == []


def test_the_command_prints_it(prunescope: Prunescope) -> None:
    ended = prunescope("schema")
    assert ended.status == 0, ended.err
    assert json.loads(ended.out) == recipe_schema()
