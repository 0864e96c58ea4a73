"""Do pixels become the numbers of the formula, and grey ones luminance?"""

import numpy as np
import pytest
import torch
from PIL import Image

from prunescope.base.errors import ConfigError
from prunescope.imaging.network_input import Normalisation
from prunescope.imaging.normalise import normalise, with_channels


def test_normalisation_is_that_of_the_formula_bit_for_bit():
    pixels = torch.arange(256, dtype=torch.uint8).view(1, 16, 16, 1).expand(2, 16, 16, 3)
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    found = normalise(pixels, Normalisation(mean=mean, std=std))
    nchw = pixels.permute(0, 3, 1, 2).float() / 255
    expected = (nchw - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1)
    assert torch.equal(found, expected)
    last = normalise(pixels, Normalisation(mean=mean, std=std), channels_last=True)
    assert torch.equal(last, expected)
    assert last.is_contiguous(memory_format=torch.channels_last)


def test_normalised_pixels_are_less_the_mean_over_the_std():
    normalisation = Normalisation(mean=(0.0, 0.5, 1.0), std=(1.0, 0.5, 0.5))
    pixels = torch.tensor([[[[255, 255, 51]]]], dtype=torch.uint8)
    batch = normalise(pixels, normalisation)
    torch.testing.assert_close(batch, torch.tensor([1.0, 1.0, -1.6])[None, :, None, None])


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
