"""From which image does each image get its labels when labels are permuted?"""

import numpy as np
import torch
from jaxtyping import Bool, Int32, Int64

from prunescope.base.seeding import torch_generator


def permuted_sources(
    carriers: Bool[np.ndarray, " image"],
    shapes: Int64[np.ndarray, "image 2"],
    category: str,
    draws: range,
) -> Int32[np.ndarray, "draw image"]:
    """Return from which image each carrier of a category gets its labels in each draw; else -1.

    carriers: whether an image carries a label of the category. shapes: of the label maps; images
    exchange labels only with those of the same shape.
    Every draw of every category has a random stream of its own, so that it does not depend on
    which draws are made together with it.
    """
    sources = np.full((len(draws), len(carriers)), -1, np.int32)
    kinds = kinds_of(shapes)
    alike = [np.flatnonzero(carriers & (kinds == kind)) for kind in np.unique(kinds[carriers])]
    for row, draw in enumerate(draws):
        generator = torch_generator(0, "dissection", "null", category, draw)
        keys = torch.randperm(len(carriers), generator=generator).numpy()
        for indices in alike:
            sources[row, indices] = indices[keys[indices].argsort()]
    return sources


def kinds_of(shapes: Int64[np.ndarray, "image 2"]) -> Int64[np.ndarray, " image"]:
    """Return the index of each image's shape among the distinct shapes."""
    _, kinds = np.unique(shapes, axis=0, return_inverse=True)
    return kinds.reshape(-1)  # numpy 2.0 gives it another axis
