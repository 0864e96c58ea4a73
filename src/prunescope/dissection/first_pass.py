"""What does the first pass over the images find for a layer, in bounded memory?"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float32, Float64, Int64
from torch import Tensor

from prunescope.base.ranks import Ranks
from prunescope.dissection.capture import Maps
from prunescope.dissection.examples import ExampleCollector
from prunescope.dissection.kept_maps import ActiveMaps, KeptMaps
from prunescope.dissection.peak_counts import PeakCounter, PeakCounts
from prunescope.dissection.quantile import Cut
from prunescope.dissection.thresholds import ThresholdCollector


@dataclass(frozen=True, kw_only=True)
class FirstPassResult:
    """A layer's thresholds and highest peaks over all images.

    peaks, indices, maps: the highest maxima of each unit's maps, best first, the images they are
        on (indices in the set), and the maps themselves
    peak_counts: how many images peak at which value
    cut: the number of cells, and how many of them can exceed a threshold
    more: the thresholds at other quantiles
    """

    thresholds: Float64[Tensor, " unit"]
    peaks: Float32[Tensor, "unit rank"]
    indices: Int64[Tensor, "unit rank"]
    maps: Float32[Tensor, "unit rank height width"]
    peak_counts: PeakCounts
    cut: Cut
    more: tuple[Float64[Tensor, " unit"], ...] = ()

    @property
    def lowest(self) -> Float64[Tensor, " unit"]:
        """The lowest of each unit's thresholds."""
        return torch.stack([self.thresholds, *self.more]).amin(dim=0)


class FirstPass:
    """The largest values and best examples of one layer, and the maps that may have a mask.

    kept: None once they were given up for lack of memory; the layer then needs a second pass.
    """

    def __init__(
        self, maps: Maps, cut: Cut, *, examples: int, image_count: int, more: Sequence[Cut] = ()
    ) -> None:
        """Begin empty.

        maps: with the units, shape and device of those to be added. image_count: in all.
        more: cuts of other quantiles; the one with most cells above it decides what is kept.
        """
        widest = max((cut, *more), key=lambda each: each.above)
        self._thresholds = ThresholdCollector(maps.shape[1], widest, maps.device)
        self._more = tuple(more)
        self._examples = ExampleCollector(examples, maps)
        self._peak_counter = PeakCounter(maps.shape[1], maps.device)
        self._cut = cut
        self._image_count = image_count
        self._seen = 0
        self._map_cells = maps.shape[2] * maps.shape[3]
        self._map_bytes = maps[0, 0].numel() * maps.element_size() + 2 * 8 + 4
        self.kept: KeptMaps | None = KeptMaps()

    def add(self, number: int, maps: Maps, indices: Int64[Tensor, " image"]) -> None:
        """Add a batch. indices: of its images in the set."""
        peaks = maps.amax(dim=(2, 3))
        self._seen += len(indices)
        self._examples.add(maps, peaks, indices)
        self._peak_counter.add(peaks)
        active = ActiveMaps.of(maps, peaks, self._thresholds.bounds)
        self._thresholds.add(active.maps.flatten(1), active.units)
        if self.kept is not None:
            self.kept.add(number, active.above(self._thresholds.bounds))

    def clear(self) -> None:
        """Drop the kept maps that can no longer have a mask."""
        if self.kept is not None:
            self.kept.clear(self._thresholds.bounds)

    def predicted_bytes(self) -> float:
        """Return about how much memory the kept maps will take after the last image."""
        if self.kept is None:
            return 0.0
        bounds = self._thresholds.estimates(self._seen * self._map_cells / self._cut.cells)
        maps_an_image = self.kept.count_above(bounds) / self._seen
        return maps_an_image * self._image_count * self._map_bytes

    def exchange(self, ranks: Ranks) -> None:
        """Add the values and examples of other processes."""
        self._thresholds.exchange(ranks)
        self._examples.exchange(ranks)
        self._peak_counter.exchange(ranks)

    def end(self) -> FirstPassResult:
        """Return the result over all images."""
        return FirstPassResult(
            thresholds=self._thresholds.thresholds(self._cut),
            more=tuple(self._thresholds.thresholds(cut) for cut in self._more),
            peaks=self._examples.peaks,
            indices=self._examples.indices,
            maps=self._examples.maps,
            peak_counts=self._peak_counter.result(),
            cut=self._cut,
        )


def limit_memory(budget: int, first_passes: Mapping[str, FirstPass], *, predict: bool) -> None:
    """Clear the kept maps when due, and give up those of layers that exceed the budget.

    budget: bytes for the kept maps of all layers together. predict: also give up those of layers
        that are likely to exceed it later.
    """
    keeping = [first_pass for first_pass in first_passes.values() if first_pass.kept is not None]
    full = _bytes(keeping) > budget
    for first_pass in keeping:
        if full or (first_pass.kept is not None and first_pass.kept.has_doubled):
            first_pass.clear()
    _give_up({first_pass: float(_bytes([first_pass])) for first_pass in keeping}, budget)
    if predict:
        _give_up({first_pass: first_pass.predicted_bytes() for first_pass in keeping}, budget)


def _give_up(sizes: dict[FirstPass, float], budget: int) -> None:
    """Give up the largest until the rest fits."""
    for first_pass in sorted(sizes, key=sizes.__getitem__, reverse=True):
        if sum(sizes.values()) <= budget:
            return
        first_pass.kept = None
        del sizes[first_pass]


def _bytes(first_passes: Iterable[FirstPass]) -> int:
    return sum(first_pass.kept.bytes for first_pass in first_passes if first_pass.kept is not None)
