"""Do images come to their size as torchvision's own transforms bring them there?"""

import numpy as np
import pytest
from PIL import Image
from torchvision.transforms import functional

from prunescope.imaging.sizing import Box, Sizing, resized_crop

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
    assert np.array_equal(ours, np.asarray(theirs))


def test_an_image_of_the_size_already_is_untouched():
    image = noise(16, 16)
    for sizing in (Sizing(resolution=16), Sizing(), Sizing(resolution=16, shorter_side=16)):
        assert np.array_equal(sizing.apply(image), np.asarray(image))


def test_a_wide_image_is_squashed_whole_with_antialiasing():
    wide = np.zeros((8, 16, 3), np.uint8)
    wide[:, 8:] = 255
    pixels = Sizing(resolution=4).apply(Image.fromarray(wide))
    assert pixels.shape == (4, 4, 3)
    assert pixels[0, 0].tolist() == [0, 0, 0]
    assert pixels[3, 3].tolist() == [255, 255, 255]
    assert 0 < pixels[0, 1, 0] < pixels[0, 2, 0] < 255  # plain bilinear would skip pixels


def test_the_channel_of_a_grey_image_is_an_axis_too():
    assert Sizing(resolution=3).apply(noise(5, 7).convert("L")).shape == (3, 3, 1)


@pytest.mark.parametrize("size", [(8, 8), (6, 9), (20, 20)])
def test_a_resized_crop_is_torchvisions_pixel_by_pixel(size):
    image = noise(23, 31)
    theirs = functional.resized_crop(image, 4, 7, 11, 17, list(size), BILINEAR)
    ours = resized_crop(image, Box(left=7, top=4, width=17, height=11), size)
    assert np.array_equal(ours, np.asarray(theirs))
