"""What is the output of each layer of a network in one forward pass?"""

import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from prunescope.base.errors import ConfigError
from prunescope.base.modes import device_of, in_mode
from prunescope.base.modules import in_float32
from prunescope.base.showing import show
from prunescope.dissection.axes import (
    FEW_IMAGES,
    MORE_IMAGES,
    Layout,
    Shape,
    Shapes,
    read_axes,
    tells_images,
)
from prunescope.dissection.stated import parse_axes
from prunescope.dissection.tokens import as_map, layout_of
from prunescope.imaging.channels import channels_taken

_FAILURES = (ArithmeticError, LookupError, AttributeError, torch.OutOfMemoryError)


@dataclass(frozen=True, kw_only=True)
class LayerOutput:
    """A layer's output in one call.

    shape: of the output; () where it is no tensor.
    image_count: how many images the network was shown; None if unknown.
    handed_on: whether it is the very object that the layer finished just before returned.
    map: units, height and width of its maps; None where it has none, or before `with_maps`.
    """

    layer: str
    module: nn.Module
    shape: Shape
    image_count: int | None
    handed_on: bool
    map: tuple[int, int, int] | None = None


def survey(
    model: nn.Module, resolution: int, channels: int | None = None, axes: str | None = None
) -> tuple[LayerOutput, ...]:
    """Show a network one black square, in evaluation mode, and return its layers' outputs.

    Outputs are in the order in which layers finish: two for a layer that is called twice, none for
    one that is never called.
    channels: of the image; None for what the network takes. axes: as the user states them.
    Raises ConfigError where the network cannot take such an image.
    """
    model = in_float32(model)
    with recording(model) as outputs:
        _show_black(model, 1, resolution, channels)
    return with_maps(outputs, _learned(model, resolution, channels, axes, _once(outputs)))


@contextmanager
def recording(model: nn.Module) -> Iterator[list[LayerOutput]]:
    """Yield a list to which every call of a layer is added while the block lasts."""
    outputs: list[LayerOutput] = []
    image_count: int | None = None
    latest: Any = None

    def begin(_model: nn.Module, inputs: Any) -> None:
        nonlocal image_count
        image_count = count_images(inputs)

    def hook(layer: str) -> Callable[[nn.Module, Any, Any], None]:
        def record(module: nn.Module, _inputs: Any, output: Any) -> None:
            nonlocal latest
            shape = tuple(output.shape) if isinstance(output, Tensor) else ()
            handed_on = output is latest
            outputs.append(
                LayerOutput(
                    layer=layer,
                    module=module,
                    shape=shape,
                    image_count=image_count,
                    handed_on=handed_on,
                )
            )
            latest = output

        return record

    with ExitStack() as stack:
        stack.callback(model.register_forward_pre_hook(begin).remove)
        for layer, module in model.named_modules(remove_duplicate=False):
            if layer:
                stack.callback(module.register_forward_hook(hook(layer)).remove)
        yield outputs


def with_maps(outputs: Sequence[LayerOutput], layout: Layout) -> tuple[LayerOutput, ...]:
    """Return outputs with the extents of their maps under a layout."""
    return tuple(replace(output, map=_extent(output, layout)) for output in outputs)


def dissectable(outputs: Sequence[LayerOutput]) -> list[LayerOutput]:
    """Return the outputs that can be dissected: maps of layers that were called once."""
    calls = Counter(output.layer for output in outputs)
    return [output for output in outputs if output.map and calls[output.layer] == 1]


def learn_layout(
    model: nn.Module, resolution: int, channels: int | None = None, axes: str | None = None
) -> Layout:
    """Infer the axes of the layers' outputs from several numbers and sizes of images.

    The network is shown one image of the resolution and two of half of it (or of twice, or of the
    same, whichever it takes first); then three, if the axis of the images is still ambiguous.
    channels, axes: as `survey` takes them.
    """
    single = _shapes(model, 1, resolution, channels)
    return _learned(model, resolution, channels, axes, single or {})


def _learned(
    model: nn.Module,
    resolution: int,
    channels: int | None,
    axes: str | None,
    single: Mapping[str, Shape],
) -> Layout:
    layout = layout_of(model)
    if axes is not None:
        layout = replace(layout, stated=parse_axes(axes))
    for side in (resolution // 2, 2 * resolution, resolution):
        few = _shapes(model, FEW_IMAGES, side, channels) if side else None
        if few is not None:
            break
    else:  # it seems to take one image at a time
        return layout
    more: Mapping[str, Shape] | None = {}
    if not all(tells_images(shape, single.get(layer)) for layer, shape in few.items()):
        more = _shapes(model, MORE_IMAGES, side, channels)
    if more is None:
        return layout
    modules = dict(model.named_modules(remove_duplicate=False))
    shapes = {
        layer: Shapes(
            module=modules[layer],
            single=single.get(layer),
            few=few[layer],
            more=more.get(layer),
            scale=resolution / side,
        )
        for layer in few
        if layer in more or not more
    }
    return replace(layout, readings=read_axes(shapes, layout))


def _shapes(
    model: nn.Module, image_count: int, side: int, channels: int | None
) -> dict[str, Shape] | None:
    """Return the output shapes of layers that are called once; None where the network fails."""
    with ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")  # about sizes that the user did not ask for
        stack.enter_context(suppress(ConfigError, *_FAILURES))
        outputs = stack.enter_context(recording(model))
        _show_black(model, image_count, side, channels)
        return _once(outputs)
    return None


def _once(outputs: Sequence[LayerOutput]) -> dict[str, Shape]:
    calls = Counter(output.layer for output in outputs)
    return {output.layer: output.shape for output in outputs if calls[output.layer] == 1}


def _show_black(model: nn.Module, image_count: int, side: int, channels: int | None) -> None:
    channels = channels or channels_taken(model)
    with in_mode(model, training=False), torch.inference_mode():
        show(model, torch.zeros(image_count, channels, side, side, device=device_of(model)))


def count_images(inputs: Any) -> int | None:
    """Return how many images a network is shown; None where its first input is no tensor."""
    return len(inputs[0]) if inputs and isinstance(inputs[0], Tensor) and inputs[0].ndim else None


def _extent(output: LayerOutput, layout: Layout) -> tuple[int, int, int] | None:
    tensor = torch.empty(output.shape, device="meta") if output.shape else None
    maps = as_map(tensor, output.module, layout, output.image_count, output.layer)
    if isinstance(maps, str):
        return None
    units, height, width = maps.shape[1:]
    return units, height, width
