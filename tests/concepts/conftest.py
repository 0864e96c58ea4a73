"""Tiny folders, written for each test."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from concepts.worlds import FILES, MASKS, Content, write_folder

MakeFolder = Callable[..., Path]


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
