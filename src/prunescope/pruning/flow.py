"""How does an image flow through a sparse network: over how many cells, and into which units?"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from prunescope.base.showing import show

LAYERS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)


@dataclass(frozen=True, kw_only=True)
class LayerFlow:
    """What one image makes of a convolution or linear layer.

    cells: how often each weight is multiplied: places of the output map, of all calls together.
    dead_units: outputs that no path of non-zero weights connects with the image; None where the
        network holds something through which a path cannot be followed.
    """

    cells: int
    dead_units: int | None


def layer_names(network: nn.Module) -> tuple[str, ...]:
    """Return the state-dict keys of the weights of convolutions and linear layers, in order."""
    weights = (
        f"{path}.weight" if path else "weight"
        for path, module in network.named_modules()
        if isinstance(module, LAYERS)
    )
    parameters = dict(network.named_parameters())
    return tuple(name for name in weights if name in parameters)


def trace_flow(
    network: nn.Module, state: Mapping[str, Tensor], resolution: int
) -> dict[str, LayerFlow]:
    """Follow one image of resolution x resolution pixels through every layer that it meets.

    network: its weights are *replaced*, so give one that nobody needs afterwards.
    state: the weights; they are only read.
    A unit is dead if its value is the same for every image, for want of weights: each path from
    the image to it holds a weight, or a scale of batch normalisation, that is zero. So a filter of
    zeros is dead whatever its bias, and so is one whose other weights all meet dead channels.
    Found by sending ones through the network with 1 for each weight that is not zero: none of
    them can cancel. A second pass, in which no weight is zero, must find no dead unit; where it
    does, something in the network (a normalisation of each image, say) hides the paths, and the
    number is unknown. Attention and gates can only make a dead unit look alive.
    Raises ConfigError where the network cannot take such an image.
    """
    reached = _reach(network, _paths(network, state), resolution)
    dead = {name: int(torch.count_nonzero(~alive)) for name, (_, alive) in reached.items()}
    blocked = False
    if any(dead[name] > zero_filters(state[name]) for name in reached):
        full = {
            name: torch.full_like(tensor, not name.endswith("bias"))  # a path begins at the image
            if tensor.is_floating_point()
            else tensor
            for name, tensor in state.items()
        }
        everywhere = _reach(network, _paths(network, full), resolution)
        blocked = not all(bool(alive.all()) for _, alive in everywhere.values())
    return {
        name: LayerFlow(cells=cells, dead_units=None if blocked else dead[name])
        for name, (cells, _) in reached.items()
    }


def zero_filters(weight: Tensor) -> int:
    """Return how many outputs, along the first axis, have weights of zero alone.

    None has in a tensor of one axis, which holds no filters.
    """
    if weight.dim() < 2:
        return 0
    return int(torch.count_nonzero(~(weight != 0).flatten(1).any(dim=1)))


def _paths(network: nn.Module, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return a state of ones and zeros in which layers pass on what their weights let through."""
    paths = {
        name: (tensor != 0).float() if tensor.is_floating_point() else tensor
        for name, tensor in state.items()
    }
    constants = {"bias": 0.0, "running_mean": 0.0, "running_var": 1.0}
    for path, module in network.named_modules():
        if isinstance(module, (*LAYERS, _BatchNorm)):
            for key, value in constants.items():
                name = f"{path}.{key}" if path else key
                if name in paths:
                    paths[name] = torch.full_like(paths[name], value)
    return paths


def _reach(
    network: nn.Module, paths: Mapping[str, Tensor], resolution: int
) -> dict[str, tuple[int, Tensor]]:
    """Return for each layer the cells of its output, and which of its units are reached."""
    network.load_state_dict(dict(paths), strict=False, assign=True)
    network.eval()
    found: dict[str, tuple[int, Tensor]] = {}
    image = torch.ones(1, 3, resolution, resolution)
    with torch.inference_mode(), _listening(network, found):
        show(network, image)
    return found


@contextmanager
def _listening(network: nn.Module, found: dict[str, tuple[int, Tensor]]) -> Iterator[None]:
    handles = [
        module.register_forward_hook(_listener(f"{path}.weight" if path else "weight", found))
        for path, module in network.named_modules()
        if isinstance(module, LAYERS)
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _listener(name: str, found: dict[str, tuple[int, Tensor]]) -> Callable[..., Tensor]:
    def listen(module: nn.Module, _: tuple[Any, ...], output: Tensor) -> Tensor:
        reached = output != 0
        units = reached.movedim(-1 if isinstance(module, nn.Linear) else 1, 0).flatten(1)
        cells, alive = found.get(name, (0, torch.zeros(len(units), dtype=torch.bool)))
        found[name] = (cells + units.shape[1], alive | units.any(dim=1))
        return reached.to(output.dtype)  # else the numbers of paths would overflow

    return listen
