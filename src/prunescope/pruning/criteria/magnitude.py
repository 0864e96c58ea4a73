"""The larger a weight, the longer it survives (Han et al. 2015)."""

from torch import Tensor, nn

from prunescope.pruning.mask import Mask


def scores(network: nn.Module, mask: Mask) -> dict[str, Tensor]:
    """Return |w| of every weight. Raises DataError where the mask is another network's."""
    return {name: weight.detach().abs() for name, weight in mask.parameters_of(network).items()}
