"""Which activation maps may still exceed their threshold once every image has been seen?"""

from dataclasses import dataclass

from jaxtyping import Float32, Int64, Shaped
from torch import Tensor

from prunescope.dissection.capture import Maps
from prunescope.dissection.upsample import true_indices

_SMALL = 16 << 20


@dataclass(frozen=True, kw_only=True)
class ActiveMaps:
    """The maps of one batch that exceed a bound, unit by unit.

    units: the unit of each. image_in_batch: the index of its image in the batch. peaks: their
    maxima.
    """

    units: Int64[Tensor, " map"]
    image_in_batch: Int64[Tensor, " map"]
    peaks: Float32[Tensor, " map"]
    maps: Float32[Tensor, "map height width"]

    @classmethod
    def of(
        cls, maps: Maps, peaks: Float32[Tensor, "image unit"], bounds: Shaped[Tensor, " unit"]
    ) -> "ActiveMaps":
        """Return those maps of a batch whose maximum is strictly above their unit's bound."""
        units, images = (bounds[:, None] < peaks.T).nonzero(as_tuple=True)
        return cls(
            units=units,
            image_in_batch=images,
            peaks=peaks[images, units],
            maps=maps[images, units],
        )

    def above(self, bounds: Shaped[Tensor, " unit"]) -> "ActiveMaps":
        """Return those that are strictly above a higher bound."""
        kept = self._above(bounds)
        return self if len(kept) == len(self.units) else self._take(kept)

    def by_image(self, bounds: Shaped[Tensor, " unit"]) -> "ActiveMaps":
        """Return those that are strictly above a higher bound, image by image."""
        kept = self._above(bounds)
        return self._take(kept[self.image_in_batch[kept].argsort(stable=True)])

    @property
    def bytes(self) -> int:
        """The memory they take."""
        return sum(part.numel() * part.element_size() for part in vars(self).values())

    def _above(self, bounds: Shaped[Tensor, " unit"]) -> Int64[Tensor, " kept"]:
        return true_indices(self.peaks > bounds.index_select(0, self.units))

    def _take(self, kept: Int64[Tensor, " kept"]) -> "ActiveMaps":
        parts = {name: part.index_select(0, kept) for name, part in vars(self).items()}
        return ActiveMaps(**parts)


class KeptMaps:
    """The active maps of all batches so far, except those that the rising bounds rule out.

    peak_bytes: the most memory they took at any time.
    """

    def __init__(self) -> None:
        self._batches: dict[int, ActiveMaps] = {}
        self._bytes_after_clearing = 0
        self.bytes = 0
        self.peak_bytes = 0

    def add(self, number: int, active: ActiveMaps) -> None:
        """Keep the maps of a batch, by its number."""
        self._batches[number] = active
        self.bytes += active.bytes
        self.peak_bytes = max(self.peak_bytes, self.bytes)

    @property
    def has_doubled(self) -> bool:
        """Whether they take more than twice the memory they took after the last clearing."""
        return self.bytes > 2 * self._bytes_after_clearing + _SMALL

    def clear(self, bounds: Shaped[Tensor, " unit"]) -> None:
        """Drop every map that does not exceed its unit's bound."""
        for number, active in self._batches.items():
            self._batches[number] = active.above(bounds)
        self.bytes = sum(active.bytes for active in self._batches.values())
        self._bytes_after_clearing = self.bytes

    def take(self, number: int) -> ActiveMaps:
        """Remove and return the maps of a batch."""
        return self._batches.pop(number)

    def count_above(self, bounds: Shaped[Tensor, " unit"]) -> int:
        """Return how many maps exceed a bound."""
        return sum(int((a.peaks > bounds[a.units]).sum()) for a in self._batches.values())
