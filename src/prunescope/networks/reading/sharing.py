"""Under which names does a network have one tensor, and which of them are in a file?"""

from collections.abc import Mapping
from typing import TypeVar

from torch import Tensor

from prunescope.base.errors import DataError
from prunescope.networks.reading.effective import Effective
from prunescope.networks.reading.values import Tensors

T = TypeVar("T")


def with_shared(weights: Effective, expected: Tensors) -> Effective:
    """Return the weights of a file under every name that a network has for them.

    expected: the network's state dict. Files of safetensors hold a tensor that modules share only
    once, under any of its names, as `save_model` and `save_pretrained` write them.
    """
    alike = shared_names(expected)
    return Effective(
        _completed(weights.state, alike), _completed(weights.masks, alike), weights.norms
    )


def refuse_disagreement(state: Tensors, expected: Tensors, where: str) -> None:
    """Raise DataError where a file has two values of a tensor that the network has once."""
    for first, *aliases in shared_names(expected):
        for second in aliases:
            if first in state and second in state and not _alike(state[first], state[second]):
                raise DataError(
                    f"the network has one weight under the names {first} and {second}, but "
                    f"{where} holds two different ones"
                )


def shared_names(expected: Tensors) -> list[list[str]]:
    """Return the names of each tensor of a state dict that has several, in order."""
    names: dict[tuple[object, ...], list[str]] = {}
    for name, tensor in expected.items():
        storage = tensor.untyped_storage()._cdata
        view = (storage, tensor.storage_offset(), tensor.shape, tensor.stride())
        names.setdefault(view, []).append(name)
    return [alike for alike in names.values() if len(alike) > 1]


def _completed(tensors: Mapping[str, T], groups: list[list[str]]) -> dict[str, T]:
    """Return the tensors, each also under the names of the same tensor that are absent."""
    completed = dict(tensors)
    for alike in groups:
        present = next((name for name in alike if name in tensors), None)
        if present is not None:
            completed |= {name: tensors[present] for name in alike if name not in tensors}
    return completed


def _alike(a: Tensor, b: Tensor) -> bool:
    return a.shape == b.shape and bool(((a == b) | ((a != a) & (b != b))).all())
