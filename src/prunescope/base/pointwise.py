"""What does oneDNN compute together with a convolution?"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd
from torch.utils._pytree import tree_map_only

Convolve = Callable[..., Tensor]
Summed = Callable[[Tensor, Tensor], Tensor]  # of a convolution's input, and what is added to it

_CHANGING = frozenset({"add_", "__iadd__"})
_ADDITIONS = _CHANGING | {"add", "__add__", "__radd__"}


def is_fused(convolution: _ConvNd) -> bool:
    """Return whether oneDNN computes this convolution with what follows it."""
    return (
        isinstance(convolution, nn.Conv2d)
        and convolution.padding_mode == "zeros"
        and not isinstance(convolution.padding, str)
        and convolution.weight.device.type == "cpu"
        and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
        and getattr(torch.ops.mkldnn, "_convolution_pointwise", None) is not None
    )


class Pointwise:
    """A convolution, and what is computed on each of its cells before it is written.

    It is the operation into which torch.compile turns them.
    is_rectified: whether a ReLU follows.
    """

    def __init__(
        self, convolution: _ConvNd, weight: Tensor, bias: Tensor, *, is_rectified: bool
    ) -> None:
        self._tensors = weight, bias
        steps = convolution.padding, convolution.stride, convolution.dilation
        self._steps = *steps, convolution.groups
        self._last = "relu" if is_rectified else None

    def normalised(self, maps: Tensor) -> Tensor:
        """Return the convolution's output alone."""
        return self._compute(maps, "none")

    def rectified(self, maps: Tensor) -> Tensor:
        """Return what the ReLU puts out."""
        return self._compute(maps, "relu")

    def summed(self, maps: Tensor, other: Tensor) -> Tensor:
        """Return the sum with another tensor, rectified where a ReLU follows."""
        compute = torch.ops.mkldnn._convolution_pointwise.binary
        cells: Tensor = compute(
            *(maps, other, *self._tensors, *self._steps), "add", 1.0, self._last, [], ""
        )
        return cells

    def _compute(self, maps: Tensor, then: str) -> Tensor:
        compute = torch.ops.mkldnn._convolution_pointwise
        cells: Tensor = compute(maps, *self._tensors, *self._steps, then, [], "")
        return cells


def postponed(
    normalised: Convolve, summed: Summed, hand_on: Callable[[Tensor], Tensor]
) -> Convolve:
    """Return a convolution that is computed when its output is added to another tensor.

    hand_on: called with the sum. Whatever else is done with the output, it is `normalised`.
    """

    def convolve(maps: Tensor) -> Tensor:
        output = torch.empty(0).as_subclass(_Postponed)
        output.normalised, output.summed, output.hand_on = normalised, summed, hand_on
        output.maps, output.value = maps, None
        return output

    return convolve


class _Postponed(Tensor):
    """A convolution's output that nothing has read yet; it holds no values of its own."""

    normalised: Convolve
    summed: Summed
    hand_on: Callable[[Tensor], Tensor]
    maps: Tensor
    value: Tensor | None

    @classmethod
    def __torch_function__(
        cls,
        func: Callable[..., Any],
        _types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        name = getattr(func, "__name__", "")
        if name in _ADDITIONS and len(args) == 2 and not kwargs:
            first, second = args
            if isinstance(first, cls) and first.can_add(second):
                return first.add_to(second, is_changed=name in _CHANGING)
            if isinstance(second, cls) and second.can_add(first) and name not in _CHANGING:
                return second.add_to(first, is_changed=False)
        args, kwargs = tree_map_only(cls, cls.read, (args, kwargs or {}))
        return func(*args, **kwargs)

    def can_add(self, other: object) -> bool:
        """Return whether oneDNN computes the sum with this, of which no axis is repeated."""
        return (
            self.value is None
            and type(other) is Tensor
            and other.dtype == torch.float32
            and other.ndim == 4
            and len(other) == len(self.maps)
        )

    def add_to(self, other: Tensor, *, is_changed: bool) -> Tensor:
        """Return the sum; is_changed: this is the sum from now on."""
        total = self.hand_on(self.summed(self.maps, other))
        if is_changed:
            self.value = total
        return total

    def read(self) -> Tensor:
        """Return the values, computed once."""
        if self.value is None:
            self.value = self.normalised(self.maps)
        return self.value
