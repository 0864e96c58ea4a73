"""When is what a layer puts out a map for each unit, and how does it become one?

A map is images x units x height x width. Transformers put out images x tokens x channels: their
units are the channels, and the tokens are the cells of a square grid, row by row, with tokens
before them that belong to no place (a class, registers), which are dropped. Some networks (Swin)
put out images x height x width x channels.
"""

import math
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

_PLAUSIBLE = (0, 1, 2, 4, 5)  # none; a class; and one of distillation; registers; and a class
_CHANNELS_FIRST = (
    *(nn.Conv2d, nn.ConvTranspose2d),
    *(nn.BatchNorm2d, nn.SyncBatchNorm, nn.InstanceNorm2d, nn.GroupNorm),
    *(nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveMaxPool2d, nn.AdaptiveAvgPool2d),
)
_CHANNELS_LAST = ("SwinTransformer", "SwinTransformerV2", "SwinTransformerV2Cr")


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How a network arranges what its layers put out.

    prefixes: how many tokens may come before those of the grid.
    channels_last: whether four axes are images, height, width, channels where they could be both.
    """

    prefixes: tuple[int, ...]
    channels_last: bool


def layout_of(model: nn.Module) -> Layout:
    """Return how a network arranges its outputs, as far as it is known.

    timm's networks say how many tokens are no cells (`num_prefix_tokens`), as any other network
    may; torchvision's VisionTransformer has one. Before these join, there are none. Where nothing
    is known, any usual number is possible, as long as only one of them leaves a square.
    """
    known = getattr(model, "num_prefix_tokens", None)
    if known is None and type(model).__name__ == "VisionTransformer":
        known = 1 if hasattr(model, "class_token") else None
    prefixes = tuple(sorted({0, known})) if isinstance(known, int) else _PLAUSIBLE
    return Layout(prefixes=prefixes, channels_last=type(model).__name__ in _CHANNELS_LAST)


def as_map(output: Any, module: nn.Module, layout: Layout, images: int | None) -> Tensor | str:
    """Return a layer's output as images x units x height x width, or say why it is no map.

    module: the layer. images: how many the network was shown; None where that is not known.
    Of four axes the channels are where the layer is known to have them. Of other layers they are
    taken to be last where the first two of the others are equal and the last two are not, since
    the image is a square; where all are equal, as the network is known to have them.
    """
    if not isinstance(output, Tensor):
        return f"puts out a {type(output).__name__}, not a map for each unit"
    if output.ndim not in (3, 4):
        return f"puts out a tensor of shape {_shape(output)}, not a map for each unit"
    if images is not None and len(output) != images:
        return (
            f"puts out a tensor of shape {_shape(output)} for {images} images, "
            "not a map for each image"
        )
    folded = _fold(output, layout) if output.ndim == 3 else _channels_first(output, module, layout)
    if isinstance(folded, Tensor) and folded.shape[2] * folded.shape[3] == 1:
        return "puts out one cell for each unit, which is no map: take a larger resolution"
    return folded


def _fold(output: Tensor, layout: Layout) -> Tensor | str:
    """Fold images x tokens x channels to the grid the tokens stand for."""
    tokens = output.shape[1]
    sides = {
        prefix: math.isqrt(tokens - prefix)
        for prefix in layout.prefixes
        if tokens - prefix > 1 and math.isqrt(tokens - prefix) ** 2 == tokens - prefix
    }
    if len(sides) != 1:
        counts = " or ".join(f"{prefix} and {side} x {side}" for prefix, side in sides.items())
        found = f"may be {counts}" if sides else "are no square grid"
        return (
            f"puts out a tensor of shape {_shape(output)}, whose {tokens} tokens {found}: take "
            "another resolution, or give the network an attribute num_prefix_tokens, the number of "
            "tokens before the grid"
        )
    [(prefix, side)] = sides.items()
    images, _, channels = output.shape
    return output[:, prefix:].transpose(1, 2).reshape(images, channels, side, side)


def _channels_first(output: Tensor, module: nn.Module, layout: Layout) -> Tensor:
    first, second, third = output.shape[1:]
    if _acts_on_last_axis(module):
        last = True
    elif isinstance(module, _CHANNELS_FIRST):
        last = False
    else:
        last = first == second and (1 < first != third or (layout.channels_last and first == third))
    return output.permute(0, 3, 1, 2) if last else output


def _acts_on_last_axis(module: nn.Module) -> bool:
    """Say whether a layer's units are the last axis: of LayerNorm's heirs, some permute."""
    return isinstance(module, nn.Linear) or (
        type(module) is nn.LayerNorm and len(module.normalized_shape) == 1
    )


def _shape(output: Tensor) -> str:
    return " x ".join(map(str, output.shape)) or "()"
