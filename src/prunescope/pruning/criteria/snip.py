"""The more a weight's removal would change the loss, the longer it survives (Lee et al. 2019)."""

import torch
from torch import Tensor, nn

from prunescope.pruning.mask import Mask
from prunescope.pruning.scoring_images import ScoringImages, mean_gradient

SINGLE_SHOT = True
SEES_IMAGES = True


def scores(network: nn.Module, mask: Mask, batches: ScoringImages) -> dict[str, Tensor]:
    """Return |w g| of every weight, g the gradient of the mean training loss (section 4.1)."""
    weights = mask.parameters_of(network)
    gradient = mean_gradient(network, weights, batches)
    with torch.no_grad():
        return {name: (weight * gradient[name]).abs() for name, weight in weights.items()}
