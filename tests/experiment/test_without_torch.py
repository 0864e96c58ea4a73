"""Are finished runs looked at and shown without torch, which takes seconds to load?"""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import sys

REFUSED = set(sys.argv.pop(1).split(","))

class Refusing:
    def find_spec(self, name, *rest):
        if name.partition(".")[0] in REFUSED:
            raise ImportError(f"{name} is loaded")

sys.meta_path.insert(0, Refusing())
from prunescope.cli import main
main()
"""


@pytest.fixture(scope="module")
def run(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(finished, tmp_path_factory.mktemp("light") / "run"))


@pytest.mark.long
@pytest.mark.parametrize(
    "words",
    [
        ["status", "."],
        ["summary", "."],
        ["summary", "replicate-0/level-00"],
        ["summary", "replicate-0/level-00/dissection/layer3", "--iou", "0.1"],
        ["compare", "replicate-0/level-00", "replicate-0/lottery/level-01"],
        ["compare", ".", "."],
        ["report", "."],
        ["run", "study.yaml", "--out", ".", "--workers", "2"],
    ],
    ids=" ".join,
)
def test_a_command_on_saved_results_does_not_load_torch(run: Path, words: list[str]) -> None:
    ended = ended_without("torch", run, words)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize(
    "words", [["status", "."], ["run", "study.yaml", "--out", "."]], ids=" ".join
)
def test_what_is_finished_is_told_without_reading_a_table(run: Path, words: list[str]) -> None:
    ended = ended_without("torch,numpy,pandas,pyarrow,PIL", run, words)
    assert ended.returncode == 0, ended.stderr


def ended_without(packages: str, run: Path, words: list[str]) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", PROGRAM, packages, *words]
    return subprocess.run(command, cwd=run, capture_output=True, text=True, check=False)
