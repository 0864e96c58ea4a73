"""Which values in a network depend on the image?

A value does if a path without a weight or a gain of a normalisation of zero leads from the image to
it. Every function that the network calls is followed: `Reach` tensors hold 1 for values that depend
on the image, and 0 for others.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_flatten, tree_map


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_ELEMENTWISE = _names(
    """
    abs celu clamp clamp_max clamp_min cos dropout dropout1d dropout2d dropout3d alpha_dropout
    feature_dropout elu erf exp exp2 expm1 gelu hardshrink hardsigmoid hardswish hardtanh
    leaky_relu log log1p logsigmoid mish nan_to_num neg pow prelu reciprocal relu relu6 rrelu
    rsqrt selu sigmoid silu sin softplus softshrink softsign sqrt square tanh tanhshrink
    threshold trunc round floor ceil sign
    """
)
_COMBINING = _names(
    """
    add sub rsub mul div true_divide maximum minimum multiply divide subtract atan2 fmod
    remainder radd rmul rtruediv rdiv truediv iadd isub imul itruediv addcmul addcdiv lerp
    """
)
_ARRANGING = _names(
    """
    adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d adaptive_max_pool1d
    adaptive_max_pool2d adaptive_max_pool3d amax any avg_pool1d avg_pool2d avg_pool3d
    broadcast_to cat chunk clone concat concatenate contiguous cumsum detach double expand
    expand_as flatten flip float gather getitem half hstack index_select interpolate upsample
    max max_pool1d max_pool2d max_pool3d max_pool1d_with_indices max_pool2d_with_indices
    max_pool3d_with_indices mean moveaxis movedim narrow permute pixel_shuffle pixel_unshuffle
    native_channel_shuffle channel_shuffle pad ravel repeat repeat_interleave requires_grad_
    reshape reshape_as roll select setitem split split_with_sizes squeeze stack sum swapaxes
    swapdims t tensor_split tile to transpose type type_as unbind unflatten unfold unsqueeze
    view view_as vstack where
    """
)
_IN_PLACE = _names("iadd isub imul itruediv")
_CONSTANT = _names(
    "zeros_like ones_like full_like empty_like new_zeros new_ones new_empty new_full new_tensor"
)
_CONVOLUTIONS = _names(
    "conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d linear"
)
_MATRIX = _names("matmul bmm mm rmatmul")


class Reach(Tensor):
    """A tensor with 1 for each value that depends on the image. walk: what follows it."""

    walk: "Walk"

    @classmethod
    def __torch_function__(
        cls, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        with torch._C.DisableTorchFunctionSubclass():
            return _first_reach(args, kwargs).walk.follow(func, args, kwargs)


class Walk:
    """Follows an image's values through the functions that a network calls.

    unknown: the functions through which dependence could not be followed and that were called with
        a value that does not depend on the image; every value they return counts as depending.
    weights: of the convolutions and linear functions called since this was last cleared, as they
        act.
    """

    def __init__(self) -> None:
        self.unknown: list[str] = []
        self.weights: list[Tensor] = []

    def start(self, images: Tensor) -> Reach:
        """Return images of which every value depends on the image."""
        return self._reach(torch.ones_like(images))

    def follow(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Return the result of a function of which some arguments are a Reach."""
        name = str(getattr(func, "__name__", func))
        plain_name = name.strip("_") if name.startswith("__") else name.rstrip("_").lstrip("_")
        if name == "__get__":
            return self._wrapped(func(*map(_plain, args)))
        rule = _RULES.get(plain_name)
        in_place = plain_name in _IN_PLACE or (name.endswith("_") and not name.startswith("__"))
        if rule is not None:
            result = rule(self, func, args, kwargs)
        elif plain_name in _ELEMENTWISE:
            result = self._reach(_plain(_first_reach(args, kwargs)).clone())
        elif plain_name in _COMBINING:
            result = self._reach(_any_of(args, kwargs))
        elif plain_name in _CONSTANT:
            return func(*tree_map(_plain, args), **tree_map(_plain, kwargs))
        elif plain_name in _ARRANGING:
            inputs, named = tree_map(_as_constant, args), tree_map(_as_constant, kwargs)
            return self._wrapped(func(*inputs, **named))
        else:
            return self._lost(name, func, args, kwargs)
        if in_place and isinstance(args[0], Reach):
            _plain(args[0]).copy_(_plain(result))
            return args[0]
        return result

    def forget(self, why: str, *inputs: Any) -> bool:
        """Note why dependence is unknown from here on, if an input holds a constant value."""
        constant = any(
            isinstance(part, Reach) and not bool(_plain(part).all())
            for part in tree_flatten(inputs)[0]
        )
        if constant and why not in self.unknown:
            self.unknown.append(why)
        return constant

    def _lost(self, name: str, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        result = func(*tree_map(_plain, args), **tree_map(_plain, kwargs))
        parts = [part for part in tree_flatten(result)[0] if isinstance(part, Tensor)]
        if any(part.is_complex() for part in parts):
            self.unknown.append(name)
        elif any(part.is_floating_point() for part in parts):
            self.forget(name, args, kwargs)
        return tree_map(
            lambda part: self._reach(torch.ones_like(part)) if _is_float(part) else part, result
        )

    def _reach(self, values: Tensor) -> Reach:
        reach: Reach = (values != 0).float().as_subclass(Reach)
        reach.walk = self
        return reach

    def _wrapped(self, result: Any) -> Any:
        return tree_map(lambda part: self._reach(part) if _is_float(part) else part, result)


def _is_float(part: Any) -> bool:
    return isinstance(part, Tensor) and part.is_floating_point()


def _plain(part: Any) -> Any:
    return part.as_subclass(Tensor) if isinstance(part, Reach) else part


def _as_constant(part: Any) -> Any:
    """Return the values of a Reach; zeros for any other tensor, which depends on no image."""
    if isinstance(part, Reach):
        return _plain(part)
    return torch.zeros_like(part) if _is_float(part) else part


def _first_reach(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Reach:
    return next(part for part in tree_flatten((args, kwargs))[0] if isinstance(part, Reach))


def _any_of(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Tensor:
    """Return tensors broadcast together: more than 0 where any of them is."""
    parts = [_as_constant(p) for p in tree_flatten((args, kwargs))[0] if isinstance(p, Tensor)]
    total: Tensor = parts[0].float()
    for part in parts[1:]:
        total = total + part.float()
    return total


def _arguments(names: str, args: Any, kwargs: Any) -> list[Any]:
    """Return a function's first arguments, by position or by name; None for those left out."""
    named = enumerate(names.split())
    return [args[index] if index < len(args) else kwargs.get(name) for index, name in named]


def _convolve(walk: Walk, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Reach:
    values, weight = _arguments("input weight", args, kwargs)
    if isinstance(weight, Reach) or not isinstance(values, Reach):
        walk.forget("weights that depend on the image", values, weight)
        weight = torch.ones_like(_plain(weight))
    else:
        walk.weights.append(weight.detach())  # as it is now: the network may put another there
    rest = {key: value for key, value in kwargs.items() if key not in ("input", "weight", "bias")}
    passing = (weight != 0).float()
    return walk._reach(func(_plain(values).float(), passing, None, *args[3:], **rest))


def _multiply_matrices(walk: Walk, func: Any, args: Any, kwargs: Any) -> Reach:
    """Between a map and constants weights count; between two maps either may move the product."""
    left, right = _arguments("input mat2", args, kwargs)
    right = kwargs.get("other", right) if right is None else right
    if isinstance(left, Reach) and isinstance(right, Reach):
        walk.forget("a product of two maps", left, right)
        return walk._reach(func(torch.ones_like(_plain(left)), torch.ones_like(_plain(right))))
    either = (
        _plain(part) if isinstance(part, Reach) else (part != 0).float() for part in (left, right)
    )
    return walk._reach(func(*either))


def _attend(walk: Walk, _func: Any, args: Any, kwargs: Any) -> Any:
    query, _, value = _arguments("query key value", args, kwargs)
    walk.forget("attention", args, kwargs)
    shape = (*query.shape[:-1], value.shape[-1])
    return walk._reach(torch.ones(shape))


def _attend_with_heads(walk: Walk, _func: Any, args: Any, kwargs: Any) -> Any:
    (query,) = _arguments("query", args, kwargs)
    walk.forget("attention", args, kwargs)
    return walk._reach(torch.ones_like(_plain(query))), None


def _scaled(values: Tensor, gain: Tensor | None, shape: Iterable[int]) -> Tensor:
    if gain is not None:
        values = values * (gain != 0).float().reshape(tuple(shape))
    return values


def _normalise_channels(walk: Walk, func: Any, args: Any, kwargs: Any) -> Any:
    """Of batch and instance normalisation: every channel is normalised by itself."""
    of_batch = func.__name__.endswith("batch_norm")
    names = "input running_mean running_var weight bias " + (
        "training" if of_batch else "use_input_stats"
    )
    values, mean, _, gain, _, present = _arguments(names, args, kwargs)
    if not isinstance(values, Reach):
        return func(*tree_map(_plain, args), **tree_map(_plain, kwargs))
    if present is None:
        present = not of_batch
    reached = _plain(values)
    if (present or mean is None) and reached.dim() > 2:
        reached = reached.flatten(2).amax(2).reshape(*reached.shape[:2], *[1] * (reached.dim() - 2))
        reached = reached.expand_as(_plain(values))
    return walk._reach(_scaled(reached, gain, (1, -1, *[1] * (reached.dim() - 2))))


def _normalise_groups(walk: Walk, _func: Any, args: Any, kwargs: Any) -> Reach:
    values, groups, gain = map(_plain, _arguments("input num_groups weight", args, kwargs))
    grouped = values.reshape(len(values), groups, -1)
    mixed = grouped.amax(2, keepdim=True).expand_as(grouped).reshape(values.shape)
    return walk._reach(_scaled(mixed, gain, (1, -1, *[1] * (values.dim() - 2))))


def _normalise_last(walk: Walk, _func: Any, args: Any, kwargs: Any) -> Reach:
    values, shape, gain = map(_plain, _arguments("input normalized_shape weight", args, kwargs))
    axes = tuple(range(-len(shape), 0))
    mixed = values.amax(axes, keepdim=True).expand_as(values)
    return walk._reach(_scaled(mixed, gain, shape))


def _mix_along(default: int | None, name: str) -> Callable[..., Reach]:
    """Return the rule of a function that mixes all values along an axis."""

    def mix(walk: Walk, _func: Any, args: Any, kwargs: Any) -> Reach:
        (values,) = map(_plain, _arguments("input", args, kwargs))
        axis = kwargs.get("dim", args[1] if name == "softmax" and len(args) > 1 else default)
        mixed = values.amax() if axis is None else values.amax(axis, keepdim=True)
        return walk._reach(mixed.expand_as(values))

    return mix


def _pad(walk: Walk, func: Any, args: Any, kwargs: Any) -> Reach:
    """Padding with a number brings in constants, whatever the number."""
    values, pad, mode = _arguments("input pad mode", args, kwargs)
    return walk._reach(func(_plain(values), pad, mode=mode or "constant"))


_RULES: dict[str, Callable[..., Any]] = {
    **dict.fromkeys(_CONVOLUTIONS, _convolve),
    **dict.fromkeys(_MATRIX, _multiply_matrices),
    **dict.fromkeys(("softmax", "log_softmax", "softmin"), _mix_along(None, "softmax")),
    "batch_norm": _normalise_channels,
    "instance_norm": _normalise_channels,
    "group_norm": _normalise_groups,
    "layer_norm": _normalise_last,
    "rms_norm": _normalise_last,
    "local_response_norm": _mix_along(1, "local"),
    "normalize": _mix_along(1, "normalize"),
    "scaled_dot_product_attention": _attend,
    "multi_head_attention_forward": _attend_with_heads,
    "pad": _pad,
}
