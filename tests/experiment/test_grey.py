"""Is a study of grey photographs of 16 bits, and a network of one channel, made as any other?"""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

import prunescope as ps
from prunescope.base.errors import DataError
from prunescope.base.progress import Progress
from prunescope.data.images import load_images
from runs import contents, tiny_recipe

CODE = """
from torch import nn


def build(num_classes=2):
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(4, num_classes),
    )


def seven():
    return build(7)
"""


@pytest.fixture
def here(drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with photographs of 16 bits in two classes, dark and light, and a recipe."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    Path("greynet.py").write_text(CODE)
    source = np.random.default_rng(0)
    for split in ("train", "val"):
        for name, brightness in (("dark", 10_000), ("light", 50_000)):
            folder = Path("grey") / split / name
            folder.mkdir(parents=True)
            for number in range(4):
                noise = source.integers(-2_000, 2_000, (32, 32))
                picture = Image.fromarray((brightness + noise).astype(np.uint16))
                picture.save(folder / f"{number}.png")
    recipe = tiny_recipe(drawn)
    recipe["network"] = "greynet:build"
    recipe["data"] = {"source": "grey", "test_split": "val", "mean": 0.5, "std": 0.25}
    recipe["training"] |= {"to": "2ep", "batch_size": 4, "milestones": []}
    recipe["pruning"] = {"rewind_to": "1ep", "strategies": {"lottery": {"levels": 1}}}
    recipe["dissection"] = {"layers": ["0"], "quantile": 0.02, "examples": 2}
    Path("recipe.yaml").write_text(yaml.safe_dump(recipe | {"replicates": 1}))
    yield tmp_path
    sys.modules.pop("greynet", None)


@pytest.mark.long
def test_grey_photographs_of_16_bits_are_trained_on_and_dissected(here: Path) -> None:
    run = ps.Study.load("recipe.yaml").run("out", workers=1)
    images = load_images("grey", "val")
    means = images.pixels.float().mean(dim=(1, 2, 3))  # type: ignore[attr-defined]
    # 10,000 and 50,000 of 65,535 are 38.9 and 194.6 of 255.
    assert np.allclose(means, [38.9] * 4 + [194.6] * 4, atol=1)
    level = here / "out/replicate-0/lottery/level-01"
    scored = ps.evaluate(
        ps.load("greynet:build", weights=level / "weights.safetensors"),
        "grey", split="val", mean=0.5, std=0.25,
    )  # fmt: skip
    assert scored.images == 8
    recorded = yaml.safe_load((level / "metrics.json").read_text())
    assert recorded["top1"] == scored.top1
    before = contents(run.path)
    assert len(pd.read_parquet(level / "dissection/0/units.parquet")) == 4
    ps.Study.load("recipe.yaml").run("out", workers=1)
    assert contents(run.path) == before


def test_another_number_of_outputs_is_told_before_a_picture_is_decoded(here: Path) -> None:
    for path in Path("grey").rglob("*.png"):
        path.write_bytes(b"no picture")
    network = ps.load("greynet:seven")
    with pytest.raises(DataError, match="has 7 outputs, but the data has 2 classes"):
        ps.evaluate(network, "grey", split="val", mean=0.5, std=0.25, resolution=32)
    changes = ["network=greynet:seven", "data.resolution=32"]
    with pytest.raises(DataError, match="has 7 outputs, but the data has 2 classes"):
        ps.Study.load("recipe.yaml", set=changes).run("out")
    assert not Path("out").exists()


class Saying(Progress):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, message: str) -> None:
        self.said.append(message)


@pytest.mark.long
def test_pictures_beside_the_splits_are_named_as_unused(here: Path) -> None:
    for name in ("extras", "notes"):
        (Path("grey") / name / "dark").mkdir(parents=True)
    (Path("grey") / "notes" / "dark" / "a.txt").write_text("no picture")
    Image.new("L", (32, 32)).save(Path("grey") / "extras" / "dark" / "0.png")
    evaluated, run = Saying(), Saying()
    network = ps.load("greynet:build")
    ps.evaluate(network, "grey", split="val", mean=0.5, std=0.25, progress=evaluated)
    ps.Study.load("recipe.yaml").dry_run("out", progress=run)
    for progress in (evaluated, run):
        (told,) = [said for said in progress.said if "beside" in said]
        assert told.endswith(
            "grey is read by its splits, train, val: the images in extras beside them are not used"
        )
