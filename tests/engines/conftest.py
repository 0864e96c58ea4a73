"""A folder in which jobs are performed, and who receives their outcomes."""

from pathlib import Path

import pytest

from engines.jobs import Desk, Office


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(folder=tmp_path)


@pytest.fixture
def desk() -> Desk:
    return Desk()
