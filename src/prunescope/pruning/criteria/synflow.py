"""Weights survive by which much flows through the network, whatever the data (Tanaka et al. 2020).

Scores are taken anew in each of 100 rounds, in which ever fewer weights are left.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.func import functional_call

from prunescope.base.errors import ConfigError
from prunescope.base.modes import device_of, in_mode
from prunescope.base.text import a_kind
from prunescope.pruning.mask import Mask
from prunescope.pruning.scoring_images import ScoringImages

SINGLE_SHOT = True
ROUNDS = 100


def scores(network: nn.Module, mask: Mask, batches: ScoringImages) -> dict[str, Tensor]:
    """Return w dR/dw, R the sum of the outputs for an input of ones, in float64 (section 6).

    The network computes in evaluation mode with the magnitudes of all its parameters, running means
    of 0 and running variances of 1; it is left as it was.
    """
    positive = {
        name: parameter.detach().double().abs() for name, parameter in network.named_parameters()
    }
    weights = {name: positive[name].requires_grad_() for name in mask.parameters_of(network)}
    ones = torch.ones(1, *batches.shape, dtype=torch.float64, device=device_of(network))
    with in_mode(network, training=False):
        output = functional_call(network, positive | dict(_neutral_buffers(network)), (ones,))
    if not isinstance(output, Tensor):
        raise ConfigError(f"synflow needs a network that puts out a tensor, not {a_kind(output)}")
    gradients = torch.autograd.grad(output.sum(), list(weights.values()), materialize_grads=True)
    return {
        name: (weight * gradient).detach()
        for (name, weight), gradient in zip(weights.items(), gradients, strict=True)
    }


def _neutral_buffers(network: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Yield all buffers in float64, those of normalisation as if they changed nothing.

    A frozen normalisation has its gain and shift among them, which become magnitudes, too.
    """
    for name, buffer in network.named_buffers():
        match name.rpartition(".")[2]:
            case "running_mean":
                yield name, torch.zeros_like(buffer, dtype=torch.float64)
            case "running_var":
                yield name, torch.ones_like(buffer, dtype=torch.float64)
            case "weight" | "bias":
                yield name, buffer.double().abs()
            case _:
                yield name, buffer.double() if buffer.is_floating_point() else buffer
