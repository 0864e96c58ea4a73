"""What does a network expect to see, as far as its library says?"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from prunescope.base.images import IMAGENET_MEAN, IMAGENET_STD, Channels


@dataclass(frozen=True, kw_only=True)
class NetworkInput:
    """What a network expects to see: RGB in [0, 1], normalised by mean and std, this many pixels.

    resolution: side of the square, in pixels.
    """

    mean: Channels
    std: Channels
    resolution: int


IMAGENET = NetworkInput(mean=IMAGENET_MEAN, std=IMAGENET_STD, resolution=224)
"""What torchvision's and timm's networks expect where nothing else is said."""


def timm_input(stated: Mapping[str, Any], *, image_size: Any = None) -> NetworkInput:
    """Read what a network of timm expects from its `pretrained_cfg`; what is not there is ImageNet.

    image_size: the side, or height and width, that the network was built for instead, if any.
    """
    size = image_size or (stated.get("input_size") or (IMAGENET.resolution,))[-1]
    return NetworkInput(
        mean=_channels(stated.get("mean") or IMAGENET.mean),
        std=_channels(stated.get("std") or IMAGENET.std),
        resolution=int(size if isinstance(size, int) else size[-1]),
    )


def _channels(values: Any) -> Channels:
    red, green, blue = map(float, values)
    return red, green, blue
