"""Are a unit's masks on any pictures those that its dissection counted?"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from prunescope import dissect
from prunescope.base.errors import ConfigError, DataError
from prunescope.imaging.network_input import NetworkInput
from prunescope.imaging.pictures import each_picture
from prunescope.results.dissection import LayerDissection

FORM = {"resolution": 4, "mean": (0.1, 0.2, 0.3), "std": (0.5, 1.0, 0.25)}
RED, GREEN, DARK = 0, 1, 2


@pytest.fixture
def layer(eye, painted) -> LayerDissection:
    return dissect(eye, "colours", painted, **FORM, quantile=0.1)["colours"]


def test_on_the_sets_own_pictures_they_have_the_pixels_that_were_counted(layer, eye, painted):
    masks = layer.masks(eye, painted.pictures, [RED, GREEN, DARK])
    assert [mask.shape for mask in masks] == [(3, 4, 4)] * 4
    carries = np.array([[(a.planes == 3).any(axis=0)] for a in painted.annotations])
    meeting = sum((mask & red).sum(axis=(1, 2)) for mask, red in zip(masks, carries, strict=True))
    assert meeting.tolist() == layer.overlap.intersection[:, 0].tolist()
    assert meeting[RED] == 5
    colour = layer.overlap.categories.index("color")
    counted = sum(mask.sum(axis=(1, 2)) for mask in masks[:4])
    assert counted.tolist() == layer.overlap.activation[:, colour].tolist()


@pytest.mark.parametrize("channels_last", [False, True])
def test_the_network_looks_in_the_memory_format_of_the_dissection(eye, painted, channels_last):
    form = {**FORM, "quantile": 0.1, "arithmetic": "plain", "channels_last": channels_last}
    found = dissect(eye, "colours", painted, **form)
    seen = []
    eye.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    found["colours"].masks(eye, painted.pictures, RED)
    assert {batch.stride(1) for batch in seen if batch.any()} == {1 if channels_last else 4 * 4}


def test_units_come_in_the_order_asked_for(layer, eye, painted):
    [both] = layer.masks(eye, painted.pictures[0], [GREEN, RED])
    [red] = layer.masks(eye, painted.pictures[0], RED)
    assert red.shape == (1, 4, 4)
    assert (both[1] == red[0]).all()
    assert not both[0].any()


def test_a_file_an_image_an_array_and_a_tensor_of_one_picture_give_one_mask(
    layer, eye, painted, tmp_path
):
    array = painted.pictures[0]
    tensor = torch.from_numpy(array.copy()).permute(2, 0, 1)
    Image.fromarray(array).save(tmp_path / "a.png")
    forms = [
        tmp_path / "a.png",
        str(tmp_path / "a.png"),
        Image.fromarray(array),
        Image.fromarray(array).convert("RGBA"),
        array,
        tensor,
        tensor / 255,
    ]
    masks = layer.masks(eye, forms, RED)
    assert all((mask == masks[0]).all() for mask in masks)
    for batch in (array[None], tensor[None], iter([array])):
        [mask] = layer.masks(eye, batch, RED)
        assert (mask == masks[0]).all()


def test_a_mask_has_its_pictures_own_size_or_the_one_asked_for(layer, eye):
    small, wide = Image.new("RGB", (8, 6), "red"), Image.new("L", (10, 4))
    masks = layer.masks(eye, [small, wide], RED, batch_size=1)
    assert [mask.shape for mask in masks] == [(1, 6, 8), (1, 4, 10)]
    assert not masks[1].any()
    [mask] = layer.masks(eye, small, RED, size=(3, 5))
    assert mask.shape == (1, 3, 5)
    assert mask.dtype == bool


def test_a_photograph_is_turned_upright(layer, eye, tmp_path):
    photograph = Image.new("RGB", (8, 4))
    exif = photograph.getexif()
    exif[0x0112] = 6
    photograph.save(tmp_path / "a.png", exif=exif)
    assert layer.masks(eye, tmp_path / "a.png", RED)[0].shape == (1, 8, 4)


@dataclass(frozen=True)
class LoadedEye:
    """A network as `prunescope.load` returns one."""

    module: torch.nn.Module
    input: NetworkInput | None


def test_what_knows_its_input_need_not_be_told(layer, eye, painted):
    loaded = LoadedEye(module=eye, input=NetworkInput(**FORM))
    found = dissect(loaded, "colours", painted, quantile=0.1)["colours"]
    assert found.summary["input"] == layer.summary["input"]
    assert np.array_equal(found.overlap.thresholds, layer.overlap.thresholds)
    masks = layer.masks(loaded, painted.pictures, RED)
    assert all((a == b).all() for a, b in zip(masks, layer.masks(eye, painted.pictures, RED)))  # noqa: B905
    with pytest.raises(ConfigError, match="is not known"):
        dissect(LoadedEye(module=eye, input=None), "colours", painted)


@pytest.mark.parametrize(
    ("pictures", "words"),
    [
        (np.zeros((4, 4, 3)), "array of float64"),
        (np.zeros((4, 4, 4), np.uint8), r"\(4, 4, 4\)"),
        (np.zeros((0, 4, 3), np.uint8), r"\(0, 4, 3\)"),
        (torch.zeros(4, 4, 3), r"tensor of shape \(4, 4, 3\)"),
        (torch.full((3, 4, 4), 1.5), "before it is normalised"),
        (torch.full((3, 4, 4), float("nan")), "before it is normalised"),
    ],
)
def test_what_is_no_picture_is_refused(layer, eye, pictures, words):
    with pytest.raises(ConfigError, match=words):
        layer.masks(eye, pictures, RED)


@pytest.mark.parametrize(
    ("pictures", "words"), [(5, "the pictures are an int"), ([5], "picture 0 is an int")]
)
def test_another_kind_of_thing_is_refused(pictures, words):
    with pytest.raises(ConfigError, match=words):
        list(each_picture(pictures))


def test_a_file_that_cannot_be_read_is_named(layer, eye, tmp_path):
    with pytest.raises(DataError, match=r"absent\.png"):
        layer.masks(eye, [tmp_path / "absent.png"], RED)


@pytest.mark.parametrize(
    ("units", "words"), [(3, "unit 3 is asked for"), (-1, "unit -1"), ([], "no unit")]
)
def test_units_that_are_not_there_are_refused(layer, eye, units, words):
    with pytest.raises(ConfigError, match=words):
        layer.masks(eye, np.zeros((4, 4, 3), np.uint8), units)


def test_another_network_is_refused(layer, eye):
    picture = np.zeros((4, 4, 3), np.uint8)
    with pytest.raises(ConfigError, match="colours"):
        layer.masks(torch.nn.Sequential(torch.nn.Conv2d(3, 2, 1)), picture, RED)
    eye.colours = torch.nn.Conv2d(3, 2, 1)
    with pytest.raises(ConfigError, match="has 2 units, but unit 2"):
        layer.masks(eye, picture, DARK)
    with pytest.raises(ConfigError, match="size is"):
        layer.masks(eye, picture, RED, size=(0, 4))


def test_the_model_comes_back_as_it_was(layer, eye):
    eye.train()
    layer.masks(eye, np.zeros((4, 4, 3), np.uint8), RED)
    assert eye.training
    assert not eye.colours._forward_hooks


def test_no_pictures_give_no_masks(layer, eye, tmp_path: Path):
    assert layer.masks(eye, [], RED) == []
