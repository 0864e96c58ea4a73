"""Which images is a network trained on, where it shall not be all, and which labels are wrong?"""

import numpy as np
import torch
from jaxtyping import Int64

from prunescope.base.errors import ConfigError
from prunescope.base.seeding import torch_generator
from prunescope.base.text import counted

_SEED = 0  # of the data, not of a training: every study and replicate draws the same


def balanced_subset(
    labels: Int64[np.ndarray, " image"], limit: int, where: str
) -> Int64[np.ndarray, " chosen"]:
    """Return which images are used, rising: as many of each class as of any other.

    The classes take turns, those of lower number first, each with its images in an order drawn
    once for all; one that has no more is passed over. So the numbers of images of two classes
    differ by at most one where both have enough, and a smaller subset lies within a larger one.
    where: in which split, for messages.
    Raises ConfigError where there are fewer images, or fewer are asked for than there are classes.
    """
    if limit > len(labels):
        raise ConfigError(
            f"data.limit is {limit:,}, but {where} has {counted(len(labels), 'image')}: lower it, "
            "or leave it out to use all"
        )
    present = len(np.unique(labels))
    if limit < present:
        raise ConfigError(
            f"data.limit is {limit:,}, but {where} has images of "
            f"{counted(present, 'class', 'classes')}: give at least one for each"
        )
    drawn = _permutation(len(labels), "subset")
    turn = np.empty(len(labels), np.int64)
    for label in np.unique(labels):
        of_class = drawn[labels[drawn] == label]
        turn[of_class] = np.arange(len(of_class))
    order = np.lexsort((labels, turn))
    return np.sort(order[:limit])


def noisy_labels(
    labels: Int64[np.ndarray, " image"],
    *,
    rows: Int64[np.ndarray, " image"],
    count: int,
    classes: int,
    share: float,
) -> Int64[np.ndarray, " image"]:
    """Return labels of which exactly round(share x images) are wrong, half to even.

    Each wrong one is any of the other classes, equally likely. Which images get one, and which,
    depends on their rows in the split alone, so a smaller share is wrong within a larger one.
    rows: of the images in their split. count: rows of the split. share: in [0, 1].
    Raises ConfigError for a single class, which has no others.
    """
    if classes < 2:
        raise ConfigError(
            f"data.label_noise is {share:g}, but there is one class: a wrong label needs another"
        )
    rank = np.empty(count, np.int64)
    rank[_permutation(count, "label noise")] = np.arange(count)
    drawn = torch.rand(count, generator=torch_generator(_SEED, "wrong label"), dtype=torch.float64)
    wrong = np.argsort(rank[rows])[: round(share * len(labels))]
    step = 1 + (drawn.numpy()[rows[wrong]] * (classes - 1)).astype(np.int64)
    noisy = labels.copy()
    noisy[wrong] = (labels[wrong] + step) % classes
    return noisy


def _permutation(count: int, stream: str) -> Int64[np.ndarray, " image"]:
    return torch.randperm(count, generator=torch_generator(_SEED, stream)).numpy()
