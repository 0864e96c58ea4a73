"""Which tensors of a file are layers, which are parameters, and which occur twice?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import torch
from torch import Tensor, nn

from prunescope.networks.images import ImageSize
from prunescope.pruning.acting import (
    LAYER_TYPES,
    first_names,
    has_own_code,
    is_computed,
    layer_keys,
    parameters_once,
    present_weight,
)
from prunescope.pruning.flow import Flow
from prunescope.pruning.saved import SavedWeights, is_buffer

_LARGE = 16  # values: smaller tensors may be equal by chance

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class StoredLayers:
    """The weights, parameters and tensors of a file, each counted once.

    weights: of layers, as they act, by name. modules: the layers, if the network is known.
    parameters: everything that is trained. tensors: everything that is stored, including buffers.
    shared: the first name of each shared tensor, by its other names. used_outside: layers whose
        weights the network's own code also uses. notes: for the user.
    """

    weights: Mapping[str, Tensor]
    modules: Mapping[str, nn.Module] = field(default_factory=dict)
    parameters: Mapping[str, Tensor]
    tensors: Mapping[str, Tensor]
    shared: Mapping[str, str] = field(default_factory=dict)
    used_outside: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()

    def under_first_names(self, named: Mapping[str, T]) -> dict[str, T]:
        """Return named values with each shared tensor once, under its first name."""
        return {self.shared.get(name, name): each for name, each in reversed([*named.items()])}


def stored_layers(saved: SavedWeights) -> StoredLayers:
    """Return what is known without the network, where every tensor of two or more axes is a layer.

    Equal tensors count as one shared tensor, unless they are small or constant.
    """
    shared = _equal_tensors(saved.state)
    tensors = {name: tensor for name, tensor in saved.state.items() if name not in shared}
    parameters = {name: tensor for name, tensor in tensors.items() if not is_buffer(name)}
    layers = [name for name, tensor in parameters.items() if tensor.dim() > 1 and tensor.numel()]
    masked = [name for name in saved.mask or () if name not in shared]
    notes = [
        f"{second} equals {first} to the last bit and is counted as the same weights"
        for second, first in shared.items()
    ]
    return StoredLayers(
        weights={name: tensors[name] for name in dict.fromkeys([*layers, *masked])},
        parameters=parameters,
        tensors=tensors,
        shared=shared,
        notes=tuple(notes),
    )


def network_layers(
    network: nn.Module, saved: SavedWeights, flow: Flow, views: Mapping[str, str]
) -> StoredLayers:
    """Return the weights that a network with the file's weights computes with.

    flow: how an image passed it. views: parameters that are views of others.
    """
    first = first_names(network)
    shared = {name: former for name, former in first.items() if name != former}
    modules = {n: alike[0] for n, alike in layer_keys(network).items() if n not in views}
    weights, notes, changed = {}, [], {}
    ran = bool(flow.layers or flow.outside)
    for name, module in modules.items():
        traced = flow.layers.get(name)
        acting = None if traced is None else traced.weight
        if acting is None or acting.shape != present_weight(module).shape:
            acting = present_weight(module)
            if type(module) not in LAYER_TYPES and not ran and not is_computed(module):
                notes.append(f"{name} may act otherwise than it is stored: give --resolution")
        stored = saved.state.get(name)
        if ran and traced is None:
            notes.append(
                f"{name} never runs as a layer, so that its multiply-adds and dead units are not "
                "known, and not in the totals"
            )
            acting, note = _used_outside(name, acting, flow.outside)
            notes += note
        weights[name] = acting if stored is None else _as_stored(acting, stored)
        if stored is not None and weights[name] is not stored and not is_computed(module):
            changed[name] = weights[name]
    notes += _notes_of_changed(changed)
    outside = _ran_and_used_outside(weights, flow)
    notes += [
        f"{name} is also used by the network's own code, outside of its layer, so that its "
        "multiply-adds and dead units are not known, and not in the totals"
        for name in outside
    ]
    masked = [shared.get(name, name) for name in saved.mask or ()]
    weights |= {name: saved.state[name] for name in masked if name not in weights}
    if not ran and has_own_code(network):
        notes.append(
            "weights are counted as they are stored: whether the network's own code changes them "
            "as it runs shows with --resolution"
        )
    parameters = {
        name: saved.state.get(name, parameter.detach())
        for name, parameter in parameters_once(network).items()
        if name not in views
    }
    return StoredLayers(
        weights=weights,
        modules=modules,
        parameters=parameters,
        tensors={
            name: tensor
            for name, tensor in saved.state.items()
            if name not in shared and name not in views
        },
        shared=shared,
        used_outside=frozenset(outside),
        notes=tuple(notes),
    )


def reasons_of_unknowns(
    has_network: bool, resolution: ImageSize | None, flow: Flow, saved: SavedWeights
) -> dict[str, str]:
    """Return why counts are unknown, by their names."""
    reasons = {}
    if not has_network:
        untraced = "it is not known to which network the weights belong: give --network"
        reasons["network"] = untraced
    elif not resolution:
        untraced = "it is not known how large an image the network sees: give --resolution"
        reasons["resolution"] = untraced
    else:
        untraced = ""
    if untraced:
        reasons |= dict.fromkeys(("multiply_adds", "sparse_multiply_adds", "dead_units"), untraced)
    elif flow.unknown:
        through = ", ".join(flow.unknown)
        reasons["dead_units"] = f"what depends on the image cannot be followed through {through}"
    if saved.mask is None:
        no_mask = "no mask says which weights are pruned"
        reasons |= dict.fromkeys(("keep", "keep_overall", "pruned", "revived"), no_mask)
    if saved.memories is None or saved.mask is None:
        reasons["revived_memory"] = "the file holds no optimizer, or there is no mask"
    return reasons


def _used_outside(name: str, weight: Tensor, outside: Sequence[Tensor]) -> tuple[Tensor, list[str]]:
    """Return a weight as the network's own code uses it, and a note if that is not known.

    outside: the weights that this code uses. It is known if only one of them has the shape.
    """
    alike = [used for used in outside if used.shape == weight.shape]
    if any(torch.equal(used, weight) for used in alike):
        return weight, []
    if len(alike) == 1:
        return alike[0], []
    return weight, [
        f"{name} is counted as it is stored, and what the network's own code makes of it is not "
        "known"
    ]


def _ran_and_used_outside(weights: Mapping[str, Tensor], flow: Flow) -> list[str]:
    """Return the layers that ran and whose weights the network's own code used, too.

    Code may have changed a weight first, so that only its shape tells which layer it is of.
    """
    idle = {name: weight for name, weight in weights.items() if name not in flow.layers}
    used = [
        tensor
        for tensor in flow.outside
        if not any(tensor.shape == weight.shape for weight in idle.values())
    ]
    return [
        name
        for name, weight in weights.items()
        if name in flow.layers and any(tensor.shape == weight.shape for tensor in used)
    ]


def _notes_of_changed(changed: Mapping[str, Tensor]) -> list[str]:
    """Say that layers do not act as they are stored, which is how parameters are counted."""
    if not changed:
        return []
    first = next(iter(changed))
    more = f" and {len(changed) - 1:,} more" if len(changed) > 1 else ""
    return [
        f"{first}{more}: the network changes these weights as it runs (standardises or masks "
        "them, say), and they are counted as they act; the parameters that are not zero are "
        "counted as they are stored, so that the two numbers differ"
    ]


def _as_stored(acting: Tensor, stored: Tensor) -> Tensor:
    """Return the stored tensor, in its own type, if it acts as it is stored; else what acts."""
    is_same = acting.shape == stored.shape and torch.equal(acting != 0, stored != 0)
    return stored if is_same else acting


def _equal_tensors(state: Mapping[str, Tensor]) -> dict[str, str]:
    """Return the tensors that equal an earlier one, and its name."""
    earlier: dict[tuple[object, ...], list[str]] = {}
    shared = {}
    for name, tensor in state.items():
        if tensor.numel() < _LARGE or not tensor.is_floating_point():
            continue
        marks = (tensor.shape, tensor.dtype, float(tensor.double().sum()))
        first = next((o for o in earlier.get(marks, ()) if torch.equal(state[o], tensor)), None)
        if first is None:
            earlier.setdefault(marks, []).append(name)
        elif bool((tensor != tensor.flatten()[0]).any()):
            shared[name] = first
    return shared
