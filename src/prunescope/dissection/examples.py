"""Which are the top activating images of every unit, on which does it barely fire, and how?"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Float32, Int64
from torch import Tensor

from prunescope.base.ranks import Ranks
from prunescope.dissection.capture import Maps

_LOW_BITS = (1 << 32) - 1
_EMPTY = -(1 << 63)  # below every key


class _MapCollector:
    """The images whose keys are the highest of every unit, with its maps on them.

    They do not depend on the order of the images, nor on how many collectors share them.
    """

    def __init__(self, count: int, maps: Maps) -> None:
        """Make an empty collector of `count` images of every unit.

        maps: of the same units, shape and device as those to be added.
        """
        units, *shape = maps.shape[1:]
        self._keys = torch.full((units, count), _EMPTY, dtype=torch.int64, device=maps.device)
        self._maps = maps.new_zeros((units, count, *shape))

    def exchange(self, ranks: Ranks) -> None:
        """Add the images of the collectors of other processes."""
        maps = self._maps.clone()
        all_keys = list(ranks.others(self._keys))  # one exchange ends before the next begins
        for other_keys, other_maps in zip(all_keys, ranks.others(maps), strict=True):
            self._take(other_keys, partial(_chosen, other_maps))

    def _take(
        self,
        keys: Int64[Tensor, "unit image"],
        maps_of: Callable[[Tensor, Tensor], Float32[Tensor, "map height width"]],
    ) -> None:
        """Take images. maps_of: returns the map of each unit on each image, both as in `keys`."""
        ranks = self._keys.shape[1]
        best = torch.cat([self._keys, keys], dim=1).topk(ranks, dim=1)
        changed = (best.indices >= ranks).any(dim=1).nonzero()[:, 0]
        self._keys = best.values
        if not len(changed):
            return
        chosen = best.indices[changed]
        rows = torch.arange(len(changed), device=changed.device)[:, None]
        kept = self._maps[changed][rows, chosen.clamp(max=ranks - 1)]
        row, rank = (chosen >= ranks).nonzero(as_tuple=True)
        kept[row, rank] = maps_of(changed[row], chosen[row, rank] - ranks)
        self._maps[changed] = kept


class ExampleCollector(_MapCollector):
    """The images on which every unit peaks highest; of equal peaks the lower image first."""

    @property
    def peaks(self) -> Float32[Tensor, "unit rank"]:
        """The highest peaks, falling; fewer than asked for after fewer images."""
        return _peaks_of(self._keys[:, : self._filled]).cpu()

    @property
    def indices(self) -> Int64[Tensor, "unit rank"]:
        """The index of the image of every peak."""
        return (_LOW_BITS - (self._keys[:, : self._filled] & _LOW_BITS)).cpu()

    @property
    def maps(self) -> Float32[Tensor, "unit rank height width"]:
        """The map of every peak."""
        return self._maps[:, : self._filled].cpu()

    def add(
        self,
        maps: Maps,
        peaks: Float32[Tensor, "image unit"],
        indices: Int64[Tensor, " image"],
    ) -> None:
        """Add some images: their maps, the maximum of each, their indices (below 2^32)."""
        keys = _keys_of(peaks.T, indices.to(peaks.device))
        self._take(keys, partial(_chosen, maps.transpose(0, 1)))

    @property
    def _filled(self) -> int:
        return int((self._keys[0] != _EMPTY).sum()) if len(self._keys) else 0


@dataclass(frozen=True, kw_only=True)
class BorderlineImages:
    """Images on which units barely fire: unit by unit, each unit's smallest mask first.

    indices: of the images in the set. pixels: of the masks in the label map.
    """

    units: Int64[Tensor, " mask"]
    ranks: Int64[Tensor, " mask"]
    indices: Int64[Tensor, " mask"]
    pixels: Int64[Tensor, " mask"]
    maps: Float32[Tensor, "mask height width"]


class BorderlineCollector(_MapCollector):
    """The images on which every unit's mask is smallest but not empty; of equal ones the lower."""

    def add(
        self,
        units: Int64[Tensor, " mask"],
        indices: Int64[Tensor, " mask"],
        pixels: Int64[Tensor, " mask"],
        maps: Float32[Tensor, "mask height width"],
    ) -> None:
        """Add the masks of some images, at most one of each unit on each. pixels: below 2^31."""
        images, columns = torch.unique(indices, return_inverse=True)
        shape = (len(self._keys), len(images))
        keys = torch.full(shape, _EMPTY, dtype=torch.int64, device=self._keys.device)
        smaller = torch.where(pixels > 0, (_LOW_BITS >> 1) - pixels, 0) << 32
        keys[units, columns] = torch.where(
            pixels > 0, smaller | (_LOW_BITS - indices), torch.full_like(indices, _EMPTY)
        )
        mask_of = torch.zeros_like(keys)
        mask_of[units, columns] = torch.arange(len(units), device=keys.device)
        self._take(keys, lambda unit, image: maps[mask_of[unit, image]])

    def images(self) -> BorderlineImages:
        """Return the images so far; none of a unit that has no mask."""
        units, ranks = (self._keys != _EMPTY).nonzero(as_tuple=True)
        keys = self._keys[units, ranks]
        return BorderlineImages(
            units=units.cpu(),
            ranks=ranks.cpu(),
            indices=(_LOW_BITS - (keys & _LOW_BITS)).cpu(),
            pixels=((_LOW_BITS >> 1) - (keys >> 32)).cpu(),
            maps=self._maps[units, ranks].cpu(),
        )


def _chosen(
    maps: Float32[Tensor, "unit image height width"],
    units: Int64[Tensor, " map"],
    images: Int64[Tensor, " map"],
) -> Float32[Tensor, "map height width"]:
    return maps[units, images]


def _keys_of(
    peaks: Float32[Tensor, "unit image"], indices: Int64[Tensor, " image"]
) -> Int64[Tensor, "unit image"]:
    """Return numbers that rank as the peaks do and, where these are equal, the lower image first.

    The upper half is the peak's bits as a signed number, the magnitude of a negative peak negated;
    the lower half falls as the index of the image rises.
    """
    bits = (peaks + 0.0).contiguous().view(torch.int32).long()  # + 0.0 makes -0 a plain 0
    ordered = torch.where(bits < 0, -(bits & 0x7FFFFFFF), bits)
    return (ordered << 32) | (_LOW_BITS - indices)


def _peaks_of(keys: Int64[Tensor, "unit rank"]) -> Float32[Tensor, "unit rank"]:
    ordered = keys >> 32
    bits = torch.where(ordered < 0, -ordered - (1 << 31), ordered)
    return bits.int().view(torch.float32)
