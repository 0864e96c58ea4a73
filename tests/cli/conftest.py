"""What lies in the folder in which the tests of commands begin?"""

import shutil
from pathlib import Path

import pytest

from cli.world import make_world
from once import made_once


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One sound input of every kind, made once for all tests, which only look at it."""
    return made_once(tmp_path_factory, "world", make_world)


@pytest.fixture(scope="module")
def own_world(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sound inputs that the tests of a module add to and change."""
    return Path(shutil.copytree(world, tmp_path_factory.mktemp("own") / "world"))
