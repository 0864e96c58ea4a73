"""How many channels does a network take, and how do pictures come to have as many?"""

import torch
from jaxtyping import UInt8
from torch import Tensor, nn

from prunescope.base.errors import ConfigError
from prunescope.base.text import counted

COLOURS = 3
_FEW = 4  # a first convolution with more stands behind something that rearranges pixels
_RED, _GREEN, _BLUE, _HALF = 19595, 38470, 7471, 1 << 15  # of 2^16, as Pillow weighs them


def with_channels(
    pixels: UInt8[Tensor, "image height width band"], channels: int
) -> UInt8[Tensor, "image height width channel"]:
    """Return pictures with so many channels: as they are, or their luminance for one.

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


def channels_taken(model: nn.Module) -> int:
    """Return how many channels a network takes, as its convolutions say; three if none does.

    It is three if any convolution takes three, else what the first takes, if at most four.
    """
    taken = _of_convolutions(model)
    return taken[0] if taken and COLOURS not in taken and taken[0] <= _FEW else COLOURS


def check_channels(model: nn.Module, channels: int) -> None:
    """Raise ConfigError where mean and std have another length than a picture has channels.

    Only few channels, in the first convolution, are sure to be a picture's.
    """
    taken = _of_convolutions(model)
    if taken and channels not in taken and taken[0] <= _FEW:
        raise ConfigError(
            f"mean and std have {_values(channels)}, but the first convolution of "
            f"{type(model).__name__} takes {taken[0]} channel{'s' if taken[0] > 1 else ''}: "
            f"give --mean and --std with {_values(taken[0])}{_beside_pictures(taken[0])}"
        )


def fits(model: nn.Module, channels: int) -> bool:
    """Return whether a network may take so many channels."""
    try:
        check_channels(model, channels)
    except ConfigError:
        return False
    return True


def _of_convolutions(model: nn.Module) -> list[int]:
    return [module.in_channels for module in model.modules() if isinstance(module, nn.Conv2d)]


def _beside_pictures(channels: int) -> str:
    if channels in (1, COLOURS):
        return ""
    return f", and a concept set of your own whose images have {channels} channels"


def _values(count: int) -> str:
    return "one value" if count == 1 else f"{counted(count, 'value')}"
