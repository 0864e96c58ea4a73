"""Can any file that a command opens have code called?"""

import json
import shlex
import sys
from pathlib import Path

import huggingface_hub
import pytest
import yaml

from cli.world import LEVEL, NETWORK
from commands import Prunescope, every_command
from prunescope.base.tensors import load_tensors, save_tensors

CODE = "factories:evil,where=marker"
FACTORIES = """
import pathlib

pathlib.Path("imported").touch()


def evil(where, num_classes=10):
    pathlib.Path(where).touch()
    import torch

    return torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.AdaptiveAvgPool2d(1))
"""
ON_SET = "--layer layer3 --concepts broden:set --quantile 0.02"
COMMANDS = {
    "demo": "demo --out run",
    "run": "run run --out out",
    "status": "status run",
    "dissect": f"dissect FILE {ON_SET} --out out",
    "evaluate": "evaluate FILE --data set/images",
    "ablate": "ablate FILE --layer layer3 --unit 1 --data set/images",
    "summary": "summary run",
    "unit": "unit run 0",
    "concept": "concept run red",
    "compare": f"compare FILE {LEVEL} {ON_SET} --out out",
    "conventions": f"conventions FILE {ON_SET} --out out",
    "export": "export run --out x.csv",
    "prune": "prune FILE --keep 0.5 --out small.safetensors",
    "audit": "audit FILE",
    "chance": "chance run --concepts broden:set",
    "report": "report run",
    "merge": "merge run run --out out",
    "instability": "instability run --at 0it --out out",
    "schema": "schema",
    "concepts list": "concepts list",
    "concepts check": "concepts check masks:run",
    "concepts preview": "concepts preview broden:run --out out",
    "concepts convert": "concepts convert masks:run --out set2",
    "concepts segment": (
        "concepts segment set/images --model torchvision:lraspp_mobilenet_v3_large "
        "--weights FILE --out set3"
    ),
    "push": "push FILE me/shared",
    "pull": "pull me/shared --out run",
    "concepts download": "concepts download broden --out set2 --from run",
}
"""One line for each command, with what is hostile in place of FILE or `run`."""

ALSO = (
    f"audit {LEVEL}",
    "audit run",
    f"dissect {LEVEL} --list-layers",
    f"dissect {LEVEL} {ON_SET}",
    f"evaluate {LEVEL} --data set/images",
    f"evaluate FILE {LEVEL} --data set/images",
    f"compare {LEVEL} {LEVEL} --data set/images",
    f"compare {LEVEL} FILE {ON_SET}",
    f"summary {LEVEL}",
    f"prune {NETWORK} --weights FILE --num-classes 10 --keep 0.5 --out small.safetensors",
    f"evaluate {NETWORK} --weights FILE --num-classes 10 --data set/images --limit 2",
)


@pytest.fixture(scope="module")
def hostile(own_world: Path) -> Path:
    """The world of the bad inputs, in which every file that can names code as its network."""
    root = own_world
    (root / "factories.py").write_text(FACTORIES)
    facts = {"name": CODE, "num_classes": 10, "mean": None, "std": None, "resolution": None}
    for path in (*root.glob("run/**/weights.safetensors"), root / "small.safetensors"):
        state = load_tensors(path if path.is_file() else root / LEVEL / "weights.safetensors")
        save_tensors(path, state, {"network": json.dumps(facts)})
    study = root / "run" / "study.yaml"
    recipe = yaml.safe_load(study.read_text())
    study.write_text(yaml.safe_dump(recipe | {"network": CODE}))
    return root


@pytest.fixture
def here(hostile: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(hostile)
    monkeypatch.setattr(huggingface_hub, "get_token", lambda: None)  # whoever runs this
    monkeypatch.setenv("PRUNESCOPE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.delitem(sys.modules, "factories", raising=False)
    return hostile


@pytest.mark.parametrize("line", [*COMMANDS.values(), *ALSO])
def test_no_command_runs_code_that_a_file_names(
    prunescope: Prunescope, here: Path, tmp_path: Path, line: str
) -> None:
    line = line.replace("FILE", "small.safetensors").replace("--out x", f"--out {tmp_path}/x")
    line = line.replace("--out out", f"--out {tmp_path}/out")
    line = line.replace("--out small", f"--out {tmp_path}/small")
    ended = prunescope(*shlex.split(line))
    told = ended.out + ended.err
    assert ended.status in (0, 2), told
    assert "Traceback" not in told
    assert not (here / "imported").exists(), told
    assert not (here / "marker").exists(), told


def test_every_command_is_walked() -> None:
    assert set(COMMANDS) == {name for name, _ in every_command()}


@pytest.mark.parametrize(
    ("line", "cure"),
    [
        ("evaluate FILE --data set/images", "--weights"),
        (f"evaluate FILE {LEVEL} --data set/images", "--network"),
        ("ablate FILE --layer layer3 --unit 1 --data set/images", "--weights"),
        (f"dissect FILE {ON_SET}", "--weights"),
        (f"conventions FILE {ON_SET}", "--weights"),
        ("prune FILE --keep 0.5 --out o.safetensors", "--weights"),
        (f"compare FILE {LEVEL} {ON_SET}", "--network"),
    ],
)
def test_the_refusal_says_how_to_name_the_code_oneself(
    prunescope: Prunescope, here: Path, line: str, cure: str
) -> None:
    ended = prunescope(*shlex.split(line.replace("FILE", "small.safetensors")))
    assert ended.status == 2
    assert CODE in ended.err
    assert "must not choose what is run" in ended.err
    assert cure in ended.err


def test_audit_counts_what_it_can_and_says_what_it_did_not_call(
    prunescope: Prunescope, here: Path
) -> None:
    for line in ("audit small.safetensors", "audit run"):
        ended = prunescope(*line.split())
        assert ended.status == 0, ended.err
        assert "--network" in ended.out
    values = json.loads(prunescope("audit", "small.safetensors", "--json").out)
    assert values["network"] is None
    assert values["multiply_adds"] is None
    assert values["nonzero"] > 0


@pytest.mark.parametrize("line", ["audit small.safetensors", "audit run"])
def test_code_that_the_user_names_is_called(prunescope: Prunescope, here: Path, line: str) -> None:
    try:
        prunescope(*line.split(), "--network", CODE)
        assert (here / "marker").exists()
    finally:
        for name in ("marker", "imported"):
            (here / name).unlink(missing_ok=True)
