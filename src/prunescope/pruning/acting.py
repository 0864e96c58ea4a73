"""Which weights of a network act, and under which names are they stored?"""

import copy
from collections.abc import Hashable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.overrides import TorchFunctionMode

CONVOLUTIONS = (
    nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d,
)  # fmt: skip
LAYERS = (*CONVOLUTIONS, nn.Linear)
_FUNCTIONS = ("conv1d", "conv2d", "conv3d", "linear")
_TRANSPOSED = ("conv_transpose1d", "conv_transpose2d", "conv_transpose3d")


def first_names(network: nn.Module) -> dict[str, str]:
    """Return for each name of a parameter the first that the same parameter has.

    Modules that share a parameter have a name for it each; the state dict holds them all.
    """
    first: dict[int, str] = {}
    named = network.named_parameters(remove_duplicate=False)
    return {name: first.setdefault(id(parameter), name) for name, parameter in named}


def parameters_once(network: nn.Module) -> dict[str, nn.Parameter]:
    """Return a network's parameters by their first names, those that share their memory once.

    So a transposed view of another parameter is no parameter of its own; parts of one memory are.
    """
    first: dict[Hashable, tuple[str, nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        first.setdefault(_memory(parameter), (name, parameter))
    return dict(first.values())


def count_parameters(network: nn.Module) -> int:
    """Return how many numbers a network trains."""
    return sum(parameter.numel() for parameter in parameters_once(network).values())


def _memory(parameter: nn.Parameter) -> Hashable:
    if parameter.is_meta or not parameter.numel():
        return id(parameter)
    start = parameter.untyped_storage().data_ptr()
    return start, parameter.storage_offset(), parameter.numel()


def layer_keys(network: nn.Module) -> dict[str, list[nn.Module]]:
    """Return the convolutions and linear layers by the name of their weight, in order.

    Layers that share a weight stand together under its first name. A weight that is computed from
    other parameters (by a parametrization, say) has the name it would have without.
    """
    first = first_names(network)
    layers: dict[str, list[nn.Module]] = {}
    for path, module in network.named_modules():
        if isinstance(module, LAYERS) and isinstance(getattr(module, "weight", None), Tensor):
            name = f"{path}.weight" if path else "weight"
            layers.setdefault(first.get(name, name), []).append(module)
    return layers


def is_computed(module: nn.Module) -> bool:
    """Return whether a layer's weight is computed from other parameters, and is none itself."""
    return "weight" not in module._parameters


def present_weight(module: nn.Module) -> Tensor:
    """Return a layer's weight, computed anew where it is computed from other parameters."""
    if not parametrize.is_parametrized(module, "weight"):
        for hook in module._forward_pre_hooks.values():  # weight_norm and the like of old
            kept_by_torch = type(hook).__module__ == "torch.nn.utils.prune"
            if kept_by_torch or hasattr(hook, "compute_weight"):
                hook(module, ())
    weight: Tensor = module.weight  # type: ignore[assignment]
    return weight.detach()


def outputs_first(weight: Tensor, module: nn.Module | None) -> Tensor:
    """Return a weight with its outputs along the first axis, as transposed convolutions have not.

    Shape: (out, in / groups, *kernel), or (out, in).
    """
    if module is None or not getattr(module, "transposed", False):
        return weight
    groups = int(module.groups)  # type: ignore[arg-type]
    grouped = weight.reshape(groups, -1, *weight.shape[1:]).transpose(1, 2)
    return grouped.flatten(0, 1)


@torch.no_grad()
def acts_as_stored(module: nn.Module) -> bool:
    """Return whether a weight of a layer that is zero is zero where the layer computes with it.

    Some convolutions standardise their weights as they run (timm's `StdConv2d`), so that a pruned
    weight acts all the same. Tried on a copy of the layer, half of whose weights are zero, with a
    map as small as it takes; a layer that takes none is believed.
    """
    if is_computed(module):
        return False
    kind = type(module)
    plain = any(kind is one for one in LAYERS)
    if plain and not module._forward_pre_hooks:
        return True
    trial = copy.deepcopy(module).float().cpu().eval()
    weight: Tensor = trial.weight  # type: ignore[assignment]
    pattern = torch.arange(weight.numel()).reshape(weight.shape) % 2 == 0
    weight.data = torch.where(pattern, torch.randn_like(weight), torch.zeros_like(weight))
    listener = _Listener()
    try:
        with listener:
            trial(_smallest_map(trial))
    except (RuntimeError, ValueError, TypeError, IndexError, AttributeError):
        return True
    return all(
        acting.shape != weight.shape or not bool((acting[~pattern] != 0).any())
        for acting in listener.weights
    )


class _Listener(TorchFunctionMode):
    """Takes down the weights that convolutions and linear functions are called with."""

    def __init__(self) -> None:
        super().__init__()
        self.weights: list[Tensor] = []

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        named = kwargs or {}
        if getattr(func, "__name__", "") in (*_FUNCTIONS, *_TRANSPOSED):
            weight = args[1] if len(args) > 1 else named.get("weight")
            if isinstance(weight, Tensor):
                self.weights.append(weight.detach())
        return func(*args, **named)


def _smallest_map(module: nn.Module) -> Tensor:
    if isinstance(module, nn.Linear):
        return torch.zeros(1, module.in_features)
    assert isinstance(module, CONVOLUTIONS)
    sizes = zip(module.kernel_size, module.dilation, strict=True)
    sides = [max(1, dilation * (size - 1) + 1) for size, dilation in sizes]
    return torch.zeros([1, module.in_channels, *sides])
