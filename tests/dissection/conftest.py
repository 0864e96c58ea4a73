"""What little worlds, counted by hand, are the dissection tests made of?"""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch
from torch import nn

from painted import PaintedSet
from prunescope.concepts.protocol import Annotation, Label

RED, GREEN, TOP = 3, 5, 9


def paint(rows: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return the picture and the plane of labels of rows such as "rg..": red, green, black."""
    letters = np.array([list(row) for row in rows])
    picture = np.zeros((*letters.shape, 3), np.uint8)
    picture[letters == "r"] = 255, 0, 0
    picture[letters == "g"] = 0, 255, 0
    plane = np.where(letters == "r", RED, np.where(letters == "g", GREEN, 0)).astype(np.int32)
    return picture, plane


@pytest.fixture
def annotate() -> Callable[..., Annotation]:
    """Return an annotation of planes written as nested lists."""

    def make(*planes: Sequence[Sequence[int]], whole: tuple[int, ...] = ()) -> Annotation:
        return Annotation(planes=np.array(planes, np.int32), whole=whole)

    return make


@pytest.fixture
def labels() -> tuple[Label, ...]:
    """Two colours and a part."""
    return (
        Label(number=RED, name="red-c", category="color"),
        Label(number=GREEN, name="green-c", category="color"),
        Label(number=TOP, name="top", category="part"),
    )


@pytest.fixture
def painted(labels: tuple[Label, ...]) -> PaintedSet:
    """Four pictures of 4 x 4: 5 red pixels and 3 green ones; the part `top` is in the first."""
    worlds = [
        paint(["rr..", "r...", "....", "...."]),
        paint(["....", "..g.", "....", "...."]),
        paint(["...r", "....", "....", "r..."]),
        paint(["gg..", "....", "....", "...."]),
    ]
    top = np.zeros((4, 4), np.int32)
    top[0] = TOP
    annotations = [Annotation(planes=plane[None], whole=()) for _, plane in worlds]
    annotations[0] = Annotation(planes=np.stack([worlds[0][1], top]), whole=())
    return PaintedSet(
        pictures=tuple(picture for picture, _ in worlds),
        annotations=tuple(annotations),
        labels=labels,
        categories=("color", "part"),
    )


class Eye(nn.Module):
    """Three units of 4 x 4 cells that see red, green and nothing, and then their in-place ReLU."""

    def __init__(self) -> None:
        super().__init__()
        self.colours = nn.Conv2d(3, 3, 1, bias=False)
        self.relu = nn.ReLU(inplace=True)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flat = nn.Flatten()
        with torch.no_grad():
            self.colours.weight.copy_(torch.diag(torch.tensor([1.0, 2.0, 0.0]))[..., None, None])

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.flat(self.pool(self.relu(self.colours(images))))


@pytest.fixture
def eye() -> Eye:
    return Eye()
