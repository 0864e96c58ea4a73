"""How does a convolution compute the batch normalisation behind it, too?"""

import copy
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float32
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd

from prunescope.base.chains import Chain


@dataclass(frozen=True, kw_only=True)
class Fold:
    """A chain, and a convolution that computes both of its modules, apart from the network."""

    chain: Chain
    convolution: _ConvNd


def fold(chains: Iterable[Chain]) -> tuple[Fold, ...]:
    """Return the folds of chains, without those whose folded weights would not be finite."""
    twins = [(chain, _folded_twin(chain)) for chain in chains]
    return tuple(Fold(chain=chain, convolution=twin) for chain, twin in twins if twin is not None)


@contextmanager
def folded(folds: Iterable[Fold], *, seen: Collection[nn.Module] = ()) -> Iterator[None]:
    """Let convolutions compute the normalisations behind them while the block lasts.

    Every module still puts out what it did, up to rounding, and its hooks are called: the output
    of a convolution that is not `seen` is what the normalisation returns, which hands it on.
    seen: modules whose output is looked at. Where it is that of a folded convolution, this computes
    both, so that the rest of the network computes the same whatever is seen.
    No tensor of the network changes.
    """
    replaced: list[nn.Module] = []
    try:
        for each in folds:
            convolution, normalisation = each.chain.convolution, each.chain.normalisation
            if each.chain.returned_by.isdisjoint(seen):
                forwards = each.convolution.forward, _hand_on
            else:
                forwards = _both(convolution.forward, each.convolution.forward)
            for module, forward in zip((convolution, normalisation), forwards, strict=True):
                vars(module)["forward"] = forward
                replaced.append(module)
        yield
    finally:
        for module in replaced:
            del vars(module)["forward"]


def folded_tensors(
    chain: Chain,
) -> tuple[Float32[Tensor, "out in *kernel"], Float32[Tensor, " channel"]]:
    """Return weight and bias of the convolution that puts out what the normalisation does.

    With s = gain / sqrt(variance + eps) of each channel, the weight is s times as large and the
    bias s (bias - mean) + shift, computed in float64 (Jacob et al. 2018, section 3.2).
    A transposed convolution's weight has "in out/groups *kernel" axes, as torch keeps it.
    """
    convolution, normalisation = chain.convolution, chain.normalisation
    mean, variance = normalisation.running_mean, normalisation.running_var
    assert mean is not None  # of a chain
    assert variance is not None
    weight, mean = convolution.weight.detach().double(), mean.double()
    gain, shift = _or(normalisation.weight, 1.0, mean), _or(normalisation.bias, 0.0, mean)
    scale = gain / (variance.double() + normalisation.eps).sqrt()
    bias = scale * (_or(convolution.bias, 0.0, mean) - mean) + shift
    if isinstance(convolution, _ConvTransposeNd):
        grouped = weight.reshape(convolution.groups, -1, *weight.shape[1:])
        factors = scale.view(convolution.groups, 1, -1, *[1] * (weight.ndim - 2))
        scaled = (grouped * factors).reshape(weight.shape)
    else:
        scaled = weight * scale.view(-1, *[1] * (weight.ndim - 1))
    return scaled.float(), bias.float()


def _or(tensor: Tensor | None, value: float, like: Tensor) -> Tensor:
    return torch.full_like(like, value) if tensor is None else tensor.detach().double()


@torch.no_grad()
def _folded_twin(chain: Chain) -> _ConvNd | None:
    weight, bias = folded_tensors(chain)
    if not (weight.isfinite().all() and bias.isfinite().all()):
        return None
    if weight.ndim == 4:
        weight = weight.contiguous(memory_format=torch.channels_last)
    twin = copy.copy(chain.convolution)
    parameters = {"weight": weight, "bias": bias}
    vars(twin)["_parameters"] = {
        name: nn.Parameter(tensor, requires_grad=False) for name, tensor in parameters.items()
    }
    return twin


def _hand_on(normalised: Tensor) -> Tensor:
    return normalised


def _both(
    plain: Callable[..., Tensor], folded: Callable[..., Tensor]
) -> tuple[Callable[..., Tensor], Callable[..., Tensor]]:
    """Return forwards of a convolution that is seen, and of the normalisation behind it."""
    normalised: list[Tensor] = []

    def convolve(*inputs: Any, **named: Any) -> Tensor:
        normalised[:] = [folded(*inputs, **named)]
        return plain(*inputs, **named)

    def hand_on(_convolved: Tensor) -> Tensor:
        return normalised.pop()

    return convolve, hand_on
