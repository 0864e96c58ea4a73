"""How does batch normalisation take the statistics of a batch that several processes share?"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from prunescope.base.ranks import Ranks


class SharedNormalisation(TorchFunctionMode):
    """While it is entered, batch normalisation in training sees the batches of all processes.

    It stands in for `torch.nn.functional.batch_norm`, by which every layer normalises, those of
    timm and of users too. So no network is changed, and all else that a layer does (its counter, a
    momentum that is None) stays its own. torch's SyncBatchNorm computes on GPUs alone.

    counts: whether the images of this process are part of the batch; they are normalised anyhow.
    """

    def __init__(self, ranks: Ranks, *, counts: bool = True) -> None:
        super().__init__()
        self._ranks = ranks
        self._counts = counts

    def __torch_function__(
        self,
        function: Callable[..., Any],
        _types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call a function of torch, or what stands in for it."""
        kwargs = kwargs or {}
        if function is functional.batch_norm:
            return self._batch_norm(*args, **kwargs)
        return function(*args, **kwargs)

    def _batch_norm(
        self,
        input: Tensor,  # noqa: A002 - the names are torch's
        running_mean: Tensor | None,
        running_var: Tensor | None,
        weight: Tensor | None = None,
        bias: Tensor | None = None,
        training: bool = False,
        momentum: float = 0.1,
        eps: float = 1e-5,
    ) -> Tensor:
        if not training:
            return functional.batch_norm(
                input, running_mean, running_var, weight, bias, False, momentum, eps
            )
        moments = _moments_of_all(input.detach(), self._ranks, self._counts)
        count, mean, squares = moments[0], moments[1], moments[2]
        with torch.no_grad():
            if running_mean is not None:
                running_mean.lerp_(mean.to(running_mean.dtype), momentum)
            if running_var is not None:
                unbiased = squares / (count - 1)
                running_var.lerp_(unbiased.to(running_var.dtype), momentum)
        inverse = (squares / count + eps).rsqrt()
        result: Tensor = _Normalised.apply(
            input, weight, bias, mean, inverse, count, self._ranks, self._counts
        )
        return result


class _Normalised(torch.autograd.Function):
    """Values of a batch less their mean, over their spread, with gain and shift.

    The gradient by the input takes in that mean and spread depend on the images of all processes
    (Ioffe & Szegedy 2015, section 3); those by gain and shift are of this process's images.
    """

    @staticmethod
    def forward(
        ctx: Any,
        values: Tensor,
        gain: Tensor | None,
        shift: Tensor | None,
        mean: Tensor,
        inverse: Tensor,
        count: Tensor,
        ranks: Ranks,
        counts: bool,
    ) -> Tensor:
        ctx.save_for_backward(values, gain, mean, inverse, count)
        ctx.ranks, ctx.counts = ranks, counts
        scale = inverse if gain is None else inverse * gain
        offset = -mean * scale if shift is None else shift - mean * scale
        return torch.addcmul(_along(offset, values), values, _along(scale, values)).to(values.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, ...]:
        values, gain, mean, inverse, count = ctx.saved_tensors
        slope, axes = slope.to(mean.dtype), _all_but_channels(values)
        normalised = (values - _along(mean, values)) * _along(inverse, values)
        by_shift, by_gain = slope.sum(axes), (slope * normalised).sum(axes)
        sums = torch.stack([by_shift, by_gain])
        mean_slopes = ctx.ranks.total(sums if ctx.counts else torch.zeros_like(sums)) / count
        if ctx.counts:  # else the statistics do not depend on these values
            slope = slope - _along(mean_slopes[0], values)
            slope = slope.addcmul(normalised, _along(mean_slopes[1], values), value=-1)
        scale = inverse if gain is None else inverse * gain
        by_values = (slope * _along(scale, values)).to(values.dtype)
        with_gain, with_shift = ctx.needs_input_grad[1:3]
        return (
            by_values,
            by_gain.to(values.dtype if gain is None else gain.dtype) if with_gain else None,
            by_shift.to(values.dtype if gain is None else gain.dtype) if with_shift else None,
            *(None,) * 5,
        )


def _moments_of_all(values: Tensor, ranks: Ranks, counts: bool) -> Float[Tensor, "3 channel"]:
    """Return of each channel the number of values, their mean, and the squares about it, summed.

    Merged from those of each process as Chan, Golub & LeVeque (1979) do: a sum of squares about
    zero would lose the digits of a channel whose mean is large. Of equal bits in all processes.
    Raises ValueError, as torch does, for a single value.
    """
    exact = values if values.dtype == torch.float64 else values.float()
    variance, mean = torch.var_mean(exact, _all_but_channels(values), correction=0)
    here = values.numel() // len(mean)
    count = torch.full_like(mean, here)
    own = torch.stack([count, mean, variance * count])
    every = ranks.stack(own if counts else torch.zeros_like(own))
    total = every[:, 0].sum(0)
    if here <= 1 and int(total[0]) <= 1:  # in this order: a GPU is waited for in the second
        raise ValueError(
            "Expected more than 1 value per channel when training, got input size "
            f"{tuple(values.shape)}"
        )
    merged = (every[:, 0] * every[:, 1]).sum(0) / total
    squares = (every[:, 2] + every[:, 0] * (every[:, 1] - merged).square()).sum(0)
    return torch.stack([total, merged, squares])


def _all_but_channels(values: Tensor) -> list[int]:
    return [0, *range(2, values.ndim)]


def _along(channels: Tensor, values: Tensor) -> Tensor:
    """Return numbers of channels in the shape that meets the channels of values."""
    return channels.view(-1, *(1,) * (values.ndim - 2))
