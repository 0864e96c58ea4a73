"""Which tensors hold the weights themselves, and which only a substitute?"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import torch
from torch import Tensor

from prunescope.base.errors import DataError
from prunescope.base.modules import belongs_to_quantisation, is_quantised

Tensors: TypeAlias = Mapping[str, Tensor]
"""Tensors by their names."""

_SHOWN = 3
_ROOM = 1 << 30  # bytes that any weights may take
_RATIO = 1_000  # sparse weights of a network seldom leave one in a hundred


def few(names: Sequence[str]) -> str:
    """Return the first names, and how many more there are."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def plain_values(state: Mapping[str, Any], where: str) -> dict[str, Tensor]:
    """Return tensors that hold their values densely, those that are sparse filled with zeros.

    Raises DataError for values that are no weights: quantised, complex, of eight bits or fewer, or
    absent (meta tensors).
    """
    if state and all(getattr(value, "dtype", None) == torch.bool for value in state.values()):
        raise DataError(f"{where} holds a mask, not weights: it is given beside them, as --mask")
    refuse_quantised(state, where)
    _refuse_endless(state, where)
    dense: dict[str, Tensor] = {}
    for name, tensor in state.items():
        if tensor.is_meta:
            raise DataError(
                f"{where} holds no values of {name}: it is a tensor of the device meta; save the "
                "state dict after the weights are loaded"
            )
        if tensor.dtype.is_complex:
            raise DataError(
                f"{where} is complex ({name}): concepts and pruning need real weights; save "
                "magnitudes, or real and imaginary parts, as the network computes with them"
            )
        plain = tensor if tensor.layout == torch.strided else tensor.to_dense()
        dense[name] = plain.detach()
    return dense


def _refuse_endless(state: Mapping[str, Tensor], where: str) -> None:
    """Raise DataError for tensors that would fill the memory though the file holds next to nothing.

    A sparse tensor, or a view that repeats one number, may state any shape.
    """
    full = {name: tensor.numel() * tensor.element_size() for name, tensor in state.items()}
    total, stored = sum(full.values()), sum(map(_stored_bytes, state.values()))
    if total > _ROOM and total > _RATIO * stored:
        largest = max(full, key=full.__getitem__)
        raise DataError(
            f"{where} would take {total / 1e9:,.0f} GB of memory, but holds {stored:,} bytes of "
            f"weights: the shape of {largest}, {tuple(state[largest].shape)}, is no network's"
        )


def _stored_bytes(tensor: Tensor) -> int:
    if tensor.is_meta:
        return tensor.numel() * tensor.element_size()  # refused for holding no values
    if tensor.layout == torch.sparse_coo:
        return tensor._values().nbytes + tensor._indices().nbytes
    if tensor.layout != torch.strided:
        return tensor.values().nbytes
    return tensor.untyped_storage().nbytes()


def refuse_quantised(state: Mapping[str, Any], where: str, expected: Tensors | None = None) -> None:
    """Raise DataError for weights that are not stored as the floating-point numbers they stand for.

    expected: the network's tensors; integers where these are floats are refused, too.
    """
    quantised = [key for key, value in state.items() if _stands_for_another(key, value, expected)]
    if quantised:
        raise DataError(
            f"{where} is quantised ({len(quantised)} not of floating point: {few(quantised)}): "
            "concepts and pruning need the weights themselves, so give the checkpoint from before "
            "it was quantised, or save each tensor's dequantize() under the network's own names"
        )


def not_finite(state: Tensors, expected: Tensors | None = None) -> list[str]:
    """Return the names of tensors that hold nan or infinity, or would in the network's type.

    expected: the network's tensors as it was built. Where one of these is not finite, as in a
    causal mask, the file's may be so, too.
    """
    return [
        name
        for name, tensor in state.items()
        if tensor.is_floating_point()
        and not _is_finite(_as_in(tensor, expected, name))
        and (expected is None or name not in expected or _is_finite(expected[name]))
    ]


def refuse_not_finite(state: Tensors, where: str, expected: Tensors | None = None) -> None:
    """Raise DataError naming the first tensor that is not finite, see `not_finite`."""
    broken = not_finite(state, expected)
    if broken:
        more = f", and so do {len(broken) - 1} more tensors" if len(broken) > 1 else ""
        raise DataError(
            f"{where}: {broken[0]} holds a value that is not finite (nan or infinity){more}: the "
            "training diverged, or the file is damaged; give a checkpoint from before"
        )


def _as_in(tensor: Tensor, expected: Tensors | None, name: str) -> Tensor:
    if expected is None or name not in expected or expected[name].dtype == tensor.dtype:
        return tensor
    return tensor.to(expected[name].dtype)


def _is_finite(tensor: Tensor) -> bool:
    if bool(torch.isfinite(tensor.sum())):  # a tenth of the time; nan and infinity show in it
        return True
    return bool(torch.isfinite(tensor).all())  # a sum of large numbers may overflow


def _stands_for_another(key: str, value: Any, expected: Tensors | None) -> bool:
    if belongs_to_quantisation(key):
        return expected is None or key not in expected
    if not isinstance(value, Tensor):
        return False
    if expected is None or value.is_quantized or value.is_floating_point():
        return is_quantised(key, value)
    return key in expected and expected[key].is_floating_point()
