"""What does each layer of a network put out in one forward pass?"""

import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from prunescope.base.channels import channels_taken
from prunescope.base.errors import ConfigError
from prunescope.base.showing import show
from prunescope.dissection.axes import (
    FEW_IMAGES,
    MORE_IMAGES,
    Layout,
    Shape,
    Shapes,
    parse_axes,
    read_axes,
)
from prunescope.dissection.input import in_float32
from prunescope.dissection.tokens import as_map, layout_of

_FAILURES = (ArithmeticError, LookupError, AttributeError, torch.OutOfMemoryError)


@dataclass(frozen=True, kw_only=True)
class LayerOutput:
    """What a layer puts out when it is called.

    shape: of the output itself; () where it is no tensor.
    map: units, height and width of its maps; None where it has none.
    handed_on: it is the very tensor that the layer finished before it put out.
    """

    layer: str
    module: nn.Module
    shape: tuple[int, ...]
    map: tuple[int, int, int] | None
    handed_on: bool


def survey(
    model: nn.Module, resolution: int, channels: int | None = None, axes: str | None = None
) -> tuple[LayerOutput, ...]:
    """Show a network one black square, in evaluation mode, and return what its layers put out.

    They come in the order in which they finish; a layer that is called twice is there twice, one
    that is never called is not.
    channels: of the image; None for what the network takes. axes: as the user states them.
    Raises ConfigError where the network cannot take such an image.
    """
    model = in_float32(model)
    layout = learn_layout(model, resolution, channels, axes)
    with listening(model, layout) as found:
        _show_black(model, 1, resolution, channels)
    return tuple(found)


def learn_layout(
    model: nn.Module, resolution: int, channels: int | None = None, axes: str | None = None
) -> Layout:
    """Find out what the axes of the layers' outputs are, by images of several numbers and sizes.

    Two and three images are shown, of half the resolution where the network takes that, or of
    twice; then one of the resolution. channels, axes: as `survey` takes them.
    Raises ConfigError where the network cannot take images of the resolution.
    """
    layout = layout_of(model)
    if axes is not None:
        layout = replace(layout, stated=parse_axes(axes))
    for side in (resolution // 2, 2 * resolution):
        few = _shapes(model, FEW_IMAGES, side, channels) if side else None
        if few is not None:
            break
    else:
        side = resolution
        few = _shapes(model, FEW_IMAGES, side, channels)
    more = _shapes(model, MORE_IMAGES, side, channels)
    if few is None or more is None:  # a network for one image at a time, as far as it is known
        return layout
    other = few if side == resolution else _shapes(model, 1, resolution, channels)
    if other is None:
        other = few
    modules = dict(model.named_modules(remove_duplicate=False))
    shapes = {
        layer: Shapes(
            module=modules[layer],
            few=few[layer],
            more=more[layer],
            other=other.get(layer),
            scale=resolution / side,
        )
        for layer in few
        if layer in more
    }
    return replace(layout, readings=read_axes(shapes, layout))


def _shapes(
    model: nn.Module, images: int, side: int, channels: int | None
) -> dict[str, Shape] | None:
    """Return what the layers that are called once put out; None where the network fails."""
    calls: dict[str, list[Shape]] = {}

    def hook(layer: str) -> Callable[[nn.Module, Any, Any], None]:
        def note(_module: nn.Module, _inputs: Any, output: Any) -> None:
            shape = tuple(output.shape) if isinstance(output, Tensor) else ()
            calls.setdefault(layer, []).append(shape)

        return note

    with ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")  # of sizes that nobody asked for
        stack.enter_context(suppress(ConfigError, *_FAILURES))
        for layer, module in model.named_modules(remove_duplicate=False):
            if layer:
                stack.callback(module.register_forward_hook(hook(layer)).remove)
        _show_black(model, images, side, channels)
        return {layer: shapes[0] for layer, shapes in calls.items() if len(shapes) == 1}
    return None


def _show_black(model: nn.Module, images: int, side: int, channels: int | None) -> None:
    device = next((parameter.device for parameter in model.parameters()), torch.device("cpu"))
    count = channels or channels_taken(model)
    with evaluation_mode(model), torch.inference_mode():
        show(model, torch.zeros(images, count, side, side, device=device))


@contextmanager
def listening(model: nn.Module, layout: Layout) -> Iterator[list[LayerOutput]]:
    """Give a list to which every layer adds what it puts out, as long as the block lasts."""
    ear = _Ear(layout)
    with ExitStack() as stack:
        stack.callback(model.register_forward_pre_hook(ear.begin).remove)
        for layer, module in model.named_modules():
            if layer:
                stack.callback(module.register_forward_hook(ear.hook(layer)).remove)
        yield ear.found


def count_images(inputs: Any) -> int | None:
    """Return how many images a network is shown; None where its first input is no tensor."""
    return len(inputs[0]) if inputs and isinstance(inputs[0], Tensor) and inputs[0].ndim else None


@contextmanager
def evaluation_mode(model: nn.Module) -> Iterator[None]:
    """Have a network in evaluation mode; afterwards every module has the mode it had."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode


class _Ear:
    """Hooks that note what the layers put out, and hold on to the latest output alone."""

    def __init__(self, layout: Layout) -> None:
        self.found: list[LayerOutput] = []
        self._layout = layout
        self._images: int | None = None
        self._latest: Any = None

    def begin(self, _model: nn.Module, inputs: Any) -> None:
        self._images = count_images(inputs)

    def hook(self, layer: str) -> Callable[[nn.Module, Any, Any], None]:
        def note(module: nn.Module, _inputs: Any, output: Any) -> None:
            maps = as_map(output, module, self._layout, self._images, layer)
            found = LayerOutput(
                layer=layer,
                module=module,
                shape=tuple(output.shape) if isinstance(output, Tensor) else (),
                map=None if isinstance(maps, str) else _extent(maps),
                handed_on=output is self._latest,
            )
            self.found.append(found)
            self._latest = output

        return note


def _extent(maps: Tensor) -> tuple[int, int, int]:
    units, height, width = maps.shape[1:]
    return units, height, width
