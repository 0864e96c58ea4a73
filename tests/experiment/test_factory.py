"""Is a study of a network of one's own made, resumed, read and compared as any other?"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import prunescope as ps
from commands import Prunescope
from prunescope.base.errors import DataError
from runs import contents, tiny_recipe

NAME = "ownnet:build,width=4"
CODE = """
from pathlib import Path

from torch import nn

Path("imported").touch()


def build(num_classes=10, width=2):
    return nn.Sequential(
        nn.Conv2d(3, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(),
        nn.Conv2d(width, 2 * width, 3, padding=1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2 * width, num_classes),
    )
"""
LEVEL = "out/replicate-0/lottery/level-01"
FIRST = "out/replicate-0/level-00"


@pytest.fixture(scope="module")
def world(drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the factory, and a recipe that names it."""
    root = tmp_path_factory.mktemp("factory")
    (root / "ownnet.py").write_text(CODE)
    (root / "set").symlink_to(drawn / "set" if (drawn / "set").is_dir() else drawn)
    recipe = tiny_recipe(root / "set")
    recipe["network"] = NAME
    recipe["data"] |= {"mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25]}
    recipe["training"] |= {"to": "2ep", "milestones": []}
    recipe["pruning"] = {"rewind_to": "1ep", "strategies": {"lottery": {"levels": 1}}}
    recipe["dissection"] = {"layers": ["3"], "quantile": 0.02, "examples": 2}
    (root / "recipe.yaml").write_text(yaml.safe_dump(recipe | {"replicates": 1}))
    return root


@pytest.fixture(autouse=True)
def here(world: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(world)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.delitem(sys.modules, "ownnet", raising=False)
    yield world
    sys.modules.pop("ownnet", None)


@pytest.fixture(scope="module")
def run(world: Path) -> Path:
    """The run of the recipe."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(world)
        ps.Study.load("recipe.yaml").run("out", workers=1)
        sys.modules.pop("ownnet", None)
    return world / "out"


def not_imported(here: Path) -> None:
    sys.modules.pop("ownnet", None)
    (here / "imported").unlink(missing_ok=True)


def succeed(prunescope: Prunescope, *words: Any) -> str:
    ended = prunescope(*words)
    assert ended.status == 0, ended.err
    return ended.out


def test_the_same_command_again_changes_nothing(
    prunescope: Prunescope, run: Path, here: Path
) -> None:
    before = contents(run)
    succeed(prunescope, "run", "recipe.yaml", "--out", "out")
    assert contents(run) == before


def test_what_is_lost_is_made_again_with_the_same_bytes(
    prunescope: Prunescope, run: Path, here: Path
) -> None:
    before = contents(run)
    (here / LEVEL / "metrics.json").unlink()
    assert "metrics.json is missing" in succeed(prunescope, "status", "out")
    succeed(prunescope, "run", "recipe.yaml", "--out", "out", "--json")
    assert contents(run) == before


@pytest.mark.long
@pytest.mark.parametrize(
    "line",
    ["status out", "report out", "summary out", "audit out", f"audit {LEVEL}",
     f"compare {FIRST} {LEVEL}", "compare out out", f"export {LEVEL} --out x.csv"],
)  # fmt: skip
def test_a_run_is_read_without_calling_its_factory(
    prunescope: Prunescope, run: Path, here: Path, line: str
) -> None:
    not_imported(here)
    succeed(prunescope, *line.split())
    assert not (here / "imported").exists()
    (here / "x.csv").unlink(missing_ok=True)


ON = ("--layer", "3", "--concepts", "broden:set", "--quantile", "0.02", "--limit", "4")


@pytest.mark.parametrize(
    ("line", "cure"),
    [
        ("run out/study.yaml --out out", f'--set network="{NAME}"'),
        ("run out/study.yaml --out out --set replicates=1", f'--set network="{NAME}"'),
        (f"dissect {LEVEL}", "as the network with --weights"),
        (f"evaluate {LEVEL} --data set/images", "as the network with --weights"),
        (f"prune {LEVEL} --keep 0.5 --out p.safetensors", "as the network with --weights"),
        (f"compare {FIRST} {LEVEL}", "--network"),
        (f"audit out --network {NAME.partition(',')[0]}", f'"{NAME}"'),
    ],
)
def test_only_who_names_the_factory_has_it_called(
    prunescope: Prunescope, run: Path, here: Path, line: str, cure: str
) -> None:
    not_imported(here)
    words = line.split()
    ended = prunescope(*words, *(ON if words[0] in ("dissect", "compare") else ()))
    assert ended.status == 2
    assert cure in ended.err
    assert not (here / "imported").exists()


def test_the_study_of_a_run_is_run_by_who_names_its_factory(
    prunescope: Prunescope, run: Path, here: Path
) -> None:
    before = contents(run)
    with pytest.raises(DataError, match=r'in Python: set=\["network=ownnet:build,width=4"\]'):
        ps.Study.load("out/study.yaml")
    assert ps.Study.load("out/study.yaml", set=[f"network={NAME}"]).network == NAME
    succeed(prunescope, "run", "out/study.yaml", "--out", "out", "--set", f"network={NAME}")
    assert contents(run) == before


def test_the_levels_are_audited_as_the_network_that_is_named(
    prunescope: Prunescope, run: Path, here: Path
) -> None:
    named = json.loads(succeed(prunescope, "audit", "out", "--network", NAME, "--json"))
    alone = json.loads(succeed(prunescope, "audit", LEVEL, "--network", NAME, "--json"))
    plain = json.loads(succeed(prunescope, "audit", "out", "--json"))
    dense = 32 * 32 * (3 * 4 * 9 + 4 * 8 * 9) + 8 * 10
    # two convolutions of 32 x 32 cells and the classifier
    assert [level["multiply_adds"] for level in named["levels"]] == [dense, dense]
    assert alone["multiply_adds"] == dense
    assert [level["multiply_adds"] for level in plain["levels"]] == [None, None]
    assert [level["nonzero"] for level in plain["levels"]] == [
        level["nonzero"] for level in named["levels"]
    ]


def test_a_level_is_dissected_evaluated_pruned_and_compared_by_the_name(
    prunescope: Prunescope, run: Path, here: Path, tmp_path: Path
) -> None:
    at_level = (NAME, "--weights", LEVEL)
    succeed(prunescope, "dissect", *at_level, *ON, "--out", tmp_path / "D")
    assert ps.load(tmp_path / "D")["3"].units.shape[0] == 8
    scored = json.loads(
        succeed(prunescope, "evaluate", *at_level, "--data", "set/images", "--json")
    )
    metrics = json.loads((here / LEVEL / "metrics.json").read_text())
    assert scored["top1"] == metrics["top1"]
    succeed(prunescope, "prune", *at_level, "--keep", 0.5, "--out", tmp_path / "p.safetensors")
    compared = succeed(prunescope, "compare", FIRST, LEVEL, *ON, "--network", NAME)
    assert "of A's" in compared
