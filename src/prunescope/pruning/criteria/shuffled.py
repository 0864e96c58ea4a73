"""The masks of the strategy that `of` names, permuted within each tensor: the control.

Each tensor keeps as many weights as there, but any of those that level 0 has (Frankle et al. 2021,
section 3).
"""

import torch

from prunescope.base.seeding import torch_generator
from prunescope.pruning.mask import Mask

TAKES_MASKS = True


def derive(mask: Mask, dense: Mask, seed: int) -> Mask:
    """Return a mask with the values of each tensor permuted among the survivors of level 0.

    dense: level 0's. seed: of the replicate. Its permutation of a tensor is one for all levels, so
    that masks shrink.
    """
    permuted = {}
    for name, kept in mask.items():
        survivors = dense[name].flatten().nonzero().squeeze(1)
        order = torch.randperm(len(survivors), generator=torch_generator(seed, "shuffled", name))
        values = torch.zeros(kept.numel(), dtype=torch.bool)
        values[survivors] = kept.flatten()[survivors[order]]
        permuted[name] = values.reshape(kept.shape)
    return Mask(permuted)
