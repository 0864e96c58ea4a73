"""Is this a network whose layers can be listened to, and which is it beneath its wrappers?"""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn.parallel import DataParallel, DistributedDataParallel
from torch.utils._python_dispatch import is_traceable_wrapper_subclass

from prunescope.base.errors import ConfigError

_PREFIXES = ("_orig_mod.", "module.")
_CURE = 'give the torch.nn.Module, or its name: "torchvision:resnet18"'


def unwrapped(module: nn.Module) -> nn.Module:
    """Return the network inside torch.compile's and data-parallel wrappers, however nested."""
    while True:
        if isinstance(module, DataParallel | DistributedDataParallel):
            module = module.module
        elif _is_compiled(module):
            module = module.get_submodule("_orig_mod")
        else:
            return module


def plain_name(name: str) -> str:
    """Return a layer's or tensor's name without the prefixes of wrappers round the network."""
    for prefix in _PREFIXES:
        if name.startswith(prefix):
            return plain_name(name.removeprefix(prefix))
    return name


def checked_network(given: object) -> nn.Module:
    """Return the network in what a user hands in, seen through wrappers.

    Raises ConfigError, saying what to do, for anything but a module in plain torch: a class, a
    state dict, what was scripted, exported or quantised, tensors without values.
    """
    if isinstance(given, type):
        raise ConfigError(f"the network is the class {given.__name__}: call it, to make one")
    if isinstance(given, torch.export.ExportedProgram):
        raise ConfigError(f"the network is exported, and has no layers any more: {_before(given)}")
    if not isinstance(given, nn.Module):
        raise ConfigError(f"the network is a {type(given).__name__}: {_instead_of(given)}")
    network = unwrapped(given)
    if isinstance(network, torch.jit.ScriptModule):
        raise ConfigError(f"the network is scripted or traced (TorchScript): {_before(network)}")
    if _is_flat(network):
        raise ConfigError(
            f"the network is exported, and has no layers any more: {_before(network)}"
        )
    _check_layers(network)
    _check_tensors(network)
    return network


def in_float32(model: nn.Module) -> nn.Module:
    """Return a network that computes in float32: itself, or a copy of one in another precision.

    Raises ConfigError for a network that cannot be copied.
    """
    tensors = (*model.parameters(), *model.buffers())
    others = {tensor.dtype for tensor in tensors if tensor.is_floating_point()} - {torch.float32}
    if not others:
        return model
    try:
        return copy.deepcopy(model).float()
    except (RuntimeError, TypeError, NotImplementedError) as error:
        names = ", ".join(sorted(str(dtype) for dtype in others))
        raise ConfigError(
            f"{type(model).__name__} has weights of {names}, but is dissected in float32, and a "
            f"copy cannot be made ({error}): call .float() on it first"
        ) from error


@contextmanager
def uncompiled(network: nn.Module) -> Iterator[None]:
    """Run a network's own code inside the block, not what torch.compile made of a module in it.

    Compiled code may leave out layers, and does not call hooks that come later.
    """
    wrappers = [module for module in network.modules() if _is_compiled(module)]
    compiled = [
        (module, made)
        for module in network.modules()
        if (made := getattr(module, "_compiled_call_impl", None)) is not None
    ]
    former: dict[nn.Module, Any] = {}
    try:
        for module, _ in compiled:
            module._compiled_call_impl = None
        for wrapper in wrappers:
            former[wrapper] = wrapper.forward
            wrapper.forward = wrapper.get_submodule("_orig_mod").__call__  # a module would be added
        yield
    finally:
        for wrapper, forward in former.items():
            wrapper.forward = forward
        for module, made in compiled:
            module._compiled_call_impl = made


def _is_compiled(module: nn.Module) -> bool:
    """Say whether a module is what torch.compile puts round another."""
    return type(module).__name__ == "OptimizedModule" and "_orig_mod" in module._modules


def _instead_of(given: object) -> str:
    if isinstance(given, dict):
        return f'{_CURE}, with a state dict in it by load("torchvision:resnet18", weights=FILE)'
    if callable(given):
        return f"call it, if that makes one; else {_CURE}"
    return _CURE


def _before(given: object) -> str:
    return f"give the torch.nn.Module that the {type(given).__name__} was made from"


def _is_flat(network: nn.Module) -> bool:
    """Say whether a graph calls no modules, as those of torch.export, which have functions only."""
    graph = getattr(network, "graph", None)
    if not isinstance(network, torch.fx.GraphModule) or graph is None:
        return False
    flat = not any(node.op == "call_module" for node in graph.nodes)
    return flat or type(network).__name__ == "_StatefulGraphModule" or hasattr(network, "_in_spec")


def _check_layers(network: nn.Module) -> None:
    for name, module in network.named_modules():
        home = type(module).__module__
        if "quantized" in home.split(".") or hasattr(module, "_packed_params"):
            raise ConfigError(
                f'the network is quantised (layer "{name}" is {home}.{type(module).__name__}): '
                "give it as it was before, in floating point"
            )
        if name and isinstance(module, torch.jit.ScriptModule):
            raise ConfigError(f'layer "{name}" is scripted (TorchScript): {_before(module)}')


def _check_tensors(network: nn.Module) -> None:
    tensors: list[tuple[str, Any]] = [*network.named_parameters(), *network.named_buffers()]
    for name, tensor in tensors:
        kind = type(tensor).__name__
        if nn.parameter.is_lazy(tensor):
            raise ConfigError(f"{name} has no shape yet: show the network a batch of images first")
        if tensor.is_meta or kind == "FakeTensor" or type(tensor.data).__name__ == "FakeTensor":
            raise ConfigError(
                f"{name} has a shape but no values (it is a meta or fake tensor): make the network "
                'on a device, as in network.to_empty(device="cpu"), and load its weights'
            )
        if tensor.is_quantized or is_traceable_wrapper_subclass(tensor):
            held = "quantised" if tensor.is_quantized else f"held as a {type(tensor).__name__}"
            raise ConfigError(
                f"{name} is {held}: give the network as it was before, in plain floating point"
            )
