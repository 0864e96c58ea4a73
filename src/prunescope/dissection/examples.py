"""Which are the top activating images of every unit, and what are its maps on them?"""

import torch
from jaxtyping import Float32, Int64
from torch import Tensor

from prunescope.base.ranks import Ranks
from prunescope.dissection.capture import Maps

_LOW_BITS = (1 << 32) - 1
_EMPTY = -(1 << 63)  # below every key


class ExampleCollector:
    """The images on which every unit peaks highest, with its maps; of equal peaks the lower image.

    The examples do not depend on the order of the images, nor on how many collectors share them.
    """

    def __init__(self, examples: int, maps: Maps) -> None:
        """Make an empty collector of the best `examples` images of every unit.

        maps: of the same units, shape and device as those to be added.
        """
        units, *shape = maps.shape[1:]
        self._keys = torch.full((units, examples), _EMPTY, dtype=torch.int64, device=maps.device)
        self._maps = maps.new_zeros((units, examples, *shape))

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
        self._take(_keys_of(peaks.T, indices.to(peaks.device)), maps.transpose(0, 1))

    def exchange(self, ranks: Ranks) -> None:
        """Add the images of the collectors of other processes."""
        maps = self._maps.clone()
        all_keys = list(ranks.others(self._keys))  # one exchange ends before the next begins
        for other_keys, other_maps in zip(all_keys, ranks.others(maps), strict=True):
            self._take(other_keys, other_maps)

    @property
    def _filled(self) -> int:
        return int((self._keys[0] != _EMPTY).sum()) if len(self._keys) else 0

    def _take(
        self, keys: Int64[Tensor, "unit image"], maps: Float32[Tensor, "unit image height width"]
    ) -> None:
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
        kept[row, rank] = maps[changed[row], chosen[row, rank] - ranks]
        self._maps[changed] = kept


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
