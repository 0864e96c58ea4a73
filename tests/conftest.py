"""What do all tests share?"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from commands import Ended, Prunescope

REPOSITORY = Path(__file__).parent.parent

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
    """What tests keep for later goes with them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PRUNESCOPE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session", autouse=True)
def _few_threads() -> None:
    """Small tensors are slower on several threads."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A handful of drawn pictures, at once a Broden folder and an image folder."""
    from prunescope.concepts.scenes import draw_scenes

    return draw_scenes(tmp_path_factory.mktemp("drawn") / "set", train=20, val=20, size=32)


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
