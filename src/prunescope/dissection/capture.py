"""What do the named layers put out while a network looks at images?"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import torch
from jaxtyping import Float32
from torch import Tensor, nn

from prunescope.base.errors import ConfigError, nearest

Maps = Float32[Tensor, "image unit height width"]
_NAMES_SHOWN = 12


@contextmanager
def capture(
    model: nn.Module, layers: Sequence[str], *, stop: bool = False
) -> Iterator[Mapping[str, Maps]]:
    """Give the layers' activation maps of the latest forward pass, in float32.

    stop: end the block as soon as every layer was called, without the rest of the network.

    Each output is copied when the layer's own forward returns, so that nothing behind it, such as
    an in-place ReLU, reaches the copy. Inside the block the model is in evaluation mode;
    afterwards every module has the mode it had.
    Raises ConfigError for a layer that does not exist (naming the nearest) and, at the end of a
    forward pass, for one that was not called exactly once in it or put out no map.
    """
    recorder = _Recorder(find_layers(model, layers), stop)
    with ExitStack() as stack:
        stack.enter_context(suppress(_AllSeen))
        stack.enter_context(_evaluation_mode(model))
        stack.callback(recorder.detach)
        recorder.attach(model)
        yield recorder.maps


def find_layers(model: nn.Module, layers: Sequence[str]) -> dict[str, nn.Module]:
    """Return the modules of the named layers. Raises ConfigError naming the nearest layer."""
    modules = dict(model.named_modules(remove_duplicate=False))
    names = [name for name in modules if name]
    for layer in layers:
        if layer not in names:
            hint = nearest(layer, names) or f"; at the top it has {_shorten(names)}"
            raise ConfigError(f'{type(model).__name__} has no layer "{layer}"{hint}')
    return {layer: modules[layer] for layer in layers}


def layers_with_maps(model: nn.Module, *inputs: Any) -> tuple[str, ...]:
    """Return the layers that, called once for these inputs, put out a map of more than one cell."""
    shapes: dict[str, list[tuple[int, ...]]] = {name: [] for name, _ in model.named_modules()}

    def record(name: str) -> Callable[[nn.Module, Any, Any], None]:
        return lambda _module, _inputs, output: shapes[name].append(
            tuple(output.shape) if _is_map(output) else ()
        )

    with ExitStack() as stack:
        for name, module in model.named_modules():
            stack.callback(module.register_forward_hook(record(name)).remove)
        model(*inputs)
    return tuple(
        name
        for name, calls in shapes.items()
        if name and len(calls) == 1 and math.prod(calls[0][2:]) > 1
    )


class _AllSeen(Exception):
    """Every layer has been called: nothing behind them is wanted."""


class _Recorder:
    """Hooks that keep the copies of one forward pass, and what is wrong with it."""

    def __init__(self, modules: Mapping[str, nn.Module], stop: bool) -> None:
        self._stop = stop
        self.maps: dict[str, Tensor] = {}
        self._modules = modules
        self._faults: dict[str, str] = {}
        self._handles: list[Any] = []

    def attach(self, model: nn.Module) -> None:
        self._handles.append(model.register_forward_pre_hook(self._begin))
        for layer, module in self._modules.items():
            self._handles.append(module.register_forward_hook(self._record(layer)))
        self._handles.append(model.register_forward_hook(self._end))

    def detach(self) -> None:
        for handle in self._handles:
            handle.remove()

    def _begin(self, _model: nn.Module, _inputs: Any) -> None:
        self.maps.clear()
        self._faults = dict.fromkeys(self._modules, "was not called in the forward pass")

    def _record(self, layer: str) -> Callable[[nn.Module, Any, Any], None]:
        def record(_module: nn.Module, _inputs: Any, output: Any) -> None:
            if layer in self.maps:
                self._faults[layer] = "was called more than once in one forward pass"
            elif not _is_map(output):
                self._faults[layer] = f"puts out {_describe(output)}, not a map for each unit"
            elif output.shape[2] * output.shape[3] == 1:
                self._faults[layer] = (
                    "puts out one cell for each unit, which is no map: take a larger resolution"
                )
            else:
                self._faults.pop(layer, None)
                self.maps[layer] = _copied(output)
                if self._stop and len(self.maps) == len(self._modules):
                    raise _AllSeen

        return record

    def _end(self, model: nn.Module, inputs: Any, _output: Any) -> None:
        if not self._faults:
            return
        self.detach()
        layer, fault = next(iter(self._faults.items()))
        names = layers_with_maps(model, *inputs)
        choice = f"layers with maps: {_shorten(names)}" if names else "no layer of it has maps"
        raise ConfigError(f'layer "{layer}" of {type(model).__name__} {fault}; {choice}')


@contextmanager
def _evaluation_mode(model: nn.Module) -> Iterator[None]:
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode


def _copied(output: Tensor) -> Maps:
    return output.detach().to(torch.float32, copy=True, memory_format=torch.contiguous_format)


def _is_map(output: Any) -> bool:
    return isinstance(output, Tensor) and output.ndim == 4


def _describe(output: Any) -> str:
    if isinstance(output, Tensor):
        return f"a tensor of shape {' x '.join(map(str, output.shape)) or '()'}"
    return f"a {type(output).__name__}"


def _shorten(names: Sequence[str]) -> str:
    """List names for a message, those with the fewest dots first."""
    ordered = sorted(names, key=lambda name: name.count("."))
    rest = len(ordered) - _NAMES_SHOWN
    return ", ".join(ordered[:_NAMES_SHOWN]) + (f" and {rest} more" if rest > 0 else "")
