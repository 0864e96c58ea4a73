"""What does each layer of a network put out in one forward pass?"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from prunescope.base.channels import channels_taken
from prunescope.base.showing import show
from prunescope.dissection.input import in_float32
from prunescope.dissection.tokens import as_map, layout_of


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
    model: nn.Module, resolution: int, channels: int | None = None
) -> tuple[LayerOutput, ...]:
    """Show a network one black square, in evaluation mode, and return what its layers put out.

    They come in the order in which they finish; a layer that is called twice is there twice, one
    that is never called is not. channels: of the image;
    None for what the network takes. Raises ConfigError where the network cannot take such an image.
    """
    model = in_float32(model)
    device = next((parameter.device for parameter in model.parameters()), torch.device("cpu"))
    image = torch.zeros(1, channels or channels_taken(model), resolution, resolution, device=device)
    with evaluation_mode(model), torch.inference_mode(), listening(model) as found:
        show(model, image)
    return tuple(found)


@contextmanager
def listening(model: nn.Module) -> Iterator[list[LayerOutput]]:
    """Give a list to which every layer adds what it puts out, as long as the block lasts."""
    ear = _Ear(model)
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

    def __init__(self, model: nn.Module) -> None:
        self.found: list[LayerOutput] = []
        self._layout = layout_of(model)
        self._images: int | None = None
        self._latest: Any = None

    def begin(self, _model: nn.Module, inputs: Any) -> None:
        self._images = count_images(inputs)

    def hook(self, layer: str) -> Callable[[nn.Module, Any, Any], None]:
        def note(module: nn.Module, _inputs: Any, output: Any) -> None:
            maps = as_map(output, module, self._layout, self._images)
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
