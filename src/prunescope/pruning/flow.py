"""How does an image pass through a sparse network: how many cells are computed, and which units?"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from prunescope.base.errors import ConfigError
from prunescope.base.showing import show
from prunescope.networks.images import ImageSize, height_and_width, image_channels
from prunescope.pruning.acting import layer_keys
from prunescope.pruning.reach import Reach, Walk

_OWN_CODE = "the network's own code"


@dataclass(frozen=True, kw_only=True)
class LayerFlow:
    """How one image passes a convolution or linear layer.

    cells: how often each weight is multiplied, in all calls together: once for each cell of the
        output map, or of the input map of a transposed convolution.
    dead_units: outputs that no path of non-zero weights connects to the image; None if that cannot
        be followed. weight: as it acts, which may differ from what is stored; None if unknown.
    """

    cells: int
    dead_units: int | None
    weight: Tensor | None = None


@dataclass(frozen=True, kw_only=True)
class Flow:
    """How one image passes a network, layer by layer.

    unknown: the functions through which no path could be followed; dead units behind the first of
        them are not known. outside: the weights with which the network's own code calls
        convolutions and linear functions, outside of layers.
    """

    layers: Mapping[str, LayerFlow] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    outside: tuple[Tensor, ...] = ()

    def merged(self, views: Mapping[str, str]) -> "Flow":
        """Return the flow with each view of another layer's weight counted as part of that layer.

        views: the name of each view, and of the layer's weight that it is a view of.
        """
        layers = {name: flow for name, flow in self.layers.items() if name not in views}
        for view, first in views.items():
            if view in self.layers and first in layers:
                cells = layers[first].cells + self.layers[view].cells
                layers[first] = replace(layers[first], cells=cells)
        return replace(self, layers=layers)


def trace_flow(network: nn.Module, resolution: ImageSize) -> Flow:
    """Follow one image of this size through a network.

    network: with the weights to count; it is put into evaluation mode.
    A unit is dead if every path from the image to it contains a weight, or a gain of a
    normalisation, that is zero, so that its value is the same for every image. A filter of zeros
    is dead whatever its bias, and so is one whose non-zero weights all meet dead channels.
    Which values depend on the image is followed through every function that the network calls.
    From an unknown function that meets a dead value on, the number is unknown (`Walk.unknown`).
    Raises ConfigError where the network cannot take such an image.
    """
    network.eval()
    image = torch.zeros(1, image_channels(network), *height_and_width(resolution))
    try:
        return _follow(network, image, Walk())
    except ConfigError:  # some networks only work on plain tensors
        with torch.no_grad():
            show(network, image)  # says what is wrong with the image, if that is it
    return _follow(network, image, None)


def _follow(network: nn.Module, image: Tensor, walk: Walk | None) -> Flow:
    """Return how an image passes a network. walk: None counts cells alone, on plain tensors."""
    flows: dict[str, LayerFlow] = {}
    alive: dict[str, Tensor] = {}
    outside: list[Tensor] = []

    def taken() -> list[Tensor]:
        """Return the weights that were used since this was last called."""
        weights = list(walk.weights) if walk else []
        if walk:
            walk.weights.clear()
        return weights

    def before(*_: Any) -> None:
        outside.extend(taken())

    def after(name: str, module: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> None:
        is_followed = isinstance(output, Reach) and walk is not None and not walk.unknown
        with torch._C.DisableTorchFunctionSubclass():
            units = _by_unit(module, (output != 0).as_subclass(Tensor))
            reached = units.any(dim=1)
            alive[name] = alive.get(name, torch.zeros_like(reached)) | reached
            cells = flows[name].cells if name in flows else 0
            weights = taken()
            flows[name] = LayerFlow(
                cells=cells + _cells(module, inputs, units),
                dead_units=int((~alive[name]).sum()) if is_followed else None,
                weight=weights[-1] if weights else None,
            )

    with torch.no_grad(), _hooked(network, before, after):
        show(network, walk.start(image) if walk else image)
    outside.extend(taken())
    lost = any(layer.dead_units is None for layer in flows.values()) or walk is None
    unknown = (walk.unknown if walk else []) or ([_OWN_CODE] if lost else [])
    return Flow(layers=flows, unknown=tuple(dict.fromkeys(unknown)), outside=tuple(outside))


def _by_unit(module: nn.Module, output: Tensor) -> Tensor:
    axis = -1 if isinstance(module, nn.Linear) else output.dim() - _space(module) - 1
    return output.movedim(axis, 0).flatten(1)


def _space(module: nn.Module) -> int:
    return len(module.kernel_size)  # type: ignore[arg-type]  # of a convolution


def _cells(module: nn.Module, inputs: tuple[Any, ...], units: Tensor) -> int:
    """Return how often each weight of a layer is multiplied in one call."""
    if not getattr(module, "transposed", False):
        return units.shape[1]
    values: Tensor = inputs[0]
    return values[0, 0].numel() if values.dim() > _space(module) + 1 else values[0].numel()


@contextmanager
def _hooked(network: nn.Module, before: Any, after: Any) -> Iterator[None]:
    handles = []
    for name, modules in layer_keys(network).items():
        for module in modules:
            handles += [
                module.register_forward_pre_hook(
                    lambda module, inputs, name=name: before(name, module, inputs)
                ),
                module.register_forward_hook(
                    lambda module, inputs, output, name=name: after(name, module, inputs, output)
                ),
            ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
