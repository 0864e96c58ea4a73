"""The larger a weight, the longer it survives (Han et al. 2015)."""

from collections.abc import Mapping

from torch import Tensor, nn

from prunescope.pruning.mask import Mask


def scores(network: nn.Module, mask: Mask) -> dict[str, Tensor]:
    """Return |w| of every weight. Raises DataError where the mask is another network's."""
    return magnitudes(dict(network.named_parameters()), mask)


def magnitudes(weights: Mapping[str, Tensor], mask: Mask) -> dict[str, Tensor]:
    """Return |w| of every tensor of a mask. Raises DataError where they are another network's."""
    mask.check_fit(weights)
    return {name: weights[name].detach().abs() for name in mask}
