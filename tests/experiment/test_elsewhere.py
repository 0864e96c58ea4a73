"""Is a machine that would make something else of a stage refused, in words that say why?"""

import pickle
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from prunescope.base.errors import ConfigError, DataError
from prunescope.experiment.elsewhere import Origin
from prunescope.experiment.source_facts import facts_of
from prunescope.recipe import Recipe


@pytest.fixture
def recipe(tiny_study: Any) -> Recipe:
    study: Recipe = tiny_study()
    return study


@pytest.fixture
def origin(recipe: Recipe, finished: Path) -> Origin:
    """The first process, on another machine than this."""
    return replace(Origin.here(finished, facts_of(recipe)), host="first")


def test_a_machine_that_sees_the_same_is_not_refused(origin: Origin, recipe: Recipe) -> None:
    pickle.loads(pickle.dumps(origin)).check(recipe)


def test_another_version_is_refused(origin: Origin, recipe: Recipe) -> None:
    for name in ("prunescope", "torch"):
        versions = tuple((each, "0.0" if each == name else v) for each, v in origin.versions)
        with pytest.raises(ConfigError, match=rf"has {name} .*, but first, .* has 0\.0"):
            replace(origin, versions=versions).check(recipe)


def test_a_run_folder_that_is_not_seen_is_refused(origin: Origin, recipe: Recipe) -> None:
    with pytest.raises(ConfigError, match="does not see the run folder /nowhere of first"):
        replace(origin, root=Path("/nowhere")).check(recipe)


def test_other_data_are_refused(
    origin: Origin, recipe: Recipe, pictures: Path, tmp_path: Path
) -> None:
    shutil.copytree(pictures, tmp_path / "set")
    label = next((tmp_path / "set" / "images" / "train").iterdir())
    next(label.iterdir()).unlink()
    data = recipe.data.model_copy(update={"source": str(tmp_path / "set" / "images")})
    with pytest.raises(DataError, match="does not hold what it does on first"):
        origin.check(recipe.model_copy(update={"data": data}))


def test_on_the_first_machine_versions_alone_are_asked(recipe: Recipe) -> None:
    origin = Origin.here(Path("/nowhere"), facts_of(recipe))
    origin.check(recipe)
    older = tuple((name, "0.0") for name, _ in origin.versions)
    with pytest.raises(ConfigError, match=r"has prunescope .*, but .*, has 0\.0"):
        replace(origin, versions=older).check(recipe)


def test_another_machine_of_the_same_name_is_another(origin: Origin, recipe: Recipe) -> None:
    here = Origin.here(Path("/nowhere"), origin.facts)
    with pytest.raises(ConfigError, match="does not see the run folder /nowhere"):
        replace(here, machine="another").check(recipe)
