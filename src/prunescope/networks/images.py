"""Which images does a network take, so that it can be traced and tried?"""

import torch
from torch import Tensor, nn

from prunescope.base.errors import ConfigError
from prunescope.base.modes import in_mode
from prunescope.base.seeding import torch_generator
from prunescope.base.showing import show
from prunescope.networks.registry import module_input

SIDES = (32, 28, 64, 48, 96, 224, 128, 16, 40, 56, 80, 112, 160, 192, 240, 256, 299, 384, 512, 8)
"""Usual sides of images, in pixels, in the order in which they are tried."""
_IMAGES, _CHEAP = 2, 64
ImageSize = int | tuple[int, int]
"""The side of a square image in pixels, or height and width of any image."""


def height_and_width(size: ImageSize) -> tuple[int, int]:
    """Return both of an image's size."""
    return (size, size) if isinstance(size, int) else size


def image_channels(network: nn.Module) -> int:
    """Return how many channels the first convolution takes; 3 where there is none."""
    kinds = (nn.Conv2d,)
    return next((m.in_channels for m in network.modules() if isinstance(m, kinds)), 3)


def random_images(network: nn.Module, resolution: int | None = None) -> Tensor:
    """Return two random images that a network takes, always the same.

    network: in float32, on the CPU. resolution: the side in pixels that it is made for; None takes
        what is known of the network, else the first of SIDES that it takes. Of a network that also
        takes images of 64 pixels, which cost a twelfth of those of 224, they have this side.
    Raises ConfigError where it takes none.
    """
    expected = module_input(network)
    side = resolution or (expected.resolution if expected else None)
    channels = image_channels(network)
    sides = SIDES if side is None else dict.fromkeys((min(side, _CHEAP), side))
    with torch.no_grad(), in_mode(network, training=False):
        for tried in sides:
            images = _drawn(channels, tried)
            try:
                show(network, images)
            except ConfigError:
                if tried == side:
                    raise
                continue
            return images
    raise ConfigError(
        f"{type(network).__name__} takes no image of a usual size ({min(SIDES)} to {max(SIDES)} "
        "pixels): state the resolution"
    )


def _drawn(channels: int, side: int) -> Tensor:
    generator = torch_generator(0, "filters", "images")
    return torch.randn(_IMAGES, channels, side, side, generator=generator)
