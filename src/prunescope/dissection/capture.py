"""What are the activation maps of the named layers in a forward pass?"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import torch
from jaxtyping import Float32
from torch import Tensor, nn

from prunescope.base.compiling import Compiled
from prunescope.base.errors import ConfigError, nearest
from prunescope.base.modes import in_mode
from prunescope.base.text import counted
from prunescope.dissection.axes import Layout
from prunescope.dissection.survey import count_images, dissectable, recording, with_maps
from prunescope.dissection.tokens import as_map, layout_of, unfit_axes

Maps = Float32[Tensor, "image unit height width"]
_NAMES_SHOWN = 12


@contextmanager
def capture(
    model: nn.Module,
    layers: Sequence[str],
    *,
    layout: Layout | None = None,
    bases: Mapping[str, Tensor] | None = None,
    stop: bool = False,
) -> Iterator[Mapping[str, Maps]]:
    """Yield the layers' activation maps of the latest forward pass, in float32.

    layout: how the network arranges its outputs, see `learn_layout`; None infers it from its class.
    bases: directions [direction, unit], whose maps are those of a layer instead of its units'.
    stop: end the block as soon as every layer was called, without the rest of the network.

    Each output is copied when the layer's forward returns, so later in-place operations, such as a
    ReLU, do not change the copy; tokens are folded to their grid, see `as_map`. Inside the block
    the model is in evaluation mode; afterwards every module has its former mode.
    Raises ConfigError for a layer that does not exist (naming the nearest) and, at the end of a
    forward pass, for one that was not called exactly once or has no map.
    """
    modules = find_layers(model, layers)
    recorder = _Recorder(modules, layout or layout_of(model), bases or {}, stop)
    with ExitStack() as stack:
        stack.enter_context(suppress(_AllSeen))
        stack.enter_context(in_mode(model, training=False))
        stack.callback(recorder.detach)
        recorder.attach(model)
        yield recorder.maps


def compiled_maps(
    compiled: Compiled,
    model: nn.Module,
    layers: Sequence[str],
    batch: Tensor,
    *,
    layout: Layout | None = None,
    bases: Mapping[str, Tensor] | None = None,
) -> dict[str, Maps]:
    """Show a batch to a compiled model, and return the layers' maps as `capture` does."""
    modules = find_layers(model, layers)
    recorder = _Recorder(modules, layout or layout_of(model), bases or {}, stop=False)
    with in_mode(model, training=False):
        count, outputs = compiled.outputs(batch, modules)
        recorder.read(model, batch, count, outputs)
    return {layer: maps[: len(batch)] for layer, maps in recorder.maps.items()}


def find_layers(model: nn.Module, layers: Sequence[str]) -> dict[str, nn.Module]:
    """Return the modules of the named layers. Raises ConfigError naming the nearest layer."""
    modules = dict(model.named_modules(remove_duplicate=False))
    names = [name for name in modules if name]
    for layer in layers:
        if layer not in names:
            hint = nearest(layer, names) or f"; at the top it has {shorten(names)}"
            raise ConfigError(f'{type(model).__name__} has no layer "{layer}"{hint}')
    return {layer: modules[layer] for layer in layers}


def layers_with_maps(
    model: nn.Module, *inputs: Any, layout: Layout | None = None
) -> tuple[str, ...]:
    """Return the layers that are called once for these inputs and have a map of several cells."""
    with recording(model) as outputs:
        model(*inputs)
    maps = dissectable(with_maps(outputs, layout or layout_of(model)))
    layers = {output.layer for output in maps}
    return tuple(name for name, _ in model.named_modules() if name in layers)


class _AllSeen(BaseException):  # no Exception, which a network may catch
    """Every layer has been called: the rest of the network is not needed."""


class _Recorder:
    """Hooks that keep copies of the maps of one forward pass, and its faults."""

    def __init__(
        self,
        modules: Mapping[str, nn.Module],
        layout: Layout,
        bases: Mapping[str, Tensor],
        stop: bool,
    ) -> None:
        self._stop = stop
        self._bases = bases
        self.maps: dict[str, Tensor] = {}
        self._layout = layout
        self._image_count: int | None = None
        self._modules = modules
        self._faults: dict[str, str] = {}
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._handles: list[Any] = []

    def attach(self, model: nn.Module) -> None:
        self._handles.append(model.register_forward_pre_hook(self._begin))
        for layer, module in self._modules.items():
            self._handles.append(module.register_forward_hook(self._record(layer)))
        self._handles.append(model.register_forward_hook(self._end))

    def read(
        self, model: nn.Module, batch: Tensor, count: int, outputs: Sequence[tuple[str, Any]]
    ) -> None:
        """Take outputs for so many images, of layers in the order of their calls."""
        self._begin(model, (batch,))
        self._image_count = count
        for layer, output in outputs:
            self._record(layer)(self._modules[layer], (), output)
        self._end(model, (batch,), None)

    def detach(self) -> None:
        for handle in self._handles:
            handle.remove()

    def _begin(self, _model: nn.Module, inputs: Any) -> None:
        self.maps.clear()
        self._image_count = count_images(inputs)
        self._faults = dict.fromkeys(self._modules, "was not called in the forward pass")

    def _record(self, layer: str) -> Callable[[nn.Module, Any, Any], None]:
        def record(module: nn.Module, _inputs: Any, output: Any) -> None:
            self._shapes[layer] = tuple(output.shape) if isinstance(output, Tensor) else ()
            maps = as_map(output, module, self._layout, self._image_count, layer)
            if layer in self.maps:
                self._faults[layer] = "was called more than once in one forward pass"
            elif isinstance(maps, str):
                self._faults[layer] = maps
            else:
                self._faults.pop(layer, None)
                self.maps[layer] = _copied(maps, self._bases.get(layer), layer)
                if self._stop and len(self.maps) == len(self._modules):
                    raise _AllSeen

        return record

    def _end(self, model: nn.Module, inputs: Any, _output: Any) -> None:
        unfit = unfit_axes(self._layout, self._shapes)
        if not self._faults and unfit is None:
            return
        self.detach()
        if unfit is not None:
            raise ConfigError(unfit)
        layer, fault = next(iter(self._faults.items()))
        names = layers_with_maps(model, *inputs, layout=self._layout)
        choice = f"layers with maps: {shorten(names)}" if names else "no layer of it has maps"
        raise ConfigError(f'layer "{layer}" of {type(model).__name__} {fault}; {choice}')


def _copied(maps: Tensor, basis: Tensor | None, layer: str) -> Maps:
    """Return a copy of units' maps, or the maps of the directions of a basis."""
    if basis is None:
        return maps.detach().to(torch.float32, copy=True, memory_format=torch.contiguous_format)
    if basis.shape[1] != maps.shape[1]:
        raise ConfigError(
            f'layer "{layer}" has {counted(maps.shape[1], "unit")}, but its basis is of '
            f"{counted(basis.shape[1], 'unit')}"
        )
    with torch.autocast(maps.device.type, enabled=False):
        along = torch.einsum("du,nuhw->ndhw", basis, maps.detach().float())
    return along.contiguous()


def shorten(names: Sequence[str]) -> str:
    """List names for a message, those with the fewest dots first."""
    ordered = sorted(names, key=lambda name: name.count("."))
    rest = len(ordered) - _NAMES_SHOWN
    return ", ".join(ordered[:_NAMES_SHOWN]) + (f" and {rest} more" if rest > 0 else "")
