"""How is a picture of any size resized to the size that a network expects?"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from prunescope.base.errors import ConfigError

_BILINEAR = Image.Resampling.BILINEAR  # Pillow's is antialiased


class Box(NamedTuple):
    """A part of an image, in whole pixels from its upper left corner."""

    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True, kw_only=True)
class Sizing:
    """How images are resized to one size, by antialiased bilinear resampling.

    resolution: side of the resulting square in pixels; None leaves images as they are.
    shorter_side: length in pixels, at least `resolution`, to which the shorter side is resized
        before the square is cut from the centre; None squashes the whole image.
    Raises ConfigError for a resolution below 1.
    """

    resolution: int | None = None
    shorter_side: int | None = None

    def __post_init__(self) -> None:
        if self.resolution is not None and self.resolution < 1:
            raise ConfigError(f"the resolution is {self.resolution}, but must be at least 1 pixel")

    def apply(self, image: Image.Image) -> UInt8[np.ndarray, "height width channel"]:
        """Return the pixels of the image at this size; unchanged if it has the size already."""
        if self.resolution is None:
            return pixels_of(image)
        if self.shorter_side is None:
            return pixels_of(_resize(image, (self.resolution, self.resolution)))
        return pixels_of(
            _cut_centre(resize_shorter_side(image, self.shorter_side), self.resolution)
        )


AS_STORED = Sizing()


def resized_crop(
    image: Image.Image, box: Box, size: tuple[int, int]
) -> UInt8[np.ndarray, "height width channel"]:
    """Crop a box from an image and resize it to (height, width) pixels."""
    left, top, width, height = box
    cut = image.crop((left, top, left + width, top + height))
    return pixels_of(_resize(cut, (size[1], size[0])))


def resize_shorter_side(image: Image.Image, length: int) -> Image.Image:
    """Resize the shorter side to a length in pixels; the longer one follows, rounded down."""
    width, height = image.size
    if width <= height:
        return _resize(image, (length, int(length * height / width)))
    return _resize(image, (int(length * width / height), length))


def pixels_of(image: Image.Image) -> UInt8[np.ndarray, "height width channel"]:
    """Return the pixels of an image; a grey one has an axis of one channel."""
    pixels = np.asarray(image)
    return pixels[:, :, np.newaxis] if pixels.ndim == 2 else pixels


def _cut_centre(image: Image.Image, side: int) -> Image.Image:
    """Crop the central square; half a pixel is rounded to the even corner."""
    width, height = image.size
    left, top = round((width - side) / 2), round((height - side) / 2)
    return image.crop((left, top, left + side, top + side))


def _resize(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    return image if image.size == size else image.resize(size, _BILINEAR)
