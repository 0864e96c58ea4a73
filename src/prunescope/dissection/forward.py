"""What are the layers' activation maps for every image of a concept set?"""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor, nn

from prunescope.base.arithmetic import computing_by, wants_channels_last
from prunescope.base.compiling import Compiled
from prunescope.base.errors import ConfigError, DataError
from prunescope.base.images import Arithmetic, Precision
from prunescope.base.modes import exact_arithmetic
from prunescope.base.progress import SILENT
from prunescope.base.ranks import ALONE, Ranks
from prunescope.base.reading import read_ahead
from prunescope.base.seeding import torch_generator
from prunescope.base.showing import show
from prunescope.concepts.broken import advising
from prunescope.concepts.protocol import ConceptSet
from prunescope.dissection.axes import Layout
from prunescope.dissection.capture import Maps, capture, compiled_maps, find_layers
from prunescope.dissection.regions import RegionReader, Regions
from prunescope.dissection.sample_points import SamplePoints, sample_points
from prunescope.imaging.network_input import NetworkInput
from prunescope.imaging.normalise import normalise
from prunescope.imaging.sizing import Sizing


@dataclass(frozen=True, kw_only=True)
class Batch:
    """A few images: their indices in the set, the maps of each layer and the labels, if read.

    points: which pixels stand for all of each image, if asked for.
    """

    number: int
    indices: tuple[int, ...]
    maps: Mapping[str, Maps]
    regions: tuple[Regions, ...]
    points: tuple[SamplePoints, ...] = ()


@dataclass
class _Portion:
    """How many pictures are shown at a time; None until the device's memory was too small."""

    size: int | None = None

    def halve(self, size: int, device: torch.device, say: Callable[[str], None]) -> None:
        """Show half as many from now on. Raises ConfigError if there was only one."""
        if size == 1:
            raise ConfigError(
                f"the memory of {device} does not hold the forward pass of one image: "
                "take a smaller resolution, or another device"
            )
        if device.type == "cuda":
            torch.cuda.empty_cache()
        if self.size is None:
            say(f"the memory of {device} is too small for the batch: going on with smaller ones")
        self.size = -(-size // 2)


@dataclass(frozen=True, kw_only=True)
class ForwardPass:
    """A network on its device, and how pictures are shown to it.

    input: how pictures are sized and normalised.
    arithmetic: by which it computes while it is `prepared`.
    channels_last: memory format in plain float32; for any other see `wants_channels_last`.
    layout: how the network arranges its outputs; None infers it from its class.
    bases: of layers whose maps are those of directions, not of units, see `capture`.
    say: receives messages to the user.
    """

    model: nn.Module
    input: NetworkInput
    precision: Precision
    device: torch.device
    arithmetic: Arithmetic = "plain"
    channels_last: bool = False
    layout: Layout | None = None
    bases: dict[str, Tensor] = field(default_factory=dict)
    say: Callable[[str], None] = SILENT.say
    _portion: _Portion = field(default_factory=_Portion, init=False, repr=False)
    _compiled: list[Compiled] = field(default_factory=list, init=False, repr=False)

    @contextmanager
    def prepared(self, layers: Sequence[str]) -> Iterator[None]:
        """Have the network compute by the arithmetic while the block lasts.

        layers: those whose maps are asked for in it.
        Raises ConfigError for a layer that does not exist.
        """
        seen = find_layers(self.model, layers).values()
        side = self.input.resolution
        size = (len(self.input.mean), side, side)
        with computing_by(self.arithmetic, self.model, size, seen=seen) as compiled:
            if compiled is not None:
                self.say("the first batch takes longer, since torch compiles the network")
                self._compiled.append(compiled)
            try:
                yield
            finally:
                self._compiled.clear()

    def maps(
        self,
        pixels: UInt8[np.ndarray, "image row column band"],
        layers: Sequence[str],
        *,
        stop: bool = False,
    ) -> dict[str, Tensor]:
        """Show pictures of the right size, and return the maps of every layer.

        They are shown in as many portions as the device's memory requires.
        stop: end the forward pass after the deepest layer.
        """
        while True:
            size = min(self._portion.size or len(pixels), len(pixels))
            try:
                portions = [
                    self._show(pixels[start : start + size], layers, stop=stop)
                    for start in range(0, len(pixels), size)
                ]
            except torch.OutOfMemoryError:
                self._portion.halve(size, self.device, self.say)
                continue
            if len(portions) == 1:
                return portions[0]
            return {layer: torch.cat([maps[layer] for maps in portions]) for layer in layers}

    def _show(
        self,
        pixels: UInt8[np.ndarray, "image row column band"],
        layers: Sequence[str],
        *,
        stop: bool,
    ) -> dict[str, Tensor]:
        channels_last = self.channels_last or wants_channels_last(
            self.arithmetic, self.precision, self.device
        )
        with torch.inference_mode(), exact_arithmetic(self.device, self.precision):
            on_device = torch.from_numpy(pixels).to(self.device)
            batch = normalise(on_device, self.input, channels_last=channels_last)
            for compiled in self._compiled:
                return compiled_maps(
                    compiled, self.model, layers, batch, layout=self.layout, bases=self.bases
                )
            with capture(
                self.model, layers, layout=self.layout, bases=self.bases, stop=stop
            ) as maps:
                show(self.model, batch)
        return dict(maps)


@dataclass(frozen=True, kw_only=True)
class Observation(ForwardPass):
    """A network, and the images it is shown; every repetition gives the same numbers.

    The images are shuffled once, so that early ones represent the rest, and batches are the same
    however many processes share them.
    ranks: the processes that share the images; each shows every `count`th batch.
    """

    concepts: ConceptSet
    batch_size: int
    ranks: Ranks = ALONE

    @property
    def image_count(self) -> int:
        """How many images the whole set has."""
        return len(self.concepts.images)

    def batches_of_rank(self) -> list[tuple[int, tuple[int, ...]]]:
        """Return the number and the images' indices of every batch that this process shows."""
        order = torch.randperm(
            self.image_count, generator=torch_generator(0, "dissection", "order")
        )
        batches = [tuple(indices.tolist()) for indices in torch.split(order, self.batch_size)]
        return list(enumerate(batches))[self.ranks.rank :: self.ranks.count]

    @property
    def image_count_of_rank(self) -> int:
        """How many images this process shows."""
        return sum(len(indices) for _, indices in self.batches_of_rank())

    def probe(self, layers: Sequence[str]) -> dict[str, Tensor]:
        """Return the maps of one image, for their shapes."""
        pixels = read_pixels(self.concepts, [0], self.input.resolution)
        return self.maps(pixels, layers)

    def batches(
        self, layers: Sequence[str], reader: RegionReader | None = None, *, points: bool = False
    ) -> Generator[Batch, None, None]:
        """Show the images of this process once; without layers, only their labels are read.

        reader: reads the labels; None leaves them unread. points: whether to sample them.
        After the first batch, the forward pass ends after the deepest layer.
        Closing the generator (`contextlib.closing`) restores the network.
        Raises DataError for an image or a label map that cannot be read, and for an activation
        that is not finite; ConfigError where the network cannot take such images, or a layer has
        no maps.
        """

        def read(batch: tuple[int, tuple[int, ...]]) -> tuple[Batch, np.ndarray | None]:
            number, indices = batch
            side = self.input.resolution
            pixels = read_pixels(self.concepts, indices, side) if layers else None
            regions = () if reader is None else self._regions(reader, indices)
            sampled = tuple(map(sample_points, regions)) if points else ()
            return (
                Batch(number=number, indices=indices, maps={}, regions=regions, points=sampled),
                pixels,
            )

        with closing(read_ahead(read, self.batches_of_rank())) as read_batches:
            for index, (batch, pixels) in enumerate(read_batches):
                if pixels is None:
                    yield batch
                    continue
                maps = self.maps(pixels, layers, stop=index > 0)
                names = [self.concepts.images[image] for image in batch.indices]
                for layer in layers:
                    what = "direction" if layer in self.bases else "unit"
                    check_finite(layer, maps[layer], names, what)
                yield replace(batch, maps=maps)

    def _regions(self, reader: RegionReader, indices: Sequence[int]) -> tuple[Regions, ...]:
        with advising(self.concepts):
            return tuple(
                reader.read(self.concepts.read_annotation(image), self.concepts.images[image])
                for image in indices
            )


def read_pixels(
    concepts: ConceptSet, indices: Sequence[int], resolution: int
) -> UInt8[np.ndarray, "image height width band"]:
    """Read images, squashed to a square of this side, see `Sizing`.

    Raises DataError, naming the file, for an image that cannot be read.
    """
    square = Sizing(resolution=resolution)
    with advising(concepts):
        return np.stack([square.apply(concepts.read_image(image)) for image in indices])


def check_finite(layer: str, maps: Maps, names: Sequence[str], what: str = "unit") -> None:
    """Raise DataError for an activation that is not finite. names: of the images."""
    if bool(maps.sum().isfinite()):  # ten times as fast; any nan or infinity reaches the sum
        return
    broken = (~maps.isfinite()).any(dim=3).any(dim=2).nonzero()
    if len(broken):
        image, unit = broken[0].tolist()
        raise DataError(
            f'{what} {unit} of layer "{layer}" is not finite on image {names[image]}: '
            "the network or its input is broken"
        )
