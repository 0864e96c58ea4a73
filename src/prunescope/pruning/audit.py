"""What is really in a file of pruned weights?"""

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from prunescope.base.devices import computing_with
from prunescope.base.errors import ConfigError, DataError
from prunescope.base.text import agreeing, counted
from prunescope.networks.at_most import AtMost
from prunescope.networks.description import Description
from prunescope.networks.hollow import build_hollow
from prunescope.networks.images import ImageSize
from prunescope.networks.registry import network_input
from prunescope.networks.smaller import WITHOUT_NUMBERS, fit_smaller, reshaped_keys
from prunescope.pruning.acting import views_of_others
from prunescope.pruning.counting import FORMATS, SUMMED_COUNTS, LayerCount, count_layer
from prunescope.pruning.dense import DenseCounts
from prunescope.pruning.flow import Flow, trace_flow
from prunescope.pruning.mask import Mask
from prunescope.pruning.prunable import left_out, prunable_names
from prunescope.pruning.saved import SavedWeights, check_as_recorded, read_weights
from prunescope.pruning.stored import (
    StoredLayers,
    network_layers,
    reasons_of_unknowns,
    stored_layers,
)
from prunescope.pruning.trial import copied


@dataclass(frozen=True, kw_only=True, repr=False)
class Audit:
    """The counts of one file of weights.

    network, resolution: for which multiply-adds and dead units are counted; None where unknown.
    layers: the weights of convolutions and linear layers, and everything else in the mask, by name;
        without the network, every tensor of two or more axes.
    parameters, nonzero_parameters: of everything that is trained, including biases and
        normalisation.
    keep, keep_overall: shares of the mask's weights and of all parameters that the mask leaves.
    revived_memory: pruned weights whose optimizer state in the file is not zero.
    bytes: size of all tensors, with the layers in each of `FORMATS` and the others dense.
    problems: what is wrong with the pruned weights. notes: what could not be checked.
    left_out: tensors of two or more axes that `prune` leaves dense (recurrent layers, embeddings
        and what is tied to them), with their sizes; None without the network.
    reasons: why a count is None, by its name.
    dense: what the network of that name has, where channels were removed from it; None where it is
        whole.
    """

    path: Path
    network: str | None
    resolution: ImageSize | None
    layers: Mapping[str, LayerCount]
    parameters: int
    nonzero_parameters: int
    keep: float | None
    keep_overall: float | None
    revived_memory: int | None
    bytes: Mapping[str, int]
    problems: tuple[str, ...]
    notes: tuple[str, ...]
    left_out: Mapping[str, int] | None = None
    reasons: Mapping[str, str] = field(default_factory=dict)
    dense: DenseCounts | None = None

    def __repr__(self) -> str:
        from prunescope.pruning.audit_text import describe_audit  # which reads this module

        return describe_audit(self)

    def total(self, count: str) -> int | None:
        """Return the sum of a count over the layers.

        None if no layer has it, or, of dead units, if a layer that ran lacks it.
        """
        ran = [layer for layer in self.layers.values() if layer.multiply_adds is not None]
        if count == "dead_units" and any(layer.dead_units is None for layer in ran):
            return None
        counts = [
            value for layer in self.layers.values() if (value := getattr(layer, count)) is not None
        ]
        return sum(counts) if counts else None

    @property
    def sparsity(self) -> float:
        """The share of the layers' values that are zero, counted."""
        weights = sum(layer.weights for layer in self.layers.values())
        return 1 - sum(layer.nonzero for layer in self.layers.values()) / weights

    def as_dict(self) -> dict[str, object]:
        """Return everything by name, for a program."""
        return {
            "file": str(self.path),
            "network": self.network,
            "resolution": self.resolution,
            "keep": self.keep,
            "keep_overall": self.keep_overall,
            "sparsity": self.sparsity,
            **{name: self.total(name) for name in SUMMED_COUNTS},
            "parameters": self.parameters,
            "nonzero_parameters": self.nonzero_parameters,
            "revived_memory": self.revived_memory,
            "bytes": dict(self.bytes),
            "left_out": None if self.left_out is None else dict(self.left_out),
            "layers": {name: layer.as_dict() for name, layer in self.layers.items()},
            "problems": list(self.problems),
            "notes": list(self.notes),
            "reasons": dict(self.reasons),
            "dense": None if self.dense is None else self.dense.as_dict(),
        }


def audit_file(
    path: Path,
    *,
    network: str | None = None,
    num_classes: int | None = None,
    resolution: int | None = None,
    mask: Path | None = None,
    key: str | None = None,
) -> Audit:
    """Count what is in a file of weights, or in a level of a run.

    path, mask, key: as `read_weights` takes them.
    network: a name `build` knows; None takes the one that the file says it belongs to, if any.
    resolution: side of the image for which multiply-adds are counted, in pixels; None takes what
        the network expects.
    Raises ConfigError for a name, an option or a resolution that does not fit, DataError for
    files that do not.
    """
    check_as_recorded(path)
    saved = read_weights(path, mask, key, typed=network)
    described = _describe(saved, network, num_classes)
    if described is None:
        return audit_weights(saved)
    with AtMost(path) if network is None else nullcontext():
        module = build_hollow(described.name, num_classes=described.num_classes)
    side = resolution or (described.input.resolution if described.input else None)
    return audit_weights(saved, module, title=described.name, resolution=side)


@computing_with(1)  # ResNet-50 on two cores with a load of 20: 8 to 14 s; with 2 threads 42 to 137
def audit_weights(
    saved: SavedWeights,
    network: nn.Module | None = None,
    *,
    title: str | None = None,
    resolution: ImageSize | None = None,
) -> Audit:
    """Count what was read from a file.

    network: the network it belongs to, into which its weights are loaded. title: its name.
    resolution: of the image; None leaves multiply-adds and dead units uncounted.
    Raises DataError where the weights are another network's, or none that could be pruned.
    """
    flow, dense = Flow(), None
    notes: tuple[str, ...] = ()
    if network is None:
        stored = stored_layers(saved)
    else:
        saved = saved.named_as_in(network.state_dict())
        if reshaped_keys(network, saved.state):
            network = copied(network)  # which loses channels
        views = views_of_others(network)  # which loading parts
        before = DenseCounts.of(network)
        units = saved.description.units if saved.description else None
        side = resolution if isinstance(resolution, int) else None
        smaller = fit_smaller(network, saved.state, str(saved.path), units, side)
        flow = trace_flow(network, resolution).merged(views) if resolution else flow
        if smaller:
            dense = before.along(flow)
            notes = () if units is not None else (WITHOUT_NUMBERS,)
        stored = network_layers(network, saved, flow, views)
    if not stored.weights:
        raise DataError(f"{saved.path} holds no weights of a convolution or linear layer")
    mask = Mask(stored.under_first_names(saved.mask or {}))
    layers = {
        name: count_layer(
            weight,
            mask.get(name),
            None if name in stored.used_outside else flow.layers.get(name),
            stored.modules.get(name),
        )
        for name, weight in stored.weights.items()
    }
    memory = _revived_memory(saved)
    count = sum(tensor.numel() for tensor in stored.parameters.values())
    pruned = mask.size - mask.survivors
    return Audit(
        path=saved.path,
        network=title,
        resolution=resolution,
        layers=layers,
        parameters=count,
        nonzero_parameters=sum(map(_nonzero, stored.parameters.values())),
        keep=mask.keep if mask else None,
        keep_overall=(count - pruned) / count if mask else None,
        revived_memory=memory,
        bytes=_bytes(stored, layers),
        problems=tuple(_problems(layers, memory)),
        notes=(*saved.notes, *stored.notes, *notes),
        left_out=None if network is None else _left_out(network, mask, stored),
        reasons=reasons_of_unknowns(network is not None, resolution, flow, saved),
        dense=dense,
    )


def _describe(
    saved: SavedWeights, network: str | None, num_classes: int | None
) -> Description | None:
    described = saved.description
    if described is None:
        if network is None:
            return None
        expected = network_input(network)
        return Description(name=network, num_classes=num_classes, input=expected)
    name, classes = described.name, described.num_classes
    if (network or name, num_classes or classes) != (name, classes):
        raise ConfigError(
            f"{saved.path} says it belongs to {name} with {classes} classes: "
            "leave out --network and --num-classes"
        )
    return described


def _left_out(network: nn.Module, mask: Mask, stored: StoredLayers) -> dict[str, int]:
    dense = left_out(network, mask or _prunable(network))
    return {name: size for name, size in dense.items() if name in stored.parameters}


def _prunable(network: nn.Module) -> tuple[str, ...]:
    """Return what `prune` would prune; nothing if it refuses the network."""
    try:
        return prunable_names(network, "all")
    except ConfigError:
        return ()


def _nonzero(tensor: Tensor) -> int:
    return int(torch.count_nonzero(tensor))


def _revived_memory(saved: SavedWeights) -> int | None:
    if saved.memories is None or saved.mask is None:
        return None
    return sum(
        _nonzero((memory != 0) & ~kept)
        for name, kept in saved.mask.items()
        for memory in saved.memories.get(name, ())
    )


def _bytes(stored: StoredLayers, layers: Mapping[str, LayerCount]) -> dict[str, int]:
    """Return the size of all tensors by format, counting shared tensors once."""
    kept = {name: layer for name, layer in layers.items() if name in stored.tensors}
    others = sum(
        t.numel() * t.element_size() for name, t in stored.tensors.items() if name not in kept
    )
    return {form: others + sum(layer.bytes[form] for layer in kept.values()) for form in FORMATS}


def _problems(layers: Mapping[str, LayerCount], revived_memory: int | None) -> list[str]:
    kinds = (("revived", "pruned weight", "zero"), ("not_finite", "weight", "finite"))
    problems = [
        f"{counted(count, noun)} of {name} {agreeing(count, 'is', 'are')} not {expected}"
        for kind, noun, expected in kinds
        for name, layer in layers.items()
        if (count := getattr(layer, kind))
    ]
    if revived_memory:
        problems.append(f"the optimizer remembers {revived_memory:,} pruned weights")
    return problems
