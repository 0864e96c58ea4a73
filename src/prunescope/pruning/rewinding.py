"""How does a pruned network go back to earlier weights?"""

from collections.abc import Mapping

from torch import Tensor, nn

from prunescope.pruning.mask import Mask, MaskKeeper


def restore(network: nn.Module, weights: Mapping[str, Tensor], mask: Mask) -> MaskKeeper:
    """Restore every parameter and buffer to earlier values, then apply the mask.

    weights: a whole state dict, running statistics and counters among it; that of the rewind
    point where a level is rewound. Returns the keeper to call after each optimizer step of the
    training that follows. Source: Frankle et al. 2019 (arXiv 1903.01611), section 3.
    """
    network.load_state_dict(dict(weights), strict=True)
    return MaskKeeper(network, mask)
