"""Any weights survive, drawn from the seed (of a study anew in each level): the control."""

import torch
from torch import Tensor, nn

from prunescope.pruning.mask import Mask


def scores(_network: nn.Module, mask: Mask) -> dict[str, Tensor]:
    """Draw a number in [0, 1) for every weight, pruned or not, so that fewer are a part of more."""
    return {name: torch.rand(kept.shape, dtype=torch.float64) for name, kept in mask.items()}
