"""Is a network shown as many channels as it takes, and grey by luminance?"""

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from prunescope.base.channels import channels_taken, check_channels, with_channels
from prunescope.base.errors import ConfigError


def test_luminance_is_that_of_pillow():
    pixels = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
    found = with_channels(torch.from_numpy(pixels), 1)
    expected = [np.asarray(Image.fromarray(image).convert("L")) for image in pixels]
    assert np.array_equal(found[..., 0].numpy(), np.stack(expected))


def test_grey_pictures_keep_their_values():
    grey = torch.arange(256, dtype=torch.uint8).view(1, 16, 16, 1)
    assert torch.equal(with_channels(grey.expand(1, 16, 16, 3).contiguous(), 1), grey)
    assert with_channels(grey, 1) is grey


@pytest.mark.parametrize(("bands", "channels"), [(3, 2), (3, 4), (1, 3), (4, 1)])
def test_channels_that_the_pictures_lack_are_refused(bands, channels):
    pixels = torch.zeros(1, 2, 2, bands, dtype=torch.uint8)
    with pytest.raises(ConfigError, match=rf"{channels} values?, but the pictures have {bands}"):
        with_channels(pixels, channels)


@pytest.mark.parametrize(
    ("convolutions", "channels"), [([1, 4], 1), ([3], 3), ([2, 3], 3), ([48, 64], 3), ([], 3)]
)
def test_a_network_takes_what_its_first_convolution_does(convolutions, channels):
    model = nn.Sequential(*(nn.Conv2d(count, 1, 1) for count in convolutions))
    assert channels_taken(model) == channels
    check_channels(model, channels)


@pytest.mark.parametrize(("taken", "channels"), [(1, 3), (3, 1), (4, 3)])
def test_mean_and_std_of_other_channels_are_refused(taken, channels):
    with pytest.raises(ConfigError, match=f"first convolution of Conv2d takes {taken} channel"):
        check_channels(nn.Conv2d(taken, 4, 3), channels)
