"""Are runs looked at, compared and shown again without torch, which takes seconds to load?"""

import subprocess
import sys
from pathlib import Path

import pytest

from prunescope.experiment.run import run_study
from prunescope.recipe import Recipe

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
def run(values: dict[str, object], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("light") / "run"
    pruning = {"rewind_to": "1ep", "strategies": {"lottery": {"levels": 1}}}
    recipe = Recipe.validate_from(values | {"replicates": 1, "pruning": pruning}, "tiny")
    run_study(recipe, out, workers=1)
    return out


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
