"""What do all tests share?"""

import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

from commands import Ended, Prunescope
from concepts.worlds import FILES, MASKS, Content, write_folder
from once import made_once

if TYPE_CHECKING:  # what is imported before the tests are collected has no shapes checked
    from prunescope.recipe import Recipe

REPOSITORY = Path(__file__).parent.parent
MakeFolder = Callable[..., Path]

settings.register_profile("prunescope", deadline=None)  # on a busy machine a time says nothing
settings.load_profile("prunescope")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The real photographs and networks; tests that use it are skipped where it is absent."""
    folder = Path(os.environ.get("PRUNESCOPE_SHARED", REPOSITORY.parent / "shared"))
    if not (folder / "data").is_dir():
        pytest.skip(f"the real photographs are not at {folder} (set PRUNESCOPE_SHARED)")
    return folder


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What tests keep for later goes with them, and the embedded pictures are but a handful."""
    from prunescope.concepts.scenes import SCENES_VERSION, scenes_are_drawn

    cache = tmp_path_factory.mktemp("cache")
    (cache / f"scenes-v{SCENES_VERSION}-seed0-2400+600-96px").symlink_to(
        _a_handful(tmp_path_factory)
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PRUNESCOPE_CACHE", str(cache))
        assert scenes_are_drawn()
        yield


@pytest.fixture(scope="session", autouse=True)
def _few_threads() -> None:
    """Small tensors are slower on several threads."""
    import torch

    torch.set_num_threads(1)


def _a_handful(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from prunescope.concepts.scenery.scene_set import SceneSet
    from prunescope.concepts.scenes import draw_scenes

    few = SceneSet(train=20, val=20, size=32)
    draw = lambda folder: draw_scenes(folder / "set", few)  # noqa: E731
    return made_once(tmp_path_factory, "drawn", draw) / "set"


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A handful of drawn pictures, at once a Broden folder and an image folder."""
    return _a_handful(tmp_path_factory)


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few more pictures, drawn long ago, which the tiny study trains on."""
    from prunescope.concepts.scenery.scene_set import SceneSet
    from prunescope.concepts.scenes import draw_scenes

    def draw(folder: Path) -> None:
        draw_scenes(folder / "set", SceneSet(train=40, val=20, size=32))
        for file in folder.rglob("*"):
            os.utime(file, (1e9, 1e9))

    return made_once(tmp_path_factory, "pictures", draw) / "set"


@pytest.fixture(scope="session")
def values(pictures: Path) -> dict[str, Any]:
    """A recipe that takes seconds."""
    from runs import tiny_recipe

    return tiny_recipe(pictures)


@pytest.fixture(scope="session")
def tiny_study(values: dict[str, Any]) -> "Callable[..., Recipe]":
    """Return a function that gives the tiny study, with some of its settings replaced."""
    from prunescope.recipe import Recipe

    return lambda **changes: Recipe.validate_from(values | changes, "tiny")


@pytest.fixture(scope="session")
def finished(tiny_study: "Callable[..., Recipe]", tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny study's run, made once for all tests, which only look at it."""
    from prunescope.experiment.run import run_study

    make = lambda folder: run_study(tiny_study(), folder / "tiny", workers=1)  # noqa: E731
    return made_once(tmp_path_factory, "run", make) / "tiny"


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    """A copy of the tiny study's run that a test may change."""
    return Path(shutil.copytree(finished, tmp_path / "run"))


@pytest.fixture
def prunescope(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Prunescope:
    """Return a function that runs a command line in this process."""
    from prunescope import cli

    def run(*words: object) -> Ended:
        monkeypatch.setattr(sys, "argv", ["prunescope", *map(str, words)])
        capsys.readouterr()
        try:
            cli.main()
            status = 0
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else int(end.code is not None)
        said = capsys.readouterr()
        return Ended(status=status, out=said.out, err=said.err)

    return run


@pytest.fixture
def make_folder(tmp_path: Path) -> MakeFolder:
    """Return a function that writes the tiny folder, files replaced or, where None, left out."""

    def make(changes: Mapping[str, Content] | None = None, name: str = "set") -> Path:
        return write_folder(tmp_path / name, {**FILES, **(changes or {})})

    return make


@pytest.fixture
def make_masks(tmp_path: Path) -> MakeFolder:
    """Return a function that writes the tiny set of masks, files replaced or left out."""

    def make(changes: Mapping[str, Content] | None = None, name: str = "mine") -> Path:
        return write_folder(tmp_path / name, {**MASKS, **(changes or {})})

    return make
