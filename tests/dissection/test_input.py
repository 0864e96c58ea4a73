"""Does a photograph reach the network as METHOD section 2 says?"""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torchvision
from torch import nn

from prunescope.base.errors import ConfigError
from prunescope.dissection.input import InputForm, input_of, normalise, read_pixels


class _OfTimm(nn.Module):
    __module__ = "timm.models.anything"
    pretrained_cfg = {"mean": (0.5, 0.5, 0.5), "std": [0.2, 0.2, 0.2], "input_size": (3, 288, 288)}  # noqa: RUF012


def test_a_torchvision_network_takes_imagenet_at_224():
    form = input_of(torchvision.models.squeezenet1_1())
    assert form == InputForm(resolution=224, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))


def test_a_timm_network_takes_what_it_states():
    form = input_of(_OfTimm())
    assert form == InputForm(resolution=288, mean=(0.5, 0.5, 0.5), std=(0.2, 0.2, 0.2))


def test_what_is_given_comes_before_what_is_known():
    form = input_of(torchvision.models.squeezenet1_1(), resolution=64, mean=(0.0, 0.0, 0.0))
    assert form == InputForm(resolution=64, mean=(0.0, 0.0, 0.0), std=(0.229, 0.224, 0.225))


def test_an_unknown_network_asks_for_what_is_missing(eye):
    with pytest.raises(ConfigError, match=r"Eye.*--resolution --mean --std"):
        input_of(eye)
    with pytest.raises(ConfigError, match="give std "):
        input_of(eye, resolution=4, mean=(0.5, 0.5, 0.5))


def test_images_of_the_right_size_are_untouched(painted):
    pixels = read_pixels(painted, range(1, 3), 4)
    assert np.array_equal(pixels, np.stack(painted.pictures[1:3]))


def test_images_are_squashed_whole_with_antialiasing(painted):
    wide = np.zeros((8, 16, 3), np.uint8)
    wide[:, 8:] = 255
    pixels = read_pixels(replace(painted, pictures=(wide,)), [0], 4)
    assert pixels.shape == (1, 4, 4, 3)
    assert pixels[0, 0, 0].tolist() == [0, 0, 0]
    assert pixels[0, 3, 3].tolist() == [255, 255, 255]
    assert 0 < pixels[0, 0, 1, 0] < pixels[0, 0, 2, 0] < 255  # plain bilinear would skip pixels


def test_normalised_pixels_are_less_the_mean_over_the_std():
    form = InputForm(resolution=1, mean=(0.0, 0.5, 1.0), std=(1.0, 0.5, 0.5))
    pixels = np.array([[[[255, 255, 51]]]], np.uint8)
    batch = normalise(pixels, form, torch.device("cpu"))
    torch.testing.assert_close(batch, torch.tensor([1.0, 1.0, -1.6])[None, :, None, None])
