"""Do images come to their size as torchvision's own transforms bring them there?"""

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError
from torchvision.transforms import functional

from prunescope.data.settings import CentreCrop
from prunescope.data.sizing import Box, Sizing, resized_crop

BILINEAR = functional.InterpolationMode.BILINEAR


def noise(height, width):
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


@pytest.mark.parametrize("shape", [(40, 61), (61, 40), (33, 33), (16, 90), (16, 16)])
@pytest.mark.parametrize(("resize", "crop"), [(16, 16), (16, 13), (37, 32)])
def test_a_centre_crop_is_torchvisions_pixel_by_pixel(shape, resize, crop):
    image = noise(*shape)
    theirs = functional.center_crop(functional.resize(image, resize, BILINEAR), crop)
    ours = Sizing(resolution=crop, shorter_side=resize).apply(image)
    assert np.array_equal(np.asarray(ours), np.asarray(theirs))


def test_an_image_of_the_size_already_is_untouched():
    image = noise(16, 16)
    assert Sizing(resolution=16).apply(image) is image
    assert Sizing().apply(image) is image


@pytest.mark.parametrize("size", [(8, 8), (6, 9), (20, 20)])
def test_a_resized_crop_is_torchvisions_pixel_by_pixel(size):
    image = noise(23, 31)
    theirs = functional.resized_crop(image, 4, 7, 11, 17, list(size), BILINEAR)
    ours = resized_crop(image, Box(left=7, top=4, width=17, height=11), size)
    assert np.array_equal(np.asarray(ours), np.asarray(theirs))


def test_a_crop_larger_than_what_it_is_cut_from_is_refused():
    with pytest.raises(ValidationError, match="crop of 32 pixels does not fit a shorter side"):
        CentreCrop(resize=31, crop=32)
