"""What is a concept set in memory, and a network that puts out what was saved for its images?"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

from prunescope.concepts.protocol import Annotation, Label


@dataclass(frozen=True, kw_only=True)
class PaintedSet:
    """A concept set in memory."""

    pictures: tuple[np.ndarray, ...]
    annotations: tuple[Annotation, ...]
    labels: tuple[Label, ...]
    categories: tuple[str, ...]
    name: str = "painted"
    fingerprint: str = "0" * 64

    @property
    def images(self) -> tuple[str, ...]:
        return tuple(f"{index}.png" for index in range(len(self.pictures)))

    def image_path(self, index: int) -> Path:
        return Path(self.images[index])

    def read_image(self, index: int) -> Image.Image:
        return Image.fromarray(self.pictures[index])

    def read_annotation(self, index: int) -> Annotation:
        return self.annotations[index]


class Replay(nn.Module):
    """Puts out the saved activations [image, unit, height, width] of the pictures of `numbered`.

    Its input must come as it is: mean 0, std 1.
    """

    def __init__(self, activations: np.ndarray) -> None:
        super().__init__()
        self.layer = _Lookup(torch.from_numpy(activations))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.layer(images)


class _Lookup(nn.Module):
    def __init__(self, activations: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("activations", activations)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.activations[(images[:, 0, 0, 0] * 255).round().long()]


def numbered(count: int) -> tuple[np.ndarray, ...]:
    """Return pictures of 2 x 2 pixels whose red is their number, up to 255."""
    return tuple(np.full((2, 2, 3), number, np.uint8) for number in range(count))


def world_of(
    annotations: Sequence[Annotation], labels: Sequence[Label], categories: Sequence[str]
) -> PaintedSet:
    """Return a concept set of numbered pictures."""
    return PaintedSet(
        pictures=numbered(len(annotations)),
        annotations=tuple(annotations),
        labels=tuple(labels),
        categories=tuple(categories),
    )
