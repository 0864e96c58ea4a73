"""How does a network turn a batch of images into class scores?"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from prunescope.base.errors import DataError
from prunescope.base.images import Precision
from prunescope.base.showing import show
from prunescope.base.text import counted
from prunescope.data.labelled import Images


def classes_needed(images: Images) -> int:
    """Return how many outputs a network needs for these images: one for each of their classes.

    Raises DataError if there are no images, or images whose label is no class.
    """
    if len(images) == 0:
        raise DataError("there are no images in this split")
    lowest = int(images.labels.min())
    if lowest < 0:
        raise DataError(f"an image has label {lowest}, that is, no class; use a labelled split")
    highest, count = int(images.labels.max()), len(images.classes)
    if highest >= count:
        raise DataError(
            f"an image has label {highest}, but there are {counted(count, 'class', 'classes')}, "
            "from 0 on"
        )
    return count


def class_scores(
    network: nn.Module,
    pixels: Float[Tensor, "image channel height width"],
    *,
    precision: Precision,
    classes: int,
) -> Float[Tensor, "image class"]:
    """Return a network's scores in float32, or in float64 where it computes in that.

    precision: "bf16" computes them in bfloat16. classes: how many the data has.
    Raises DataError if the network has another number of outputs, or if its output is not one row
    of scores per image; ConfigError if it cannot take such images.
    """
    with torch.autocast(pixels.device.type, dtype=torch.bfloat16, enabled=precision == "bf16"):
        scores = show(network, pixels)
    if not isinstance(scores, Tensor) or scores.ndim != 2 or len(scores) != len(pixels):
        shape = tuple(scores.shape) if isinstance(scores, Tensor) else type(scores).__name__
        raise DataError(
            f"the network's output for {counted(len(pixels), 'image')} is {shape}, "
            f"but classification needs (images, classes)"
        )
    if scores.shape[1] != classes:
        raise DataError(
            f"the network has {counted(scores.shape[1], 'output')}, but the data has "
            f"{counted(classes, 'class', 'classes')}: "
            f"--num-classes {classes} builds a network of a library with as many; where the data "
            "lacks classes that the network knows, or has others, --classes FILE (data.classes in "
            "a recipe) names those of its outputs in their order, one a line"
        )
    return scores if scores.dtype == torch.float64 else scores.float()
