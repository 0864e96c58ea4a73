"""Which weights of a network act, and under which names are they stored?"""

from collections.abc import Hashable

from torch import Tensor, nn
from torch.fx import GraphModule
from torch.nn.utils import parametrize

CONVOLUTIONS = (
    nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d,
)  # fmt: skip
LAYER_TYPES = (*CONVOLUTIONS, nn.Linear)
_LIBRARIES = ("torch", "torchvision", "timm", "prunescope")


def first_names(network: nn.Module) -> dict[str, str]:
    """Return the first name of the parameter that each name stands for.

    A parameter that several modules share has a name in each; the state dict holds all of them.
    """
    first: dict[int, str] = {}
    named = network.named_parameters(remove_duplicate=False)
    return {name: first.setdefault(id(parameter), name) for name, parameter in named}


def parameters_once(network: nn.Module) -> dict[str, nn.Parameter]:
    """Return a network's parameters by their first names, each piece of memory once.

    A transposed view of a parameter is left out; parameters that are parts of one memory are not.
    """
    views = views_of_others(network)
    return {name: each for name, each in network.named_parameters() if name not in views}


def views_of_others(network: nn.Module) -> dict[str, str]:
    """Return the parameters that share all their memory with an earlier one, and its name."""
    first: dict[Hashable, str] = {}
    views = {}
    for name, parameter in network.named_parameters():
        earlier = first.setdefault(_memory(parameter), name)
        if earlier != name:
            views[name] = earlier
    return views


def count_parameters(network: nn.Module) -> int:
    """Return how many numbers a network trains."""
    return sum(parameter.numel() for parameter in parameters_once(network).values())


def _memory(parameter: nn.Parameter) -> Hashable:
    if not parameter.numel():
        return id(parameter)
    start = parameter.untyped_storage()._cdata  # of a network without memory, too
    return start, parameter.storage_offset(), parameter.numel()


def layer_keys(network: nn.Module) -> dict[str, list[nn.Module]]:
    """Return the convolutions and linear layers by the name of their weight, in order.

    Layers that share a weight are listed together under its first name. A weight that is computed
    from other parameters (by a parametrization, say) has the name that it would have otherwise.
    """
    first = first_names(network)
    layers: dict[str, list[nn.Module]] = {}
    for path, module in network.named_modules():
        if isinstance(module, LAYER_TYPES) and isinstance(getattr(module, "weight", None), Tensor):
            name = f"{path}.weight" if path else "weight"
            layers.setdefault(first.get(name, name), []).append(module)
    return layers


def has_own_code(network: nn.Module) -> bool:
    """Return whether a network runs code from outside the libraries that we know."""
    return any(
        isinstance(module, GraphModule)
        or type(module).__module__.partition(".")[0] not in _LIBRARIES
        for module in network.modules()
    )


def is_computed(module: nn.Module) -> bool:
    """Return whether a layer's weight is computed from other parameters."""
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
    """Return a weight with outputs along the first axis, also of a transposed convolution.

    Shape: (out, in / groups, *kernel), or (out, in).
    """
    if module is None or not getattr(module, "transposed", False):
        return weight
    groups = int(module.groups)  # type: ignore[arg-type]
    grouped = weight.reshape(groups, -1, *weight.shape[1:]).transpose(1, 2)
    return grouped.flatten(0, 1)
