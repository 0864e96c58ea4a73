"""Which weights take effect where a tool stores them in parts: masks, norms, parametrizations?

torch.nn.utils.prune: `weight_orig` x `weight_mask`. Layers that mask as they compute: `weight` x
    `weight_mask`. OpenLTH's checkpoints: `model.conv.weight` and `mask_conv___weight`.
torch.nn.utils.parametrize: `parametrizations.weight.original`, and what each parametrization keeps:
    a `mask` (torch.ao.pruning in older releases; today's saves none), or `_u` and `_v`
    (spectral_norm); of weight_norm `original0` and `original1`.
The older norms: `weight_g` and `weight_v`; `weight_orig`, `weight_u` and `weight_v`.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass, field

import torch
from torch import Tensor

from prunescope.base.errors import DataError
from prunescope.networks.reading.values import Tensors

_PARAMETRIZED = re.compile(r"(?:(.*)\.)?parametrizations\.([^.]+)\.(.+)")
_OPENLTH_MASK, _OPENLTH_DOT, _OPENLTH_NETWORK = "mask_", "___", "model."
_CURE = (
    "where you have the model, call model.eval() and, for each such layer, "
    'torch.nn.utils.parametrize.remove_parametrizations(layer, "weight") (or '
    "torch.nn.utils.remove_spectral_norm(layer); of torch.ao.pruning sparsifier.squash_mask() "
    "alone), then torch.save(model.state_dict(), ...)"
)


@dataclass
class Effective:
    """A state dict under plain names, and what was learned on the way.

    masks: True where a weight survives, for each tensor of which the file says it. norms: how many
    weights were computed from a norm and a direction.
    """

    state: dict[str, Tensor]
    masks: dict[str, Tensor] = field(default_factory=dict)
    norms: int = 0

    def masked(self) -> dict[str, Tensor]:
        """Return the weights with zeros where a mask says so, though they were saved otherwise."""
        return {
            name: zeroed(tensor, self.masks[name]) if name in self.masks else tensor
            for name, tensor in self.state.items()
        }


def in_effect(state: Tensors, where: str, expected: Collection[str] = frozenset()) -> Effective:
    """Return the weights that take effect, under the names that they have in a plain network.

    expected: the network's names; what it keeps in parts itself is left as it is.
    A computed weight stands where its first part stood; a pruned one is +0.
    Raises DataError for a mask that is none, and for what no rule here can compute.
    """
    weights = multiply_masks(Effective(dict(state)), where, expected)
    weights = _compute_parametrized(weights, where, expected)
    return _compute_old_norms(weights, where, expected)


def weight_name(name: str) -> str:
    """Return the name of the weight of which a tensor is a part; its own, if of none."""
    match = _PARAMETRIZED.fullmatch(name)
    if match:
        return _join(match[1], match[2])
    for ending in ("_orig", "_g", "_v", "_u"):
        if name.endswith(f"weight{ending}"):
            return name.removesuffix(ending)
    return name.removesuffix("_orig")


def boolean_masks(tensors: Tensors, where: str) -> dict[str, Tensor]:
    """Read tensors of zeros and ones, of any type, as masks: True for one.

    where: what they came from, for messages. Raises DataError naming one that holds anything else.
    """
    for name, tensor in tensors.items():
        if not _is_mask(tensor):
            raise DataError(f"{where} is not a mask: {name} holds values that are neither 0 nor 1")
    return {name: tensor == 1 for name, tensor in tensors.items()}


def zeroed(weight: Tensor, kept: Tensor) -> Tensor:
    """Return a weight that is exactly zero, +0, where it is pruned, whatever it was there."""
    return torch.where(kept, weight, torch.zeros_like(weight))


def split_openlth(weights: Effective, where: str) -> Effective:
    """Split an OpenLTH checkpoint into the network's own weights, as they were saved, and masks.

    It masks in its forward pass alone, so pruned weights need not be zero.
    """
    state = weights.state
    keys = {
        key: key.removeprefix(_OPENLTH_MASK).replace(_OPENLTH_DOT, ".")
        for key in state
        if key.startswith(_OPENLTH_MASK)
    }
    if not keys or any(_OPENLTH_NETWORK + name not in state for name in keys.values()):
        return weights
    masks = boolean_masks({name: state[key] for key, name in keys.items()}, where)
    plain = {
        key.removeprefix(_OPENLTH_NETWORK): tensor
        for key, tensor in state.items()
        if key not in keys
    }
    return Effective(plain, masks)


def multiply_masks(
    weights: Effective, where: str, expected: Collection[str] = frozenset()
) -> Effective:
    """Apply the masks of torch.nn.utils.prune, and of layers that mask as they compute."""
    state = weights.state
    sources: dict[str, str] = {}
    for key in state:
        name = key.removesuffix("_mask")
        if name == key or key in expected:
            continue
        if f"{name}_orig" in state:
            sources[f"{name}_orig"] = name
        elif name in state and state[name].shape == state[key].shape and _is_mask(state[key]):
            sources[name] = name
    if not sources:
        return weights
    masks = boolean_masks(
        {name: state[f"{name}_mask"] for key in state if (name := sources.get(key, ""))}, where
    )
    applied = {f"{name}_mask" for name in sources.values()}
    plain: dict[str, Tensor] = {}
    for key, tensor in state.items():
        if key in sources and key not in applied:
            name = sources[key]
            _check_shape(name, masks[name], tensor)
            plain[name] = zeroed(tensor, masks[name])
        elif key not in applied:
            plain[key] = tensor
    return Effective(plain, weights.masks | masks, weights.norms)


def _compute_parametrized(weights: Effective, where: str, expected: Collection[str]) -> Effective:
    parts: dict[str, dict[str, Tensor]] = {}
    for key, tensor in weights.state.items():
        match = _PARAMETRIZED.fullmatch(key)
        if match and key not in expected:
            parts.setdefault(_join(match[1], match[2]), {})[match[3]] = tensor
    plain: dict[str, Tensor] = {}
    masks, norms = dict(weights.masks), weights.norms
    for key, tensor in weights.state.items():
        match = _PARAMETRIZED.fullmatch(key)
        name = _join(match[1], match[2]) if match else ""
        if name not in parts:
            plain[key] = tensor
        elif name not in plain:
            plain[name], kept, normed = _parametrized(name, parts[name], where)
            norms += normed
            if kept is not None:
                masks[name] = kept
    return Effective(plain, masks, norms)


def _parametrized(name: str, parts: Tensors, where: str) -> tuple[Tensor, Tensor | None, bool]:
    """Compute one weight, its mask if it has one, and whether a norm was in it."""
    left = dict(parts)
    normed = left.keys() >= {"original0", "original1"}
    if normed:
        weight = _weight_norm(name, left.pop("original0"), left.pop("original1"), where)
    elif "original" in left and len(left) > 1:
        weight = left.pop("original")
    else:
        raise _unknown(name, parts, where)
    mask: Tensor | None = None
    first = int(normed)  # the norm is the first parametrization
    for index in range(first, first + len(left)):
        kept = left.pop(f"{index}.mask", None)
        if kept is not None:
            kept = boolean_masks({name: kept}, where)[name]
            _check_shape(name, kept, weight)
            weight, mask = zeroed(weight, kept), kept if mask is None else mask & kept
        elif f"{index}._u" in left and f"{index}._v" in left:
            u, v = left.pop(f"{index}._u"), left.pop(f"{index}._v")
            weight, normed = _spectral_norm(name, weight, u, v, where), True
    if left:
        raise _unknown(name, parts, where)
    return weight, mask, normed


def _compute_old_norms(weights: Effective, where: str, expected: Collection[str]) -> Effective:
    state = weights.state
    plain = dict(state)
    masks, norms = dict(weights.masks), weights.norms
    for key in state:
        name = key[:-2] if key.endswith("_v") else ""
        if not name or key in expected or name in state:
            continue
        if f"{name}_g" in state:
            weight = _weight_norm(name, state[f"{name}_g"], state[key], where)
            parts = {f"{name}_g", key}
            masks = _with_mask_of_norm(name, masks, weight)
        elif f"{name}_orig" in state and f"{name}_u" in state:
            original, u = state[f"{name}_orig"], state[f"{name}_u"]
            weight = _spectral_norm(name, original, u, state[key], where)
            parts = {f"{name}_orig", f"{name}_u", key}
        else:
            continue
        norms += 1
        first = next(key for key in plain if key in parts)
        plain = {
            name if key == first else key: weight if key == first else tensor
            for key, tensor in plain.items()
            if key == first or key not in parts
        }
    return Effective(plain, masks, norms)


def _with_mask_of_norm(name: str, masks: Tensors, weight: Tensor) -> dict[str, Tensor]:
    """Return the masks with those of a direction and its norms as one of the weight."""
    parts = (f"{name}_v", f"{name}_g")
    kept = [masks[part].expand_as(weight) for part in parts if part in masks]
    unchanged = {part: mask for part, mask in masks.items() if part not in parts}
    return unchanged | ({name: torch.stack(kept).all(dim=0)} if kept else {})


def _weight_norm(name: str, norm: Tensor, direction: Tensor, where: str) -> Tensor:
    """Return g v / |v|, |v| over all axes but the one along which there is a g each."""
    if direction.dim() == 0 or norm.dim() not in (0, direction.dim()):
        raise _unknown(name, {"g": norm, "v": direction}, where)
    axes = [axis for axis in range(norm.dim()) if norm.shape[axis] > 1]
    axis = -1 if norm.dim() == 0 else axes[0] if axes else 0
    shape = [size if i == axis else 1 for i, size in enumerate(direction.shape)]
    if norm.dim() and list(norm.shape) != shape:
        raise _unknown(name, {"g": norm, "v": direction}, where)
    return torch._weight_norm(_computable(direction), _computable(norm), axis)


def _spectral_norm(name: str, weight: Tensor, u: Tensor, v: Tensor, where: str) -> Tensor:
    """Return W / (u W v), as the layer computes it in evaluation mode.

    W is the weight with one axis, that of its outputs, against all others. Raises DataError where
    that axis cannot be known: the first, or, in transposed convolutions, the second.
    """
    axes = [
        axis
        for axis in range(min(2, weight.dim()))
        if weight.shape[axis] == len(u) and weight.numel() == len(u) * len(v)
    ]
    if weight.dim() == 2:  # a linear layer's, always the first
        axes = axes[:1] if axes[:1] == [0] else []
    if len(axes) != 1:
        raise DataError(
            f"{where}: {name} is under spectral_norm, and the file does not tell along which axis, "
            f"so that the weights that take effect cannot be known: {_CURE}"
        )
    dense = _computable(weight)
    matrix = dense.movedim(axes[0], 0).flatten(1)
    return dense / torch.dot(_computable(u), torch.mv(matrix, _computable(v)))


def _computable(tensor: Tensor) -> Tensor:
    return tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16) else tensor


def _unknown(name: str, parts: Tensors, where: str) -> DataError:
    return DataError(
        f"{where}: {name} is stored as {', '.join(parts)}, by a parametrization whose weights "
        f"cannot be computed from the file alone: {_CURE}"
    )


def _check_shape(name: str, kept: Tensor, weight: Tensor) -> None:
    if kept.shape != weight.shape:
        shapes = f"{tuple(kept.shape)}, but {tuple(weight.shape)} here"
        raise DataError(f"the mask is another network's: {name} is {shapes}")


def _is_mask(tensor: Tensor) -> bool:
    return tensor.dtype == torch.bool or bool(((tensor == 0) | (tensor == 1)).all())


def _join(path: str | None, name: str) -> str:
    return f"{path}.{name}" if path else name
