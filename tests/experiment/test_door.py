"""Is what looks sound but cannot be looked at, pruned or measured told at the door?"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.nn.utils import prune as torch_prune

import prunescope as ps
from experiment.wrong_calls import SEEN, network
from prunescope.base.errors import ConfigError, DataError

FORMATS = ("png", "jpg", "pgm", "pbm", "ppm", "gif", "bmp", "tif", "webp", "jp2")


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Ten classes of a picture of each format, but of what Pillow cannot write here."""
    noise = np.random.default_rng(0).integers(0, 256, (32, 32), np.uint8)
    for number in range(10):
        folder = tmp_path / "pictures" / "val" / str(number)
        folder.mkdir(parents=True)
        for suffix in FORMATS:
            Image.fromarray(noise).convert("1" if suffix == "pbm" else "L").save(
                folder / f"{suffix}.{suffix}"
            )
    return tmp_path / "pictures"


def test_pictures_of_every_usual_format_are_measured(pictures: Path) -> None:
    found = ps.evaluate(network(), pictures, split="val", **SEEN)
    assert found.images == 10 * len(FORMATS)


CALLS: dict[str, Callable[..., object]] = {
    "evaluate": lambda side, folder: ps.evaluate(
        network(), folder, split="val", **{**SEEN, "resolution": side}
    ),
    "list_layers": lambda side, _: ps.list_layers(network(), resolution=side),
    "audit": lambda side, _: ps.audit("w.pth", network="cifar_resnet20", resolution=side),
    "dissect": lambda side, _: ps.dissect(
        network(), "layer3", "scenes", **{**SEEN, "resolution": side}
    ),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("side", [10**6, 16_385, 0, -1, True, 2.5, "32"])
def test_a_resolution_that_no_image_has_is_refused(
    tmp_path: Path, call: Callable[..., object], side: object
) -> None:
    with pytest.raises(ConfigError, match="resolution"):
        call(side, tmp_path)


def test_a_network_that_answers_with_nan_has_no_accuracy(pictures: Path) -> None:
    damaged = network()
    damaged.bn1.running_var.fill_(-1)
    with pytest.raises(DataError, match=r"answers with nan.*variance below 0"):
        ps.evaluate(damaged, pictures, split="val", **SEEN)


@pytest.mark.parametrize(
    "error", [KeyError("side"), ZeroDivisionError(), MemoryError(), SystemExit(3), Exception("x")]
)
def test_whatever_a_network_raises_is_told_in_a_line(pictures: Path, error: BaseException) -> None:
    class Raising(nn.Conv2d):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            raise error

    raising = nn.Sequential(Raising(3, 10, 1))
    words = "more memory" if isinstance(error, MemoryError) else type(error).__name__
    for call in (
        lambda: ps.evaluate(raising, pictures, split="val", **SEEN),
        lambda: ps.list_layers(raising, resolution=32),
        lambda: ps.dissect(raising, "0", "scenes", **SEEN, limit=2),
    ):
        with pytest.raises(ConfigError, match=f"^Sequential .*{words}"):
            call()


@pytest.mark.parametrize("channels", [2, 4, 5])
def test_a_network_of_other_channels_is_told_what_can_show_them(channels: int) -> None:
    other = nn.Sequential(nn.Conv2d(channels, 8, 3))
    values = {"mean": (0.5,) * channels, "std": (0.5,) * channels}
    words = f"a concept set of your own can show, whose images have {channels} channels"
    with pytest.raises(ConfigError, match=words):
        ps.dissect(other, "0", "scenes", resolution=32, **values, limit=2)


@pytest.mark.parametrize(("layer", "name"), [("linear", "bias"), ("bn1", "weight")])
def test_a_mask_of_what_is_never_pruned_says_so(layer: str, name: str) -> None:
    pruned = network()
    torch_prune.l1_unstructured(pruned.get_submodule(layer), name, 1)
    kept = {f"{layer}.{name}": getattr(pruned.get_submodule(layer), f"{name}_mask")}
    with pytest.raises(ConfigError, match=rf"{layer}.{name} is pruned already, but is no weight"):
        ps.prune(network(), keep=0.5, mask=kept)
