"""How does a pruned network go back in time?"""

from collections.abc import Mapping

from torch import Tensor, nn

from prunescope.pruning.mask import Mask, MaskKeeper


def rewind(network: nn.Module, moment: Mapping[str, Tensor], mask: Mask) -> MaskKeeper:
    """Restore every parameter and buffer to an earlier moment, then apply the mask.

    moment: the whole state dict of that moment, running statistics and counters among it.
    Returns the keeper to call after each optimizer step of the training that follows.
    Source: Frankle et al. 2019 (arXiv 1903.01611), section 3.
    """
    network.load_state_dict(dict(moment), strict=True)
    return MaskKeeper(network, mask)
