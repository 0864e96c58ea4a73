"""What does a network put out if some units of a layer are zero?"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from prunescope.base.errors import ConfigError
from prunescope.base.modes import device_of
from prunescope.base.showing import show
from prunescope.base.text import counted
from prunescope.dissection.axes import Layout
from prunescope.dissection.capture import capture, find_layers
from prunescope.dissection.survey import count_images, learn_layout
from prunescope.dissection.tokens import unit_axis


def layout_for(model: nn.Module, layer: str, side: int, channels: int) -> tuple[Layout, int]:
    """Return how a network arranges its outputs, and how many units a layer of it has.

    side, channels: of the images that it is shown. Raises ConfigError, as `capture` does, for a
    layer that does not exist, has no maps, or is called more than once.
    """
    find_layers(model, [layer])
    layout = learn_layout(model, side, channels)
    black = torch.zeros(1, channels, side, side, device=device_of(model))
    with capture(model, [layer], layout=layout) as maps, torch.inference_mode():
        show(model, black)
        return layout, maps[layer].shape[1]


@contextmanager
def without_units(
    model: nn.Module, layer: str, units: Sequence[int], *, layout: Layout
) -> Iterator[None]:
    """Set units of a layer to zero, for every image and cell, while the block lasts.

    What follows the layer sees a copy of its output in which the units are zero: of tokens in all
    of them, also those that are no cells. The network must compute operation by operation, since
    where a normalisation is folded into a convolution, nothing follows this one's output.
    units: their indices in the layer, from 0. layout: as `layout_for` returns it.
    """
    images: list[int | None] = [None]

    def begin(_model: nn.Module, inputs: Any) -> None:
        images[0] = count_images(inputs)

    def ablate(module: nn.Module, _inputs: Any, output: Any) -> Tensor:
        axis = unit_axis(output, module, layout, images[0], layer)
        if isinstance(axis, str):
            raise ConfigError(f'layer "{layer}" of {type(model).__name__} {axis}')
        indices = torch.tensor(units, dtype=torch.int64, device=output.device)
        return output.index_fill(axis, indices, 0)  # type: ignore[no-any-return]

    handles = [
        model.register_forward_pre_hook(begin),
        find_layers(model, [layer])[layer].register_forward_hook(ablate),
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def indices_of(layer: str, numbers: Sequence[int], there: Sequence[int]) -> tuple[int, ...]:
    """Return the indices of units in a layer, by their numbers.

    there: the numbers of the layer's units, in their order. Raises ConfigError for one that is not
    there.
    """
    index_of = {number: index for index, number in enumerate(there)}
    absent = [number for number in numbers if number not in index_of]
    if absent:
        is_whole = list(there) == list(range(len(there)))
        which = "from 0 on" if is_whole else "with the numbers of those that are left"
        raise ConfigError(
            f'layer "{layer}" has no unit {absent[0]}: it has {counted(len(there), "unit")}, '
            f"{which}"
        )
    return tuple(index_of[number] for number in numbers)
