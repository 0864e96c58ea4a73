"""How do the pruned channels of a network stay at zero while it trains?"""

import torch
from torch import nn
from torch.optim import Optimizer

from prunescope.base.wrappers import without_wrappers
from prunescope.pruning.mask import Mask, MaskKeeper


class FilterKeeper(MaskKeeper):
    """Sets weights, momentum and running statistics of pruned channels to exactly zero.

    Call it as a `MaskKeeper`. mask: as `ChannelGroups.weight_mask` returns it.
    A channel whose mean, variance, gain and shift are zero is zero after its normalisation, as if
    it were not there; and of zeros alone, mean and variance stay zero in training.
    Raises what MaskKeeper raises.
    """

    def __init__(self, network: nn.Module, mask: Mask) -> None:
        with without_wrappers(network) as plain:
            parameters = dict(plain.named_parameters())
            buffers = dict(plain.named_buffers())
            mask.check_fit({**parameters, **buffers})
            self._statistics = [
                (plain.get_submodule(name.rpartition(".")[0]), name.rpartition(".")[2], kept)
                for name, kept in mask.items()
                if name not in parameters and not bool(kept.all())
            ]
        super().__init__(
            network, Mask({name: kept for name, kept in mask.items() if name in parameters})
        )

    @torch.no_grad()
    def __call__(self, optimizer: Optimizer | None = None) -> None:
        """Set the pruned weights, their optimizer state and their statistics to zero."""
        super().__call__(optimizer)
        for module, key, kept in self._statistics:
            statistic = module._buffers[key]
            assert statistic is not None
            statistic.masked_fill_(~kept.to(statistic.device), 0)
