"""Which network is inside wrappers around it or its parts?

torch.compile, DataParallel, DDP, an average of weights and activation checkpointing each put a
module round another, and a step into every name below it: `module.conv1.weight`.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn

_INSIDE = {
    "DataParallel": "module",
    "DistributedDataParallel": "module",
    "AveragedModel": "module",
    "OptimizedModule": "_orig_mod",
    "CheckpointWrapper": "_checkpoint_wrapped_module",
}
"""By the name of a wrapper's class: what it calls the module inside."""
_STEPS = frozenset(_INSIDE.values())


def unwrapped(module: nn.Module) -> nn.Module:
    """Return the module inside wrappers, however nested."""
    while (step := inner_step(module)) is not None:
        module = module.get_submodule(step)
    return module


def inner_step(module: nn.Module) -> str | None:
    """Return what a wrapper calls the module inside it; None for any other module."""
    for kind in type(module).__mro__:
        step = _INSIDE.get(kind.__name__)
        if step is not None and isinstance(module._modules.get(step), nn.Module):
            return step
    return None


def plain_name(name: str, known: Collection[str] | None = None) -> str:
    """Return a layer's or tensor's name without the steps of wrappers.

    known: the plain network's names. One of them stays as it is; else the steps before it go or,
    where that gives none of them, those inside it, too. None drops those before it.
    """
    if known is not None and name in known:
        return name
    parts = name.split(".")
    while len(parts) > 1 and parts[0] in _STEPS:
        parts = parts[1:]
        if known is not None and ".".join(parts) in known:
            break
    shorter = ".".join(parts)
    bare = ".".join(part for part in parts if part not in _STEPS)
    return bare if known is not None and shorter not in known and bare in known else shorter


@contextmanager
def without_wrappers(network: nn.Module) -> Iterator[nn.Module]:
    """Give a network as if neither it nor a part of it had been wrapped; as it was after the block.

    Its layers and tensors have their plain names; its own code runs, not what torch.compile made
    of it, which may leave out layers and calls no hooks that come later, nor copies of a
    part on several devices.
    """
    network = unwrapped(network)
    modules = list(network.modules())
    compiled = [
        (module, made)
        for module in modules
        if (made := getattr(module, "_compiled_call_impl", None)) is not None
    ]
    replaced: list[tuple[nn.Module, str, nn.Module]] = []
    alias: list[tuple[nn.Module, str]] = []
    try:
        for module, _ in compiled:
            module._compiled_call_impl = None
        for parent in modules:
            for name, child in list(parent._modules.items()):
                if child is None or inner_step(child) is None or inner_step(parent) is not None:
                    continue
                parent._modules[name] = inner = unwrapped(child)
                replaced.append((parent, name, child))
                alias += _answering_for(child, inner)
        yield network
    finally:
        for module, step in alias:
            vars(module).pop(step, None)
        for parent, name, child in replaced:
            parent._modules[name] = child
        for module, made in compiled:
            module._compiled_call_impl = made


def _answering_for(wrapper: nn.Module, inner: nn.Module) -> list[tuple[nn.Module, str]]:
    """Let code that says `self.part.module` find the part, and return what is to be undone."""
    steps: list[tuple[nn.Module, str]] = []
    outer: Any = wrapper
    while (step := inner_step(outer)) is not None:
        if not hasattr(inner, step):
            vars(inner)[step] = inner  # an attribute that is set would become a layer
            steps.append((inner, step))
        outer = outer.get_submodule(step)
    return steps
