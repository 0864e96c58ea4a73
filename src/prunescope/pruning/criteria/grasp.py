"""Weights survive that the flow of gradients needs (Wang et al. 2020, "GraSP")."""

import torch
from torch import Tensor, nn

from prunescope.pruning.mask import Mask
from prunescope.pruning.scoring_images import ScoringImages, hessian_product, mean_gradient

SINGLE_SHOT = True
SEES_IMAGES = True


def scores(network: nn.Module, mask: Mask, batches: ScoringImages) -> dict[str, Tensor]:
    """Return w H g of every weight, H the Hessian of the loss of which g is the gradient.

    It is the negative of the paper's score (equation 8), of which the largest are removed.
    """
    weights = mask.parameters_of(network)
    gradient = mean_gradient(network, weights, batches)
    product = hessian_product(network, weights, gradient, batches)
    with torch.no_grad():
        return {name: weight * product[name] for name, weight in weights.items()}
