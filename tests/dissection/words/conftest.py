"""Which folder do the tests of words work in?"""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from coloured import write_world


@pytest.fixture(scope="session")
def colours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with pictures of three colours, words, and a module of units and an encoder."""
    return write_world(tmp_path_factory.mktemp("colours"))


@pytest.fixture
def here(colours: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(colours)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.delitem(sys.modules, "coloured_code", raising=False)
    yield colours
    sys.modules.pop("coloured_code", None)
