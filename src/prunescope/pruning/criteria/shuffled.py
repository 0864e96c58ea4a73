"""The masks of the strategy that `of` names, permuted within each tensor: the control.

Each tensor keeps as many weights as there, but any (Frankle et al. 2021, section 3).
"""

import torch

from prunescope.base.seeding import torch_generator
from prunescope.pruning.mask import Mask

TAKES_MASKS = True


def derive(mask: Mask, seed: int) -> Mask:
    """Return a mask with the values of each tensor permuted.

    seed: of the replicate. Its permutation of a tensor is one for all levels, so that masks shrink.
    """
    permuted = {}
    for name, kept in mask.items():
        order = torch.randperm(kept.numel(), generator=torch_generator(seed, "shuffled", name))
        permuted[name] = kept.flatten()[order].reshape(kept.shape)
    return Mask(permuted)
