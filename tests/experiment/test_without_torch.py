"""Are runs looked at, compared and shown again without torch, which takes seconds to load?"""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import sys

class Refusing:
    def find_spec(self, name, *rest):
        if name == "torch" or name.startswith("torch."):
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
    ],
    ids=" ".join,
)
def test_a_command_on_saved_results_does_not_load_torch(run: Path, words: list[str]) -> None:
    command = [sys.executable, "-c", PROGRAM, *words]
    ended = subprocess.run(command, cwd=run, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
