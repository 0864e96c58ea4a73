"""Is a study that cannot be carried out found out before anything is written?"""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from prunescope.base.errors import ConfigError, DataError
from prunescope.experiment.check import check_study
from prunescope.experiment.run import run_study
from prunescope.experiment.sources import Sources
from prunescope.recipe import Recipe

TinyStudy = Callable[..., Recipe]

_NETWORK = """
import torch
from torch import nn


class Picky(nn.Module):
    def __init__(self, side):
        super().__init__()
        self.side = side

    def forward(self, images):
        torch._assert(images.shape[-1] == self.side, "Wrong image width!")
        return images


def make(num_classes, side):
    return nn.Sequential(
        Picky(side),
        nn.Conv2d(3, 4, 3, padding=1),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4, num_classes),
    )


def normalise(num_classes):
    network = make(num_classes, side=32)
    network.insert(3, nn.BatchNorm2d(4))
    return network
"""


@pytest.fixture
def picky(
    values: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any]:
    """Settings of a network without batch normalisation that takes images of one side only."""
    (tmp_path / "picky_network.py").write_text(_NETWORK)
    monkeypatch.chdir(tmp_path)
    return {
        "network": "picky_network:make,side=32",
        "data": values["data"] | {"mean": (0.5, 0.5, 0.5), "std": (0.25, 0.25, 0.25)},
        "dissection": values["dissection"] | {"layers": ["1"]},
    }


def _check(study: Recipe) -> None:
    check_study(study, Sources(study))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"network": "cifar_resnet21"}, "cifar_resnet20"),
        ({"dissection": {"layers": ["layer9"]}}, r'did you mean "layer'),
        ({"dissection": {"layers": ["linear"]}}, "linear"),
        ({"dissection": {"layers": ["layer3"], "categories": ["objects"]}}, 'mean "object"'),
        (
            {"dissection": {"layers": ["layer3"], "quantile": 0.0007}},
            r'layer "layer3": 20 images x 8 x 8 are 1280 cells, too few .* at least 1429',
        ),
        ({"data": {"source": "nowhere/at/all"}}, "nowhere"),
        ({"concepts": {"source": "broden:nowhere"}}, "nowhere"),
        ({"pruning": {"rewind_to": "3ep", "strategies": {"lottery": {"levels": 1}}}}, "rewind_to"),
    ],
)
def test_a_study_that_cannot_be_carried_out_writes_nothing(
    tiny_study: TinyStudy, tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises((ConfigError, DataError), match=words):
        run_study(tiny_study(**changes), tmp_path / "run", workers=1)
    assert not (tmp_path / "run").exists()


def test_the_same_cells_are_enough_for_a_quantile_a_little_larger(tiny_study: TinyStudy) -> None:
    _check(tiny_study(dissection={"layers": ["layer3"], "quantile": 0.0008}))


@pytest.mark.parametrize(("pad", "words"), [(31, None), (32, "augmentation.pad is 32, .* of 32")])
def test_a_pad_as_large_as_the_images_is_refused(
    tiny_study: TinyStudy, values: dict[str, Any], pad: int, words: str | None
) -> None:
    study = tiny_study(training=values["training"] | {"augmentation": {"pad": pad}})
    if words is None:
        _check(study)
    else:
        with pytest.raises(ConfigError, match=words):
            _check(study)


def test_pruning_until_nothing_is_left_is_refused(tiny_study: TinyStudy) -> None:
    strategies = {"gentle": {"levels": 3}, "harsh": {"fraction": 0.99, "levels": 4}}
    study = tiny_study(pruning={"rewind_to": "1ep1it", "strategies": strategies})
    with pytest.raises(ConfigError, match="harsh leaves no weight at level 3"):
        _check(study)


@pytest.mark.parametrize(("side", "seen"), [(64, 32), (32, 64)])
def test_a_network_that_asserts_on_the_size_of_its_images_is_refused(
    tiny_study: TinyStudy, picky: dict[str, Any], side: int, seen: int
) -> None:
    """It is trained at 32 pixels and dissected at 64."""
    dissection = picky["dissection"] | {"resolution": 64}
    changes = picky | {"network": f"picky_network:make,side={side}", "dissection": dissection}
    with pytest.raises(ConfigError, match=f"1 x 3 x {seen} x {seen} .*: Wrong image width!"):
        _check(tiny_study(**changes))


@pytest.mark.parametrize("batch_size", [1, 13])
def test_a_batch_of_one_image_is_refused_where_the_network_fails_on_it_alone(
    tiny_study: TinyStudy, values: dict[str, Any], picky: dict[str, Any], batch_size: int
) -> None:
    """One normalises maps of 1 x 1, one of 8 x 8 at the least, one nothing."""
    training = values["training"] | {"batch_size": batch_size}
    _check(tiny_study(training=training))
    _check(tiny_study(training=training, **picky))
    normalising = picky | {"network": "picky_network:normalise"}
    words = f"batch_size is {batch_size}, .* one image of 40, .* more than 1 value per channel"
    with pytest.raises(ConfigError, match=words):
        _check(tiny_study(training=training, **normalising))
    _check(tiny_study(training=training | {"batch_size": 14}, **normalising))


@pytest.mark.slow
def test_a_network_that_passes_learns_from_a_batch_of_one_image(
    tiny_study: TinyStudy, values: dict[str, Any], tmp_path: Path
) -> None:
    study = tiny_study(
        training=values["training"] | {"batch_size": 39, "to": "1ep"},
        pruning={"rewind_to": "1it", "strategies": {"lottery": {"levels": 1}}},
        dissection=values["dissection"] | {"layers": ["layer3"]},
        replicates=1,
    )
    run_study(study, tmp_path / "run", workers=1)


@pytest.fixture
def spoilt(pictures: Path, tmp_path: Path) -> Path:
    """A concept set that a test may spoil; the photographs to train on lie elsewhere."""
    return Path(shutil.copytree(pictures, tmp_path / "spoilt"))


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def _shrink(path: Path) -> None:
    Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(path)


@pytest.mark.parametrize("spoil", [_truncate, _shrink, Path.unlink])
@pytest.mark.parametrize("kind", ["labels", "val"])
def test_a_damaged_label_map_or_picture_of_the_concepts_is_found_by_name(
    tiny_study: TinyStudy, spoilt: Path, tmp_path: Path, kind: str, spoil: Callable[[Path], None]
) -> None:
    study = tiny_study(concepts={"source": f"broden:{spoilt}", "split": "val"})
    rows = pd.read_csv(spoilt / "index.csv", dtype="string").query("split == 'val'")
    named = set(";".join(rows.stack().dropna()).split(";"))
    file = spoilt / "images" / max(name for name in named if name.startswith(f"{kind}/"))
    spoil(file)
    with pytest.raises(DataError, match=file.name):
        run_study(study, tmp_path / "run", workers=1)
    assert not (tmp_path / "run").exists()


def test_classes_that_are_tested_but_never_trained_on_are_refused(
    tiny_study: TinyStudy, values: dict[str, Any], pictures: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(pictures / "images", tmp_path / "copy"))
    shutil.rmtree(copy / "train" / "house")
    data = values["data"] | {"source": str(copy)}
    study = tiny_study(data=data)
    with pytest.raises(ConfigError, match=r"val has images of house, of which .* train .* none"):
        check_study(study, Sources(study))
    rest = sorted(folder.name for folder in (copy / "train").iterdir())
    fewer = tiny_study(data=data | {"classes": rest})
    check_study(fewer, Sources(fewer))
