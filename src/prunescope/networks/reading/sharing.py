"""Which names stand for one tensor of a network, and what of them is in a file?"""

from collections.abc import Mapping
from typing import TypeVar

from torch import Tensor

from prunescope.base.errors import DataError
from prunescope.networks.reading.effective import Effective

T = TypeVar("T")


def with_shared(found: Effective, own: Mapping[str, Tensor]) -> Effective:
    """Return the weights of a file under every name that a network has for them.

    own: the network's state dict. Files of safetensors hold a tensor that modules share once, as
    `save_model` and `save_pretrained` write them, under any of its names.
    """
    alike = shared_names(own)
    return Effective(_completed(found.state, alike), _completed(found.masks, alike), found.norms)


def refuse_disagreement(state: Mapping[str, Tensor], own: Mapping[str, Tensor], where: str) -> None:
    """Raise DataError where a file has two values of a tensor that the network has once."""
    for first, *others in shared_names(own):
        for second in others:
            if first in state and second in state and not _alike(state[first], state[second]):
                raise DataError(
                    f"the network has one weight under the names {first} and {second}, but "
                    f"{where} holds two different ones"
                )


def shared_names(own: Mapping[str, Tensor]) -> list[list[str]]:
    """Return the names of each tensor of a state dict that has several, in order."""
    names: dict[tuple[object, ...], list[str]] = {}
    for name, tensor in own.items():
        storage = tensor.untyped_storage()._cdata
        place = (storage, tensor.storage_offset(), tensor.shape, tensor.stride())
        names.setdefault(place, []).append(name)
    return [alike for alike in names.values() if len(alike) > 1]


def _completed(named: Mapping[str, T], groups: list[list[str]]) -> dict[str, T]:
    """Return what is named, and under the names alike that are absent the same again."""
    every = dict(named)
    for alike in groups:
        present = next((name for name in alike if name in named), None)
        if present is not None:
            every |= {name: named[present] for name in alike if name not in named}
    return every


def _alike(a: Tensor, b: Tensor) -> bool:
    return a.shape == b.shape and bool(((a == b) | ((a != a) & (b != b))).all())
