"""From which image does each one get its labels, when labels are permuted?"""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, Int32, Int64

from prunescope.base.seeding import torch_generator


class Shuffle:
    """Draws of a permutation of every category's labels among the images that carry it.

    Images exchange labels only with those whose label maps have the same shape. Every draw of every
    category has a random stream by its number, so that it does not depend on which draws are made
    together with it.
    """

    def __init__(
        self,
        carried: Bool[np.ndarray, "image category"],
        shapes: Int64[np.ndarray, "image 2"],
        categories: Sequence[str],
        draws: range,
    ) -> None:
        """Draw. carried: whether an image carries a label of a category. shapes: of label maps."""
        self._sources = [
            _draw(carriers, shapes, category, draws)
            for carriers, category in zip(carried.T, categories, strict=True)
        ]

    def sources(self, image: int, category: int) -> Int32[np.ndarray, " draw"]:
        """Return from which image a carrier of a category (by its index) gets it in each draw."""
        return self._sources[category][:, image]


def kinds_of(shapes: Int64[np.ndarray, "image 2"]) -> Int64[np.ndarray, " image"]:
    """Return the number of each image's shape among the different ones."""
    _, kinds = np.unique(shapes, axis=0, return_inverse=True)
    return kinds.reshape(-1)  # numpy 2.0 gives it another axis


def _draw(
    carriers: Bool[np.ndarray, " image"],
    shapes: Int64[np.ndarray, "image 2"],
    category: str,
    draws: range,
) -> Int32[np.ndarray, "draw image"]:
    """Return every carrier's source in each draw; images that carry nothing have none, -1."""
    sources = np.full((len(draws), len(carriers)), -1, np.int32)
    kinds = kinds_of(shapes)
    alike = [np.flatnonzero(carriers & (kinds == kind)) for kind in np.unique(kinds[carriers])]
    for row, draw in enumerate(draws):
        generator = torch_generator(0, "dissection", "null", category, draw)
        keys = torch.randperm(len(carriers), generator=generator).numpy()
        for images in alike:
            sources[row, images] = images[keys[images].argsort()]
    return sources
