"""In which order, and how altered, does an epoch show the images?"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64, UInt8
from pydantic import NonNegativeInt
from torch import Tensor
from torch.nn import functional

from prunescope.base.errors import ConfigError
from prunescope.base.images import Channels
from prunescope.base.seeding import torch_generator
from prunescope.base.settings import Settings
from prunescope.data.images import LabelledImages


@dataclass(frozen=True, kw_only=True)
class Normalisation:
    """Per colour (R, G, B): x in [0, 1] becomes (x - mean) / std."""

    mean: Channels
    std: Channels

    def __post_init__(self) -> None:
        finite = all(map(math.isfinite, (*self.mean, *self.std)))
        if not (finite and len(self.mean) == len(self.std) == 3 and min(self.std) > 0):
            raise ConfigError(
                f"mean {self.mean} and std {self.std} must be three numbers each, std above 0"
            )


class Augmentation(Settings):
    """How training images are altered, anew in every epoch.

    pad: pixels of black on every side before a window of the image's size is cut at random.
    flip: mirror left and right with probability 1/2.
    """

    pad: NonNegativeInt = 0
    flip: bool = False


@dataclass(frozen=True, kw_only=True)
class Draws:
    """Where an epoch cuts each image of the set and whether it mirrors it, by image number.

    left, top: pixels from the padded image's corner to the window's, 0 to 2 pad.
    """

    left: Int64[Tensor, " image"]
    top: Int64[Tensor, " image"]
    mirrored: Bool[Tensor, " image"]

    def of(self, numbers: Int64[Tensor, " chosen"]) -> "Draws":
        """Return the draws of these images alone, in this order."""
        left, top = self.left[numbers], self.top[numbers]
        return Draws(left=left, top=top, mirrored=self.mirrored[numbers])


def epoch_order(count: int, seed: int, epoch: int) -> Int64[Tensor, " image"]:
    """Return the images' numbers in the order an epoch shows them: a permutation, every time anew.

    A pure function of its arguments.
    """
    return torch.randperm(count, generator=torch_generator(seed, "order", epoch))


def draw_augmentation(count: int, augmentation: Augmentation, seed: int, epoch: int) -> Draws:
    """Draw for every image of the set at once, so that neither order nor batch size matters."""
    generator = torch_generator(seed, "augmentation", epoch)
    places = 2 * augmentation.pad + 1
    left = torch.randint(places, (count,), generator=generator)
    top = torch.randint(places, (count,), generator=generator)
    coin = torch.randint(2, (count,), generator=generator).bool()
    mirrored = coin if augmentation.flip else torch.zeros(count, dtype=torch.bool)
    return Draws(left=left, top=top, mirrored=mirrored)


def batches(
    images: LabelledImages,
    *,
    batch_size: int,
    normalisation: Normalisation,
    order: Int64[Tensor, " chosen"],
    augmentation: Augmentation | None = None,
    seed: int = 0,
    epoch: int = 0,
    first_batch: int = 0,
    channels_last: bool = False,
) -> Iterator[tuple[Float[Tensor, "image 3 height width"], Int64[Tensor, " image"]]]:
    """Yield the batches of an epoch with their labels; the last one may be smaller.

    order: numbers of the images to show, see `epoch_order`.
    first_batch: batches to leave out at the start; the rest are those of the whole epoch.
    channels_last: give batches torch's channels_last memory format, which costs nothing here.
    Raises ConfigError for a batch size below 1, a negative first batch, an order that names
    images which are not there, or a pad as large as the images.
    """
    augmentation = augmentation or Augmentation()
    _check(images, batch_size, order, augmentation, first_batch)
    draws = draw_augmentation(len(images), augmentation, seed, epoch)
    starts = range(first_batch * batch_size, len(order), batch_size)
    chosen = (order[start : start + batch_size] for start in starts)
    return (
        (
            normalise(
                cut_and_mirror(images.pixels[numbers], augmentation.pad, draws.of(numbers)),
                normalisation,
                channels_last=channels_last,
            ),
            images.labels[numbers],
        )
        for numbers in chosen
    )


def cut_and_mirror(
    pixels: UInt8[Tensor, "image height width 3"], pad: int, draws: Draws
) -> UInt8[Tensor, "image height width 3"]:
    """Pad with zeros, cut each image's window, mirror those drawn."""
    if pad:
        pixels = _cut(functional.pad(pixels, (0, 0, pad, pad, pad, pad)), pad, draws)
    return torch.where(draws.mirrored[:, None, None, None], pixels.flip(2), pixels)


def normalise(
    pixels: UInt8[Tensor, "image height width 3"],
    normalisation: Normalisation,
    *,
    channels_last: bool = False,
) -> Float[Tensor, "image 3 height width"]:
    """Return (x / 255 - mean) / std in float32, colours first."""
    width = pixels.shape[2]
    # A whole row at a time: twice as fast as broadcasting over three colours.
    mean = torch.tensor(normalisation.mean).repeat(width)
    std = torch.tensor(normalisation.std).repeat(width)
    rows = pixels.flatten(2).float().div_(255).sub_(mean).div_(std)
    images = rows.view(pixels.shape).permute(0, 3, 1, 2)
    return images if channels_last else images.contiguous()


def _check(
    images: LabelledImages,
    batch_size: int,
    order: Int64[Tensor, " chosen"],
    augmentation: Augmentation,
    first_batch: int,
) -> None:
    if batch_size < 1 or first_batch < 0:
        raise ConfigError(
            f"batches need a size of at least 1 and a first one from 0, "
            f"not {batch_size} and {first_batch}"
        )
    if len(order) and not 0 <= int(order.min()) <= int(order.max()) < len(images):
        raise ConfigError(f"the order names images that are not among the {len(images)} there are")
    side = min(images.pixels.shape[1:3])
    if augmentation.pad >= side:
        raise ConfigError(
            f"augmentation.pad is {augmentation.pad}, but must be below the images' side of "
            f"{side} pixels: a window could else miss the image"
        )


def _cut(
    padded: UInt8[Tensor, "image tall wide 3"], pad: int, draws: Draws
) -> UInt8[Tensor, "image height width 3"]:
    count, tall, wide, _ = padded.shape
    height, width = tall - 2 * pad, wide - 2 * pad
    windows = padded.flatten(2).unfold(2, 3 * width, 3)  # image, row, left, the row's pixels
    image = torch.arange(count)[:, None]
    row = draws.top[:, None] + torch.arange(height)
    return windows[image, row, draws.left[:, None]].view(count, height, width, 3)
