"""Which network is inside wrappers around it or its parts?

torch.compile, DataParallel, DDP, an average of weights and activation checkpointing each wrap a
module in another, which adds a step to every name below it: `module.conv1.weight`.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from itertools import takewhile
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


def unwrapped_name(name: str, expected: Collection[str] | None = None) -> str:
    """Return a layer's or tensor's name without the steps of wrappers.

    expected: the plain network's names. As few steps as lead to one of these are dropped, first
    from the beginning; else, and where None, all at the beginning.
    """
    parts = name.split(".")
    leading = len(list(takewhile(_STEPS.__contains__, parts[:-1])))
    shorter = [".".join(parts[dropped:]) for dropped in range(leading + 1)]
    bare = ".".join(part for part in parts if part not in _STEPS)
    return next((plain for plain in (*shorter, bare) if plain in (expected or ())), shorter[-1])


@contextmanager
def without_wrappers(network: nn.Module) -> Iterator[nn.Module]:
    """Take a network and its parts out of all wrappers for the duration of the block.

    Its layers and tensors have their plain names, and its own code runs: not what torch.compile
    made of it, which may leave out layers and calls no later hooks, nor copies on several devices.
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
