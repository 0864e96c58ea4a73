"""Does a run survive being killed at any moment?"""

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

MEMORY = Path("/dev/shm")  # thousands of small files are slow on a disk


@pytest.fixture
def folder() -> Iterator[str]:
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as name:
        yield name


@pytest.mark.long
def test_killed_before_any_change_to_the_disk_a_study_goes_on_to_the_same_bytes(folder: str):
    program = Path(__file__).parents[1] / "base" / "crashing.py"
    command = [sys.executable, str(program), folder]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    crashes = [int(number) for number in re.findall(r": (\d+) crashes", answer.stdout)]
    assert len(crashes) == 4
    assert min(crashes) > 20
