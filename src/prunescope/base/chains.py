"""Which batch normalisations take a convolution's output that nothing else reads?"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules import module as modules
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from prunescope.base.showing import show

_CONVOLUTIONS = (
    *(nn.Conv1d, nn.Conv2d, nn.Conv3d),
    *(nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d),
)
_NORMALISATIONS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
_HOOKS_ON_ALL_MODULES = (  # torch 2.6 has no function that asks for them all
    *("_global_forward_pre_hooks", "_global_forward_hooks"),
    *("_global_backward_pre_hooks", "_global_backward_hooks"),
)


@dataclass(frozen=True, kw_only=True)
class Chain:
    """A convolution, and the batch normalisation that alone reads its output.

    convolved_by: the modules that return this very output: the convolution, and any around it.
    normalised_by: the modules that return the normalisation's output.
    is_summed: that output is only added to another tensor of its size, as residual blocks do.
    activation: the ReLU that alone reads the normalisation's output, or the sum where it is added;
        None where there is none.
    summed_by: the modules that return that sum.
    """

    convolution: _ConvNd
    normalisation: _BatchNorm
    convolved_by: frozenset[nn.Module]
    normalised_by: frozenset[nn.Module] = frozenset()
    is_summed: bool = False
    activation: nn.ReLU | None = None
    summed_by: frozenset[nn.Module] = frozenset()


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
    if any(getattr(modules, name) for name in _HOOKS_ON_ALL_MODULES):
        chains = ()
    return Traced(chains=chains, output=output)


@dataclass
class _Result:
    """The output of a convolution or a normalisation, and who meets it.

    summed: what it was added to another tensor to, where nothing had read it before.
    """

    module: _ConvNd | _BatchNorm
    tensor: Tensor  # held, so that no other tensor gets its id
    readers: set[nn.Module | None] = field(default_factory=set)
    taken_by: list[nn.Module] = field(default_factory=list)
    returned_by: set[nn.Module] = field(default_factory=set)
    is_shown: bool = False
    summed: "_Result | None" = None

    @property
    def is_only_summed(self) -> bool:
        """Return whether nothing but one sum reads it."""
        is_met = bool(self.readers or self.taken_by or self.is_shown)
        return self.summed is not None and not is_met

    def only_reader(self) -> nn.Module | None:
        """Return the sound module that takes it once, and that alone reads it; None for others."""
        is_one = len(self.taken_by) == 1 and self.readers == set(self.taken_by)
        return self.taken_by[0] if is_one and not self.is_shown else None


class _Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes which operations read the outputs of convolutions, and in which module they run."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        modules = list(network.modules())
        self._hooked = {module for module in modules if _has_hooks(module)}
        self._sound = {module for module in modules if _is_sound(module)} - self._hooked
        self._calls = dict.fromkeys(modules, 0)
        self._running: list[nn.Module] = []
        self._made: dict[nn.Module, _Result] = {}
        self._results: dict[int, _Result] = {}  # by the id of the tensor

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        _types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        added = self._added(func, args) if not kwargs else None
        for result in self._among((args, kwargs)):
            if result is not added:
                result.readers.add(self._running[-1] if self._running else None)
        output = func(*args, **(kwargs or {}))
        if added is not None:
            added.summed = self._results[id(output)] = _Result(added.module, output)
        return output

    def _added(self, func: Callable[..., Any], args: tuple[Any, ...]) -> _Result | None:
        """Return a normalisation's output to which this adds, or which it adds, and only that."""
        if func not in (torch.ops.aten.add.Tensor, torch.ops.aten.add_.Tensor) or len(args) != 2:
            return None
        if not all(isinstance(term, Tensor) for term in args) or args[0].shape != args[1].shape:
            return None
        terms = args if func is torch.ops.aten.add.Tensor else args[:1]
        found = [each for each in self._among(terms) if self._made.get(each.module) is each]
        unmet = [each for each in found if not each.readers and each.summed is None]
        return unmet[0] if unmet and args[0] is not args[1] else None

    def enter(self, module: nn.Module, inputs: tuple[Any, ...]) -> None:
        """Begin a module's call."""
        self._calls[module] += 1
        self._running.append(module)
        if module in self._sound and not module.training:
            for result in self._among(inputs):
                result.taken_by.append(module)

    def leave(
        self, module: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any], output: Any
    ) -> None:
        """End a module's call."""
        if not self._running or self._running.pop() is not module:
            self._sound.clear()  # calls do not nest, so nothing is known of who reads what
        if isinstance(module, nn.ReLU) and isinstance(output, Tensor):
            self._results.pop(id(output), None)  # in place: what reads it now reads another value
        is_sound = module in self._sound and isinstance(output, Tensor)
        if is_sound and isinstance(module, _ConvNd | _BatchNorm):
            self._made[module] = self._results[id(output)] = _Result(module, output)
        if isinstance(output, Tensor) and id(output) in self._results:
            self._results[id(output)].returned_by.add(module)
        if module in self._hooked:
            for result in self._among((inputs, named, output)):
                result.is_shown = True

    def chains(self, output: Any) -> list[Chain]:
        """Return the chains. output: the network's."""
        for result in self._among(output):
            result.is_shown = True
        found = [self._chain(result) for result in self._made.values()]
        return [chain for chain in found if chain is not None]

    def _chain(self, convolved: _Result) -> Chain | None:
        convolution, normalisation = convolved.module, convolved.only_reader()
        if not isinstance(convolution, _ConvNd) or not isinstance(normalisation, _BatchNorm):
            return None
        is_sound = {convolution, normalisation} <= self._sound
        if not is_sound or self._calls[convolution] > 1 or self._calls[normalisation] > 1:
            return None
        normalised = self._made.get(normalisation)
        if normalised is None:
            return None
        summed = normalised.summed if normalised.is_only_summed else None
        activation = (summed or normalised).only_reader()
        return Chain(
            convolution=convolution,
            normalisation=normalisation,
            convolved_by=frozenset(convolved.returned_by),
            normalised_by=frozenset(normalised.returned_by),
            is_summed=summed is not None,
            activation=activation if isinstance(activation, nn.ReLU) else None,
            summed_by=frozenset(summed.returned_by) if summed is not None else frozenset(),
        )

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
        return type(module) is nn.ReLU
    tensors = module._parameters.get("weight"), module._parameters.get("bias")
    given = [tensor for tensor in tensors if tensor is not None]
    return tensors[0] is not None and all(each.dtype == torch.float32 for each in given)
