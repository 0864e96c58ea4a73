"""Which axes of a layer's output are images, units and cells?

N are the images, C the units, H and W rows and columns, L tokens: the cells in one axis. The axes
are inferred from how the shape changes with the number and the size of the images; failing that,
from the kind of the layer, or from other layers whose output has the same shape.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from torch import nn

Shape = tuple[int, ...]
FEW_IMAGES, MORE_IMAGES = 2, 3
_MAP_AXES = (3, 4)
_MOST_PREFIXES = 64
_CHANNELS_FIRST = (
    *(nn.Conv2d, nn.ConvTranspose2d),
    *(nn.BatchNorm2d, nn.SyncBatchNorm, nn.InstanceNorm2d, nn.GroupNorm),
    *(nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveMaxPool2d, nn.AdaptiveAvgPool2d),
)


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What the axes of a layer's output are.

    axes: in their order, as "NCHW", "NHWC", "NLC" or "LNC"; None if ambiguous.
    prefix: tokens before those of the grid; None if unknown.
    observed: whether the axes follow from how the output changes with the images.
    """

    axes: str | None
    prefix: int | None = None
    observed: bool = False

    def contradicts(self, stated: str) -> bool:
        """Return whether images or units were observed on other axes than a user states."""
        if self.axes is None or not self.observed:
            return False
        return any(self.axes.find(axis) != stated.find(axis) for axis in "NC")


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How a network arranges what its layers put out.

    prefixes: how many tokens may come before those of the grid.
    channels_last: whether ambiguous outputs of four axes are images, height, width, channels.
    tokens_first: whether three axes are known to be images, tokens, channels.
    stated: axes as the user states them, by how many there are.
    readings: the axes of the layers that are called once; None for a layer whose output has no axis
        of images. Layers that are missing were not tried.
    """

    prefixes: tuple[int, ...]
    channels_last: bool
    tokens_first: bool = False
    stated: Mapping[int, str] = field(default_factory=dict)
    readings: Mapping[str, Reading | None] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Shapes:
    """A layer's output shapes for two and three images of one size, and for one of another size.

    single: None where the layer is not called exactly once. more: None where `few` and `single`
        suffice to find the axis of the images, see `tells_images`.
    scale: how much longer the sides of the single image are; 1 where the network takes one size.
    """

    module: nn.Module
    single: Shape | None
    few: Shape
    more: Shape | None
    scale: float


def read_axes(layers: Mapping[str, Shapes], layout: Layout) -> dict[str, Reading | None]:
    """Return the axes of each layer's output; None where it has no axis of images."""
    readings: dict[str, Reading | None] = dict.fromkeys(layers)
    batch_axes = {layer: _batch_axis(shapes) for layer, shapes in layers.items()}
    with_images = {layer: axis for layer, axis in batch_axes.items() if axis is not None}
    evident = {layer: _by_evidence(layers[layer], axis) for layer, axis in with_images.items()}
    by_shape: dict[Shape, set[str]] = {}
    for layer, reading in evident.items():
        if reading.axes is not None:
            by_shape.setdefault(layers[layer].few, set()).add(reading.axes)
    for layer, reading in evident.items():
        shape = layers[layer].few
        others = by_shape.get(shape, set())
        axes = reading.axes or (next(iter(others)) if len(others) == 1 else None)
        readings[layer] = replace(
            reading, axes=axes or _by_shape(shape, with_images[layer], layout)
        )
    return readings


def acts_on_last_axis(module: nn.Module) -> bool:
    """Return whether a layer's units are the last axis; subclasses of LayerNorm may permute."""
    return isinstance(module, nn.Linear) or (
        type(module) is nn.LayerNorm and len(module.normalized_shape) == 1
    )


def acts_on_second_axis(module: nn.Module) -> bool:
    """Return whether a layer's units are the axis after the images."""
    return isinstance(module, _CHANNELS_FIRST)


def leaves_a_square(tokens: int, prefix: int) -> bool:
    """Return whether the tokens after a prefix are a square of several cells."""
    cells = tokens - prefix
    return cells > 1 and math.isqrt(cells) ** 2 == cells


def tells_images(few: Shape, single: Shape | None) -> bool:
    """Return whether exactly one axis follows the number of images, two and then one.

    Where another axis shrinks too, it may be either. True for outputs that are never maps.
    """
    return len(few) not in _MAP_AXES or _from_two_to_one(few, single) is not None


def _from_two_to_one(few: Shape, single: Shape | None) -> int | None:
    if single is None or len(single) != len(few):
        return None
    shrunk = [axis for axis, count in enumerate(few) if count > single[axis]]
    counts = [(few[axis], single[axis]) for axis in shrunk]
    return shrunk[0] if counts == [(FEW_IMAGES, 1)] else None


def _batch_axis(shapes: Shapes) -> int | None:
    few, more = shapes.few, shapes.more
    if len(few) not in _MAP_AXES:
        return None
    if more is None:
        return _from_two_to_one(few, shapes.single)
    if len(few) != len(more):
        return None
    changed = [axis for axis in range(len(few)) if few[axis] != more[axis]]
    counts = [(few[axis], more[axis]) for axis in changed]
    return changed[0] if counts == [(FEW_IMAGES, MORE_IMAGES)] else None


def _by_evidence(shapes: Shapes, batch: int) -> Reading:
    """Infer the axes from those that follow the size of the images, or from the layer's kind."""
    few, single, module = shapes.few, shapes.single, shapes.module
    rest = [axis for axis in range(len(few)) if axis != batch]
    cells = len(rest) - 1
    other = single if single is not None and len(single) == len(few) else few
    following = [axis for axis in rest if other[axis] != few[axis]]
    if len(following) == cells:
        axes = _named(rest, batch, units=next(axis for axis in rest if axis not in following))
        prefix = _prefix(few[following[0]], other[following[0]], shapes.scale)
        return Reading(axes=axes, prefix=prefix if cells == 1 else None, observed=True)
    if acts_on_last_axis(module) and batch != len(few) - 1:
        return Reading(axes=_named(rest, batch, units=rest[-1]))
    if acts_on_second_axis(module) and batch == 0:
        return Reading(axes=_named(rest, batch, units=1))
    return Reading(axes=None)


def _by_shape(shape: Shape, batch: int, layout: Layout) -> str | None:
    """Infer the axes where only one order fits a square image; None where several do."""
    rest = [axis for axis in range(len(shape)) if axis != batch]
    last = _named(rest, batch, units=rest[-1])
    if len(rest) == 2:
        grids = [
            any(leaves_a_square(shape[axis], prefix) for prefix in layout.prefixes) for axis in rest
        ]
        return last if layout.tokens_first or grids == [True, False] else None
    first, second, third = (shape[axis] for axis in rest)
    if layout.channels_last and first == second:
        return last
    return "NCHW" if batch == 0 and second == third != first else None


def _named(rest: Sequence[int], batch: int, *, units: int) -> str:
    cells = iter("HW" if len(rest) == 3 else "L")
    letters = {batch: "N", units: "C"}
    return "".join(letters.get(axis) or next(cells) for axis in sorted([*rest, batch]))


def _prefix(tokens: int, others: int, scale: float) -> int | None:
    """Return how many tokens are no cells, given that the grid grows as the images do."""
    prefix = (scale**2 * tokens - others) / (scale**2 - 1)
    if not prefix.is_integer() or not 0 <= prefix <= _MOST_PREFIXES:
        return None
    sides = [math.isqrt(max(0, count - int(prefix))) for count in (tokens, others)]
    grids = [side**2 == count - prefix for side, count in zip(sides, (tokens, others), strict=True)]
    return int(prefix) if all(grids) and sides[0] * scale == sides[1] else None
