"""Is a weight that is zero still zero where a network computes with it?"""

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from prunescope.base.errors import ConfigError
from prunescope.base.seeding import torch_generator
from prunescope.base.showing import show
from prunescope.pruning.acting import CONVOLUTIONS, LAYERS, has_own_code, is_computed, layer_keys
from prunescope.pruning.flow import image_channels

_FUNCTIONS = (
    *("conv1d", "conv2d", "conv3d", "linear"),
    *("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"),
)
_SIDES = (32, 28, 64, 96, 128, 224, 256, 299, 384)  # of images, in pixels, the smaller first
_FAILURES = (RuntimeError, ValueError, TypeError, IndexError, AttributeError, ConfigError)


def acts_as_stored(layer: nn.Module) -> bool:
    """Return whether a weight of a layer that is zero is zero where the layer computes with it.

    Some convolutions standardise their weights as they run (timm's `StdConv2d`), so that a pruned
    weight acts all the same. Tried on a copy of the layer, half of whose weights are zero, with a
    map as small as it takes; a layer that takes none is believed.
    """
    if is_computed(layer):
        return False
    if type(layer) in LAYERS and not layer._forward_pre_hooks:
        return True
    trial = copy.deepcopy(layer).float().cpu().eval()
    kept = _halve({"weight": trial})
    try:
        with _Listener() as listener, torch.no_grad():
            trial(_smallest_map(trial))
    except _FAILURES:
        return True
    return not _altered(kept, listener.weights)


def altered_in(network: nn.Module) -> set[str]:
    """Return the layers, by the name of their weight, whose zeros a network's own code undoes.

    A block may change the weights of the layers in it, or call a function with what it makes of
    them, of which the layers know nothing. Tried on a copy of the network, half of whose weights
    are zero, with an image; a network of the libraries' code alone does no such thing, and one
    that takes no image of a usual size is believed.
    """
    if not has_own_code(network):
        return set()
    for side in _SIDES:
        try:  # in which an image that does not fit may leave a network other than it was
            trial = copy.deepcopy(network).float().cpu().eval()
            layers = {name: alike[0] for name, alike in layer_keys(trial).items()}
            kept = _halve({n: layer for n, layer in layers.items() if not is_computed(layer)})
            image = torch.zeros(1, image_channels(trial), side, side)
            with _Listener() as listener, torch.no_grad(), torch.random.fork_rng(devices=[]):
                show(trial, image)
        except _FAILURES:
            continue
        return _altered(kept, listener.weights)
    return set()


class _Listener(TorchFunctionMode):
    """Takes down the weights that convolutions and linear functions are called with."""

    def __init__(self) -> None:
        super().__init__()
        self.weights: list[Tensor] = []

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        named = kwargs or {}
        if getattr(func, "__name__", "") in _FUNCTIONS:
            weight = args[1] if len(args) > 1 else named.get("weight")
            if isinstance(weight, Tensor):
                self.weights.append(weight.detach().clone())  # as it is now
        return func(*args, **named)


def _halve(layers: dict[str, nn.Module]) -> dict[str, Tensor]:
    """Set half of each layer's weights to zero, another half in each, and return what is left."""
    generator = torch_generator(0, "trial")
    kept = {}
    for name, layer in layers.items():
        weight: Tensor = layer.weight  # type: ignore[assignment]
        kept[name] = torch.rand(weight.shape, generator=generator) < 0.5
        values = torch.randn(weight.shape, generator=generator)
        weight.data.copy_(torch.where(kept[name], values, 0))
    return kept


def _altered(kept: dict[str, Tensor], used: list[Tensor]) -> set[str]:
    """Return which layers were used with a weight that is not zero where theirs is.

    A weight is known by its shape, and of layers of one shape by what is zero in it.
    """
    sound, odd = set(), set()
    for weight in used:
        alike = [name for name in kept if kept[name].shape == weight.shape]
        fitting = [name for name in alike if not bool((weight[~kept[name]] != 0).any())]
        sound.update(fitting)
        if not fitting:
            odd.update(alike)
    return odd - sound


def _smallest_map(layer: nn.Module) -> Tensor:
    if isinstance(layer, nn.Linear):
        return torch.zeros(1, layer.in_features)
    assert isinstance(layer, CONVOLUTIONS)
    sizes = zip(layer.kernel_size, layer.dilation, strict=True)
    sides = [max(1, dilation * (size - 1) + 1) for size, dilation in sizes]
    return torch.zeros([1, layer.in_channels, *sides])
