"""Which network labels pixels by their colours, so that its label maps are known beforehand?"""

from typing import Any

import torch
from torch import Tensor, nn

NAMES = ("nothing", "red", "green", "blue")
SEES: dict[str, Any] = {"resolution": 12, "mean": (0.0,) * 3, "std": (1.0,) * 3}
"""Photographs of 12 x 16 pixels as they are, in [0, 1]."""


class ByColour(nn.Module):
    """The brightest channel is the class; nothing where none is brighter than `above`."""

    def __init__(self, above: float = 0.5, scale: float = 100.0) -> None:
        super().__init__()
        self.classes = list(NAMES)
        self.above = nn.Parameter(torch.tensor(above))
        self.scale = scale

    def forward(self, images: Tensor) -> Tensor:
        nothing = self.above.expand(len(images), 1, *images.shape[2:])
        return self.scale * torch.cat([nothing, images], dim=1)


class Flat(ByColour):
    """Answers with a class for each image, as a classifier does."""

    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images).mean(dim=(2, 3))


class Wide(ByColour):
    """Has more outputs than names."""

    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images).repeat(1, 2, 1, 1)


class NotFinite(ByColour):
    """Answers with nan."""

    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images) * torch.nan


def make(above: float = 0.5, scale: float = 100.0) -> nn.Module:
    return ByColour(above, scale)


def flat() -> nn.Module:
    return Flat()


def wide() -> nn.Module:
    return Wide()


def not_finite() -> nn.Module:
    return NotFinite()


def unnamed() -> nn.Module:
    return nn.Conv2d(3, 4, 1)
