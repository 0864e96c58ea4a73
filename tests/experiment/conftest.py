"""What do the tests of whole studies share? A world so small that a study takes seconds."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from prunescope.concepts.scenes import draw_scenes
from prunescope.recipe import Recipe
from runs import tiny_recipe

TinyStudy = Callable[..., Recipe]


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A handful of pictures drawn long ago, at once a Broden folder and an image folder."""
    folder = draw_scenes(tmp_path_factory.mktemp("pictures") / "set", train=40, val=20, size=32)
    for file in folder.rglob("*"):
        os.utime(file, (1e9, 1e9))
    return folder


@pytest.fixture(scope="session")
def values(pictures: Path) -> dict[str, Any]:
    """A recipe that takes seconds."""
    return tiny_recipe(pictures)


@pytest.fixture(scope="session")
def tiny_study(values: dict[str, Any]) -> TinyStudy:
    """Return a function that gives the tiny study, with some of its settings replaced."""
    return lambda **changes: Recipe.validate_from(values | changes, "tiny")
