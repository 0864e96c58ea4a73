"""What does a network expect to see?"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from prunescope.base.errors import ConfigError
from prunescope.base.images import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    MOST_PIXELS,
    Channels,
    range_fault,
)
from prunescope.base.text import counted


@dataclass(frozen=True, kw_only=True)
class Normalisation:
    """Per channel (R, G, B, or luminance alone): x in [0, 1] becomes (x - mean) / std.

    Raises ConfigError where mean and std differ in length, or a value is out of range.
    """

    mean: Channels
    std: Channels

    def __post_init__(self) -> None:
        if len(self.mean) != len(self.std):
            raise ConfigError(
                f"mean has {len(self.mean)} and std {counted(len(self.std), 'value')}, but each "
                "must have one for every channel of the network"
            )
        fault = range_fault("mean", self.mean) or range_fault("std", self.std)
        if fault is not None:
            raise ConfigError(fault)


@dataclass(frozen=True, kw_only=True)
class NetworkInput(Normalisation):
    """What a network expects to see: a square of pixels whose channels are normalised.

    resolution: side of the square in pixels. Raises ConfigError for what no network can see.
    """

    resolution: int

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.resolution <= MOST_PIXELS:
            raise ConfigError(
                f"resolution is {self.resolution}, but must be 1 to {MOST_PIXELS:,} pixels"
            )

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "NetworkInput":
        """Return the input that `as_dict` wrote down."""
        mean, std = (tuple(map(float, values[name])) for name in ("mean", "std"))
        return cls(mean=mean, std=std, resolution=values["resolution"])

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"resolution": self.resolution, "mean": list(self.mean), "std": list(self.std)}


IMAGENET = NetworkInput(mean=IMAGENET_MEAN, std=IMAGENET_STD, resolution=224)
"""What torchvision's and timm's networks expect where nothing else is said."""
