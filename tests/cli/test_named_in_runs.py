"""Is code that a run folder names called only where the user names it, too?"""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

NETS = """
from torch import nn

def grey(num_classes: int = 3, width: int = 8) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(),
        nn.Conv2d(width, width, 3, stride=2, padding=1), nn.BatchNorm2d(width), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, num_classes),
    )
"""


def grey_recipe(root: Path, drawn: Path) -> dict:
    return {
        "name": "grey",
        "network": "greynets:grey,width=8",
        "data": {
            "source": str(root / "pictures"),
            "test_split": "val",
            "mean": [0.5],
            "std": [0.25],
        },
        "training": {"to": "2ep", "batch_size": 8, "learning_rate": 0.1, "weight_decay": 0},
        "pruning": {"rewind_to": "1it", "strategies": {"lottery": {"fraction": 0.5, "levels": 1}}},
        "concepts": {"source": f"broden:{drawn}", "split": "val", "limit": 10},
        "dissection": {"layers": ["5"], "quantile": 0.02, "resolution": 16},
    }


def save_grey(path: Path, level: int, rng: np.random.Generator) -> None:
    """A picture of 16 bits, all of whose values are far above 255."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = rng.integers(0, 4_000, (16, 16))
    Image.fromarray((level + noise).astype(np.uint16)).save(path)


@pytest.fixture
def world(tmp_path: Path, drawn: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in: the network's file, three classes told by brightness, and a recipe."""
    (tmp_path / "greynets.py").write_text(NETS)
    rng = np.random.default_rng(0)
    for split, count in (("train", 16), ("val", 4)):
        for name, level in (("bright", 50_000), ("dark", 2_000), ("middle", 25_000)):
            for number in range(count):
                save_grey(tmp_path / "pictures" / split / name / f"{number}.png", level, rng)
    recipe = grey_recipe(tmp_path, drawn)
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield tmp_path
    sys.modules.pop("greynets", None)


def test_a_run_of_a_function_is_audited_and_compared_and_calls_it_only_where_it_is_named(
    prunescope, world
):
    assert prunescope("run", "recipe.yaml", "--out", "R", "--workers", 1).status == 0
    level = "R/replicate-0/lottery/level-01"
    with (world / "greynets.py").open("a") as nets:
        nets.write("\nimport pathlib; pathlib.Path('called').touch()\n")
    sys.modules.pop("greynets", None)
    counted = prunescope("audit", "R", "--json")
    assert counted.status == 0, counted.err
    assert "greynets:grey" in json.dumps(json.loads(counted.out))
    refused = prunescope("evaluate", level, "--data", "pictures")
    assert refused.status == 2
    assert "greynets:grey" in refused.err
    assert not Path("called").exists()
    named = prunescope("audit", "R", "--network", "greynets:grey,width=8", "--json")
    assert named.status == 0, named.err
    assert Path("called").exists()
    common = ("--mean", 0.5, "--std", 0.25)
    weights = ("greynets:grey,width=8", "--weights", f"{level}/weights.safetensors")
    measured = prunescope("evaluate", *weights, "--num-classes", 3, "--data", "pictures", *common)
    assert measured.status == 0, measured.err
    assert prunescope("compare", "R/replicate-0/level-00", level).status == 0
