"""Are the settings of a study refused where no study could be made of them?"""

import math
from pathlib import Path
from typing import Any

import pytest

from prunescope.base.errors import ConfigError
from prunescope.study import Study
from runs import tiny_recipe


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("mean", (math.nan, 0.5, 0.5)),
        ("mean", (0.5, 0.5, -math.inf)),
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
    fine = recipe["data"] | {"mean": (-0.5, 0.0, 120.0), "std": (0.1, 1.0, 60.0)}
    Study.validate_from(recipe | {"data": fine}, "tiny")
    with pytest.raises(ConfigError, match=f"data.{key}"):
        Study.validate_from(recipe | {"data": fine | {key: value}}, "tiny")


@pytest.mark.parametrize("name", ["../other", "a/b", "a\\b", "..", ".hidden", ""])
def test_a_name_that_is_no_folder_of_its_own_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="name"):
        Study.validate_from(tiny_recipe(Path("pictures")) | {"name": name}, "tiny")
