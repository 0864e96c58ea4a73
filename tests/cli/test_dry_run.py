"""Does a dry run say on the command line what a run of the same command would do?"""

import json
from pathlib import Path

import pytest
import yaml

from commands import Prunescope, check_refused
from runs import tiny_recipe


@pytest.fixture
def recipe(drawn: Path, tmp_path: Path) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(tiny_recipe(drawn)))
    return path


def test_a_dry_run_is_of_the_workers_that_are_asked_for(
    prunescope: Prunescope, recipe: Path, tmp_path: Path
) -> None:
    words = ["run", recipe, "--out", tmp_path / "run", "--dry-run", "--json"]
    ended = prunescope(*words, "--workers", 3)
    assert ended.status == 0, ended.err
    assert json.loads(ended.out.splitlines()[-1])["workers"] == 3
    assert not (tmp_path / "run").exists()


def test_a_dry_run_refuses_a_folder_that_is_no_run(prunescope: Prunescope, recipe: Path) -> None:
    ended = prunescope("run", recipe, "--out", recipe.parent, "--dry-run")
    check_refused(ended, "neither empty nor a run folder")
    assert list(recipe.parent.iterdir()) == [recipe]
