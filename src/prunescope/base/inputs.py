"""What does a network expect to see, as far as its library says?"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from prunescope.base.images import IMAGENET_MEAN, IMAGENET_STD, Channels

_TIMMS_SHARE = 0.875  # timm.data.DEFAULT_CROP_PCT


@dataclass(frozen=True, kw_only=True)
class NetworkInput:
    """What a network expects to see: channels in [0, 1], normalised, and this many pixels.

    resolution: side of the square, in pixels.
    """

    mean: Channels
    std: Channels
    resolution: int


@dataclass(frozen=True, kw_only=True)
class CentreSquare:
    """How photographs come to size where a library measures the accuracy that it publishes.

    resolution: side of the square that is cut from the middle, in pixels. shorter_side: what it is
        cut from is resized to; None where the whole photograph is squashed to the square.
    """

    resolution: int
    shorter_side: int | None


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


def timm_square(stated: Mapping[str, Any], resolution: int) -> CentreSquare:
    """Read how timm brings photographs to size for a network, from its `pretrained_cfg`."""
    if stated.get("crop_mode", "center") != "center":
        return CentreSquare(resolution=resolution, shorter_side=None)
    share = stated.get("crop_pct") or _TIMMS_SHARE
    return CentreSquare(resolution=resolution, shorter_side=math.floor(resolution / share))


def _channels(values: Any) -> Channels:
    return tuple(map(float, values))
