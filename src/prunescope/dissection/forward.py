"""What do the layers put out for every image of a concept set?"""

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import UInt8
from torch import nn

from prunescope.base.devices import usable_device
from prunescope.base.errors import DataError
from prunescope.base.images import Precision
from prunescope.base.showing import show
from prunescope.concepts.protocol import ConceptSet
from prunescope.dissection.capture import Maps, capture
from prunescope.dissection.input import InputForm, normalise, read_pixels
from prunescope.dissection.reading import read_ahead
from prunescope.dissection.regions import RegionReader, Regions


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Some successive images: the maps of every layer and, where asked for, the labels."""

    images: range
    maps: Mapping[str, Maps]
    regions: tuple[Regions, ...]


@dataclass(frozen=True, kw_only=True)
class Observation:
    """A network, and the images it is shown; the same numbers however often it is repeated."""

    model: nn.Module
    layers: tuple[str, ...]
    concepts: ConceptSet
    form: InputForm
    batch_size: int
    precision: Precision
    device: torch.device

    def batches(self, *, with_regions: bool) -> Generator[Batch, None, None]:
        """Show every image once, in the set's order. The maps of a batch last until the next.

        Close it (`contextlib.closing`), and the network is as it was.
        Raises DataError for an image or a label map that cannot be read, and for an activation
        that is no finite number; ConfigError where the network cannot take such images, or a
        layer has no maps.
        """
        reader = RegionReader(self.concepts.labels) if with_regions else None
        count = len(self.concepts.images)
        ranges = [
            range(first, min(first + self.batch_size, count))
            for first in range(0, count, self.batch_size)
        ]

        def read(images: range) -> tuple[range, np.ndarray, tuple[Regions, ...]]:
            pixels = read_pixels(self.concepts, images, self.form.resolution)
            return images, pixels, () if reader is None else self._regions(reader, images)

        with (
            capture(self.model, self.layers) as maps,
            closing(read_ahead(read, ranges)) as batches,
        ):
            for images, pixels, regions in batches:
                show_pixels(self.model, pixels, self.form, self.precision, self.device)
                for layer in self.layers:
                    names = self.concepts.images[images.start : images.stop]
                    check_finite(layer, maps[layer], names)
                yield Batch(images=images, maps=maps, regions=regions)

    def _regions(self, reader: RegionReader, images: Sequence[int]) -> tuple[Regions, ...]:
        return tuple(
            reader.read(self.concepts.read_annotation(image), self.concepts.images[image])
            for image in images
        )


def show_pixels(
    model: nn.Module,
    pixels: UInt8[np.ndarray, "image height width 3"],
    form: InputForm,
    precision: Precision,
    device: torch.device,
) -> None:
    """Let a network, which is on the device, look at pictures of the side its input has."""
    with torch.inference_mode(), _exact_arithmetic(device, precision):
        batch = normalise(pixels, form, device)
        if precision == "float32":
            # Channels last would save a fifth of ResNet-18's time on a CPU, but it moved the
            # smallest thresholds by 3e-4, and 3 to 36 times as far from those of float64.
            batch = batch.contiguous()
        show(model, batch)


def check_finite(layer: str, maps: Maps, names: Sequence[str]) -> None:
    """Raise DataError for an activation that is no finite number. names: of the images."""
    finite = maps.isfinite()
    if finite.all():
        return
    image, unit = (~finite).any(dim=3).any(dim=2).nonzero()[0].tolist()
    raise DataError(
        f'unit {unit} of layer "{layer}" is not finite on image {names[image]}: '
        "the network or its input is broken"
    )


@contextmanager
def placed(model: nn.Module, device: str | torch.device | None) -> Iterator[torch.device]:
    """Have the model on a device, where it is when None, and put it back afterwards.

    Raises ConfigError for a device that this machine does not have.
    """
    tensors = [*model.parameters(), *model.buffers()]
    own = tensors[0].device if tensors else torch.device("cpu")
    wanted = usable_device(own if device is None else device)
    if wanted == own:
        yield own
        return
    model.to(wanted)
    try:
        yield wanted
    finally:
        model.to(own)


@contextmanager
def _exact_arithmetic(device: torch.device, precision: Precision) -> Iterator[None]:
    """Compute in full float32, or in bfloat16 where autocast allows, the same way every time.

    A GPU's TF32, on by default in convolutions, keeps 10 bits: too few for a threshold.
    """
    matmul = torch.get_float32_matmul_precision()
    cudnn = torch.backends.cudnn
    flags = cudnn.flags(
        enabled=cudnn.enabled, benchmark=False, deterministic=True, allow_tf32=False
    )
    torch.set_float32_matmul_precision("highest")
    try:
        with flags, torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
            yield
    finally:
        torch.set_float32_matmul_precision(matmul)
