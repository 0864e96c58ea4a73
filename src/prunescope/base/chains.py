"""Which batch normalisations take a convolution's output that nothing else reads?"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd
from torch.nn.modules.module import _has_any_global_hook
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from prunescope.base.showing import show

_CONVOLUTIONS = (
    *(nn.Conv1d, nn.Conv2d, nn.Conv3d),
    *(nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d),
)
_NORMALISATIONS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


@dataclass(frozen=True, kw_only=True)
class Chain:
    """A convolution, and the batch normalisation that alone reads its output.

    returned_by: the modules that return this very output: the convolution, and any around it.
    """

    convolution: _ConvNd
    normalisation: _BatchNorm
    returned_by: frozenset[nn.Module]


@dataclass(frozen=True, kw_only=True)
class Traced:
    """What one forward pass showed.

    output: the network's.
    """

    chains: tuple[Chain, ...]
    output: Any


def trace(network: nn.Module, batch: Tensor) -> Traced:
    """Show a network a batch, and find its chains in the operations that it really performs.

    A chain's two modules are torch's own, each called once, in evaluation mode, in float32, with
    parameters that nothing computes anew, and with running statistics. The convolution's output
    goes into the normalisation as it is, and no other operation, no hook and no caller sees it.
    Where hooks are registered on all modules there are no chains.
    The network must be in evaluation mode. Raises what `show` does where it fails.
    """
    watch = _Watch(network)
    with ExitStack() as stack:
        for module in network.modules():
            stack.callback(module.register_forward_pre_hook(watch.enter).remove)
            stack.callback(
                module.register_forward_hook(watch.leave, with_kwargs=True, always_call=True).remove
            )
        with watch, torch.inference_mode():
            output = show(network, batch)
    chains = tuple(watch.chains(output))
    if _has_any_global_hook():  # type: ignore[no-untyped-call]
        chains = ()
    return Traced(chains=chains, output=output)


@dataclass
class _Result:
    """The output of a convolution, and who meets it."""

    convolution: _ConvNd
    tensor: Tensor  # held, so that no other tensor gets its id
    readers: set[nn.Module | None] = field(default_factory=set)
    returned_by: set[nn.Module] = field(default_factory=set)
    is_shown: bool = False


class _Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes which operations read the outputs of convolutions, and in which module they run."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        modules = list(network.modules())
        self._hooked = {module for module in modules if _has_hooks(module)}
        self._sound = {module for module in modules if _is_sound(module)} - self._hooked
        self._calls = dict.fromkeys(modules, 0)
        self._running: list[nn.Module] = []
        self._results: dict[int, _Result] = {}
        self._taken: dict[_BatchNorm, _Result] = {}

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        _types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        for result in self._among((args, kwargs)):
            result.readers.add(self._running[-1] if self._running else None)
        return func(*args, **(kwargs or {}))

    def enter(self, module: nn.Module, inputs: tuple[Any, ...]) -> None:
        """Begin a module's call."""
        self._calls[module] += 1
        self._running.append(module)
        if module in self._sound and isinstance(module, _BatchNorm) and not module.training:
            for result in self._among(inputs):
                self._taken[module] = result

    def leave(
        self, module: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any], output: Any
    ) -> None:
        """End a module's call."""
        if not self._running or self._running.pop() is not module:
            self._sound.clear()  # calls do not nest, so nothing is known of who reads what
        if isinstance(module, _ConvNd) and module in self._sound and isinstance(output, Tensor):
            self._results[id(output)] = _Result(convolution=module, tensor=output)
        if isinstance(output, Tensor) and id(output) in self._results:
            self._results[id(output)].returned_by.add(module)
        if module in self._hooked:
            for result in self._among((inputs, named, output)):
                result.is_shown = True

    def chains(self, output: Any) -> list[Chain]:
        """Return the chains. output: the network's."""
        for result in self._among(output):
            result.is_shown = True
        return [
            Chain(
                convolution=result.convolution,
                normalisation=normalisation,
                returned_by=frozenset(result.returned_by),
            )
            for normalisation, result in self._taken.items()
            if self._calls[normalisation] == 1
            and self._calls[result.convolution] == 1
            and result.readers == {normalisation}
            and not result.is_shown
            and {normalisation, result.convolution} <= self._sound
        ]

    def _among(self, values: Any) -> list[_Result]:
        leaves = tree_leaves(values)
        return [self._results[id(each)] for each in leaves if id(each) in self._results]


def _has_hooks(module: nn.Module) -> bool:
    return bool(module._forward_hooks or module._forward_pre_hooks)


def _is_sound(module: nn.Module) -> bool:
    """Return whether a module computes just what torch's class does, with tensors of its own."""
    if "forward" in vars(module):
        return False
    if type(module) in _NORMALISATIONS:
        return module.running_mean is not None and module.running_var is not None
    if type(module) not in _CONVOLUTIONS:
        return False
    tensors = module._parameters.get("weight"), module._parameters.get("bias")
    given = [tensor for tensor in tensors if tensor is not None]
    return tensors[0] is not None and all(each.dtype == torch.float32 for each in given)
