"""How do the pixels of pictures become the numbers that a network computes with?"""

import torch
from jaxtyping import Float32, UInt8
from torch import Tensor

from prunescope.base.errors import ConfigError
from prunescope.base.text import counted
from prunescope.imaging.network_input import Normalisation

COLOURS = 3
_RED, _GREEN, _BLUE, _HALF = 19595, 38470, 7471, 1 << 15  # of 2^16, as Pillow weighs them


def normalise(
    pixels: UInt8[Tensor, "image height width band"],
    normalisation: Normalisation,
    *,
    channels_last: bool = False,
) -> Float32[Tensor, "image channel height width"]:
    """Return (x / 255 - mean) / std in float32, channels first, on the device of the pixels.

    Pictures get as many channels as mean and std have values, see `with_channels`.
    channels_last: leave them last in memory, though not in the shape.
    """
    pixels = with_channels(pixels, len(normalisation.mean))
    width, device = pixels.shape[2], pixels.device
    # A whole row at a time: twice as fast as broadcasting over three colours.
    mean = torch.tensor(normalisation.mean, device=device).repeat(width)
    std = torch.tensor(normalisation.std, device=device).repeat(width)
    rows = pixels.flatten(2).float().div_(255).sub_(mean).div_(std)
    images = rows.view(pixels.shape).permute(0, 3, 1, 2)
    return images if channels_last else images.contiguous()


def with_channels(
    pixels: UInt8[Tensor, "image height width band"], channels: int
) -> UInt8[Tensor, "image height width channel"]:
    """Return pictures with this number of channels: as they are, or their luminance for one.

    Luminance is ITU-R 601's in Pillow's integers (mode L):
    (19595 R + 38470 G + 7471 B + 32768) // 65536. A grey picture keeps its values.
    Raises ConfigError for any other number than the pictures have.
    """
    bands = pixels.shape[-1]
    if channels == bands:
        return pixels
    if channels == 1 and bands == COLOURS:
        red, green, blue = pixels.int().unbind(-1)
        grey = (_RED * red + _GREEN * green + _BLUE * blue + _HALF) >> 16
        return grey.to(torch.uint8).unsqueeze(-1)
    raise ConfigError(
        f"mean and std have {counted(channels, 'value')}, but the pictures have "
        f"{counted(bands, 'channel')}: a network is shown red, green and blue, or their luminance "
        "where mean and std have one value; others only a concept set of your own can show, whose "
        f"images have {counted(channels, 'channel')}"
    )
