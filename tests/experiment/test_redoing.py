"""Does a change redo what the documentation says, and nothing else?"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from prunescope.experiment.levels.level import LevelStage
from prunescope.experiment.plan import plan_study
from prunescope.experiment.source_facts import facts_of
from prunescope.recipe import Recipe

PAGE = Path(__file__).parents[2] / "docs" / "studies.md"
LOTTERY = {"fraction": 0.2, "levels": 2}
CHANGES: dict[str, Callable[[dict[str, Any]], None]] = {
    "another test split": lambda recipe: recipe["data"].update(test_split="train"),
    "another IoU threshold": lambda recipe: recipe["dissection"].update(iou=0.1),
    "the first draws of chance": lambda recipe: recipe["dissection"].update(null=20),
    "more draws of chance": lambda recipe: recipe["dissection"].update(null=40),
    "the first formulas": lambda recipe: recipe["dissection"].update(formulas=2),
    "longer formulas": lambda recipe: recipe["dissection"].update(formulas=3),
    "other categories": lambda recipe: recipe["dissection"].update(categories=["object"]),
    "another arithmetic": lambda recipe: recipe["dissection"].update(arithmetic="plain"),
    "other quantiles": lambda recipe: recipe["dissection"].update(quantiles=[0.02]),
    "another basis": lambda recipe: recipe["dissection"].update(basis="random-rotation"),
    "another quantile": lambda recipe: recipe["dissection"].update(quantile=0.02),
    "another convention of what is prunable": lambda recipe: recipe["pruning"].update(
        prunable="conv"
    ),
    "another fraction of a strategy": lambda recipe: recipe["pruning"]["strategies"].update(
        lottery=LOTTERY | {"fraction": 0.3}
    ),
    "Pearson and AUPRC left out": lambda recipe: recipe["dissection"].update(association=False),
    "one more layer": lambda recipe: recipe["dissection"].update(
        layers=["layer2", "layer3", "layer1"]
    ),
    "one more level of a strategy": lambda recipe: recipe["pruning"]["strategies"].update(
        lottery=LOTTERY | {"levels": 3}
    ),
    "one more replicate": lambda recipe: recipe.update(replicates=3),
    "dense twins": lambda recipe: recipe["pruning"].update(twins=1),
    "one more strategy": lambda recipe: recipe["pruning"]["strategies"].update(
        random=LOTTERY | {"criterion": "random"}
    ),
    "how often accuracy goes into the history": lambda recipe: recipe["training"].update(
        evaluate_every="end"
    ),
    "another number of draws of the images": lambda recipe: recipe.update(resampling={"draws": 50}),
    "another weight decay": lambda recipe: recipe["training"].update(weight_decay=1e-3),
}


def _copy(values: dict[str, Any]) -> dict[str, Any]:
    return {k: _copy(v) if isinstance(v, dict) else v for k, v in values.items()}


def _keys(values: dict[str, Any]) -> dict[tuple[str, str, bool], str]:
    """Return the keys of all artifacts but the results, by title, kind, and whether of level 0."""
    recipe = Recipe.validate_from(values, "tiny")
    plan = plan_study(recipe, facts_of(recipe))
    return {
        (artifact.title, stage.kind, stage.level_key is None or stage.level_key.level == 0): (
            artifact.key
        )
        for stage in plan.stages
        for artifact in stage.artifacts
        if not stage.derived
    }


def _rows() -> dict[str, tuple[str, str]]:
    text = PAGE.read_text().partition("## What a change redoes")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (?!change|-)(.*?) \|(.*?)\|(.*?)\|$", text, re.MULTILINE)
    return {change: (redone.strip(), new.strip()) for change, redone, new in rows}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_redoes_what_the_page_says(values: dict[str, Any], change: str) -> None:
    (row,) = [cells for name, cells in _rows().items() if name.startswith(change)]
    values = _copy(values)
    if change == "more draws of chance":
        values["dissection"]["null"] = 20
    if change == "longer formulas":
        values["dissection"]["formulas"] = 2
    changed = _copy(values)
    CHANGES[change](changed)
    before, after = _keys(values), _keys(changed)
    redone = {key for key in before if before[key] != after.get(key)}
    new = set(after) - set(before)
    pruned_alone = row[0].startswith("pruned level")
    kinds = set(re.findall(r"rewind|level|evaluation|dissection|scores", row[0]))
    assert {kind for _, kind, _ in redone} == kinds
    expected = {key for key in before if key[1] in kinds and not (pruned_alone and key[2])}
    assert redone == expected
    assert {kind for _, kind, _ in new} == set(re.findall(r"\w+", row[1]))


def test_every_row_of_the_page_is_tried() -> None:
    assert len(_rows()) == len(CHANGES)


def test_the_page_names_every_kind_of_stage(tiny_study: Callable[..., Recipe]) -> None:
    study = tiny_study()
    plan = plan_study(study, facts_of(study))
    table = PAGE.read_text().partition("## Stages")[2].partition("\n## ")[0]
    assert {stage.kind for stage in plan.stages} == set(re.findall(r"`(\w+)`", table)) & {
        stage.kind for stage in plan.stages
    }
    assert all(f"`{stage.kind}`" in table for stage in plan.stages)
    assert all(isinstance(level, LevelStage) for level in plan.levels)
