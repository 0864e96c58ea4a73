"""How does a convolution compute the batch normalisation behind it, too?"""

import copy
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float32
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvTransposeNd

from prunescope.base.chains import Chain
from prunescope.base.pointwise import Convolve, Pointwise, Summed, is_fused, postponed


@dataclass(frozen=True, kw_only=True)
class Fold:
    """A chain, and what computes its convolution and normalisation at once.

    rectified: the same and the ReLU behind it, to the same bits; None where nothing does.
    summed: the same, the sum with another tensor and the ReLU behind that; None where nothing does.
    """

    chain: Chain
    normalised: Convolve
    rectified: Convolve | None = None
    summed: Summed | None = None


def fold(chains: Iterable[Chain]) -> tuple[Fold, ...]:
    """Return the folds of chains, without those whose folded weights would not be finite."""
    folds = [_fold(chain) for chain in chains]
    return tuple(each for each in folds if each is not None)


def without_sums(folds: Iterable[Fold]) -> tuple[Fold, ...]:
    """Return the same folds, which leave every sum, and the ReLU behind it, to the network."""
    return tuple(replace(each, summed=None) for each in folds)


@contextmanager
def folded(folds: Iterable[Fold], *, seen: Collection[nn.Module] = ()) -> Iterator[None]:
    """Let convolutions compute the normalisations behind them while the block lasts.

    Every module that is `seen` still puts out what it did, up to rounding. The others hand on what
    is computed before them: a convolution puts out what the normalisation does or, where oneDNN
    has an operation for it, what the ReLU does; where that sums two tensors, too, it computes when
    it is added. All hooks are called.
    seen: modules whose output is looked at. Where it is that of a folded convolution, this computes
    both, so that the rest of the network computes the same bits whatever is seen.
    No tensor of the network changes.
    """
    rectifiers: dict[nn.Module, _Rectifier] = {}
    replaced: list[nn.Module] = []

    def compute(module: nn.Module, forward: Convolve) -> None:
        vars(module)["forward"] = forward
        replaced.append(module)

    try:
        for each in folds:
            chain, convolve = each.chain, each.normalised
            hand_on: Convolve = _hand_on
            is_hidden = (chain.normalised_by | chain.summed_by).isdisjoint(seen)
            if is_hidden and (each.rectified or each.summed):
                rectify: Convolve = _hand_on
                if chain.activation is not None:
                    if chain.activation not in rectifiers:
                        rectifiers[chain.activation] = _Rectifier(chain.activation)
                        compute(chain.activation, rectifiers[chain.activation].forward)
                    rectify = rectifiers[chain.activation].hand_on
                if each.summed is not None:
                    convolve = postponed(each.normalised, each.summed, rectify)
                elif each.rectified is not None:
                    convolve, hand_on = each.rectified, rectify
            if not chain.convolved_by.isdisjoint(seen):
                convolve, hand_on = _both(chain.convolution.forward, convolve, hand_on)
            compute(chain.convolution, convolve)
            compute(chain.normalisation, hand_on)
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
def _fold(chain: Chain) -> Fold | None:
    weight, bias = folded_tensors(chain)
    if not (weight.isfinite().all() and bias.isfinite().all()):
        return None
    if weight.ndim == 4:
        weight = weight.contiguous(memory_format=torch.channels_last)
    if is_fused(chain.convolution):
        is_rectified = chain.activation is not None
        kernel = Pointwise(chain.convolution, weight, bias, is_rectified=is_rectified)
        return Fold(
            chain=chain,
            normalised=kernel.normalised,
            rectified=kernel.rectified if is_rectified and not chain.is_summed else None,
            summed=kernel.summed if chain.is_summed else None,
        )
    twin = copy.copy(chain.convolution)
    parameters = {"weight": weight, "bias": bias}
    vars(twin)["_parameters"] = {
        name: nn.Parameter(tensor, requires_grad=False) for name, tensor in parameters.items()
    }
    return Fold(chain=chain, normalised=twin.forward)


class _Rectifier:
    """A ReLU that hands on what is rectified already; it may be called elsewhere, too."""

    def __init__(self, activation: nn.ReLU) -> None:
        self._plain = activation.forward
        self._rectified: Tensor | None = None

    def hand_on(self, rectified: Tensor) -> Tensor:
        self._rectified = rectified
        return rectified

    def forward(self, maps: Tensor) -> Tensor:
        is_rectified, self._rectified = maps is self._rectified, None
        return maps if is_rectified else self._plain(maps)


def _hand_on(normalised: Tensor) -> Tensor:
    return normalised


def _both(plain: Convolve, folded: Convolve, hand_on: Convolve) -> tuple[Convolve, Convolve]:
    """Return forwards of a convolution that is seen, and of the normalisation behind it."""
    computed: list[Tensor] = []

    def convolve(maps: Tensor) -> Tensor:
        computed[:] = [folded(maps)]
        return plain(maps)

    def hand_on_computed(_convolved: Tensor) -> Tensor:
        return hand_on(computed.pop())

    return convolve, hand_on_computed
