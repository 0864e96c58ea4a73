"""When is a layer's output a map for each unit, and how is it brought into that form?

A map is images x units x height x width. Transformers return images x tokens x channels: their
units are the channels, and the tokens are the cells of a square grid, row by row, after a prefix of
tokens that are no cells (a class token, registers), which is dropped. Some networks (Swin) return
images x height x width x channels.
"""

import math
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from prunescope.base.text import a_kind, counted
from prunescope.dissection.axes import (
    Layout,
    acts_on_last_axis,
    acts_on_second_axis,
    leaves_a_square,
)

_PLAUSIBLE = (0, 1, 2, 4, 5)  # none; class; class, distillation; 4 registers; class, registers
_CHANNELS_LAST = ("SwinTransformer", "SwinTransformerV2", "SwinTransformerV2Cr")


def layout_of(model: nn.Module) -> Layout:
    """Return how a network arranges its outputs, as far as its class tells.

    timm's networks, and any other that has `num_prefix_tokens`, state how many tokens are no cells;
    torchvision's VisionTransformer has one. Before the prefix is added there are none. For other
    networks any usual number is possible, if only one of them leaves a square.
    """
    prefix = getattr(model, "num_prefix_tokens", None)
    if prefix is None and type(model).__name__ == "VisionTransformer":
        prefix = 1 if hasattr(model, "class_token") else None
    return Layout(
        prefixes=tuple(sorted({0, prefix})) if isinstance(prefix, int) else _PLAUSIBLE,
        channels_last=type(model).__name__ in _CHANNELS_LAST,
        tokens_first=isinstance(prefix, int),
    )


def as_map(
    output: Any, module: nn.Module, layout: Layout, image_count: int | None, layer: str = ""
) -> Tensor | str:
    """Return a layer's output as images x units x height x width, or say why it is no map.

    module: the layer, called `layer`. image_count: how many images the network was shown; None if
    unknown.
    The axes are, in this order: those observed, those the user states, those inferred otherwise
    (`Reading`). Without any, images come first, and the channels of four axes are where the kind of
    the layer has them. For other kinds, since the image is a square, channels are last if the first
    two of the remaining axes are equal and the last two are not; if all are equal, the layout of
    the network decides.
    """
    read = _read(output, layout, image_count, layer)
    if isinstance(read, str):
        return read
    folded = _folded(output, module, layout, *read)
    if isinstance(folded, Tensor) and folded.shape[2] * folded.shape[3] == 1:
        return "puts out one cell for each unit, which is no map: take a larger resolution"
    return folded


def unit_axis(
    output: Any, module: nn.Module, layout: Layout, image_count: int | None, layer: str = ""
) -> int | str:
    """Return which axis of a layer's output are its units, or say why it is no map.

    The arguments are those of `as_map`, as are the axes that it finds.
    """
    maps = as_map(output, module, layout, image_count, layer)
    read = _read(output, layout, image_count, layer)
    if isinstance(maps, str) or isinstance(read, str):
        return maps if isinstance(maps, str) else str(read)
    axes, _ = read
    if axes is not None:
        return axes.index("C")
    is_last = output.ndim == 3 or _is_last(output, module, layout)
    return output.ndim - 1 if is_last else 1


def unfit_axes(layout: Layout, shapes: Mapping[str, tuple[int, ...]]) -> str | None:
    """Return a message if the stated axes fit none of the layers; else None.

    shapes: of the layers' outputs, by name.
    """
    if not layout.stated or any(_fits(layout, *layer) for layer in shapes.items()):
        return None
    fitting = {layer: shape for layer, shape in shapes.items() if len(shape) in (3, 4)}
    if not fitting:
        return None  # layers without any map have a message of their own
    layer, shape = next(iter(fitting.items()))
    advice = f", or give {len(shape)} axes, such as {_examples(len(shape))}"
    reading = layout.readings.get(layer)
    if reading is not None and len(shape) in layout.stated:
        advice = f"; images of other sizes show that it is {reading.axes}"
    return (
        f'{" and ".join(layout.stated.values())} as --axes does not fit layer "{layer}", which '
        f"puts out a tensor of shape {' x '.join(map(str, shape))}: leave --axes out{advice}"
    )


def _fits(layout: Layout, layer: str, shape: tuple[int, ...]) -> bool:
    stated, reading = layout.stated.get(len(shape)), layout.readings.get(layer)
    return stated is not None and not (reading is not None and reading.contradicts(stated))


def _read(
    output: Any, layout: Layout, image_count: int | None, layer: str
) -> tuple[str | None, int | None] | str:
    """Return the axes and the prefix of a layer's output, or say why it is no map."""
    if not isinstance(output, Tensor):
        return f"puts out {a_kind(output)}, not a map for each unit"
    if output.ndim not in (3, 4):
        return f"puts out a tensor of shape {_shape(output)}, not a map for each unit"
    axes, prefix = layout.stated.get(output.ndim), None
    reading = layout.readings.get(layer)
    if reading is not None:
        if axes is not None and reading.contradicts(axes):
            axes = None
        if axes is None and reading.axes is None:
            return (
                f"puts out a tensor of shape {_shape(output)}, whose axes may be units and cells "
                f"in more than one way: say which with --axes, such as {_examples(output.ndim)}"
            )
        axes = axes or reading.axes
        prefix = reading.prefix if axes == reading.axes else None
    batch = 0 if axes is None else axes.index("N")
    mistaken = axes is None and layer in layout.readings
    if mistaken or (image_count is not None and output.shape[batch] != image_count):
        shown = (
            f"puts out a tensor of shape {_shape(output)} for {counted(image_count or 0, 'image')}"
        )
        if output.ndim in layout.stated:
            return f"{shown}, which --axes {axes} does not fit: N is not where it says"
        return f"{shown}, not a map for each image"
    return axes, prefix


def _folded(
    output: Tensor, module: nn.Module, layout: Layout, axes: str | None, prefix: int | None
) -> Tensor | str:
    if output.ndim == 3:
        tokens = output if axes is None else output.permute([axes.index(axis) for axis in "NLC"])
        return _fold(tokens, layout.prefixes if prefix is None else (prefix,))
    if axes is None:
        return _channels_first(output, module, layout)
    return output.permute([axes.index(axis) for axis in "NCHW"])


def _fold(output: Tensor, prefixes: tuple[int, ...]) -> Tensor | str:
    """Fold images x tokens x channels to the grid of the tokens."""
    tokens = output.shape[1]
    sides = {
        prefix: math.isqrt(tokens - prefix)
        for prefix in prefixes
        if leaves_a_square(tokens, prefix)
    }
    if len(sides) != 1:
        counts = " or ".join(f"{prefix} and {side} x {side}" for prefix, side in sides.items())
        fit = f"may be {counts}" if sides else "are no square grid"
        return (
            f"puts out a tensor of shape {_shape(output)}, whose {tokens} tokens {fit}: take "
            "another resolution, or give the network an attribute num_prefix_tokens, the number of "
            "tokens before the grid"
        )
    [(prefix, side)] = sides.items()
    image_count, _, channels = output.shape
    return output[:, prefix:].transpose(1, 2).reshape(image_count, channels, side, side)


def _channels_first(output: Tensor, module: nn.Module, layout: Layout) -> Tensor:
    return output.permute(0, 3, 1, 2) if _is_last(output, module, layout) else output


def _is_last(output: Tensor, module: nn.Module, layout: Layout) -> bool:
    """Return whether the units are the last of four axes, of which no more is known."""
    first, second, third = output.shape[1:]
    if acts_on_last_axis(module):
        return True
    if acts_on_second_axis(module):
        return False
    return first == second and (1 < first != third or (layout.channels_last and first == third))


def _shape(output: Tensor) -> str:
    return " x ".join(map(str, output.shape)) or "()"


def _examples(count: int) -> str:
    return "NLC (images, tokens, units)" if count == 3 else "NHWC (images, rows, columns, units)"
