"""On how many images does a unit's activation peak at which value?"""

from dataclasses import dataclass

import torch
from jaxtyping import Float32, Float64, Int64
from torch import Tensor

from prunescope.base.ranks import Ranks

_SIDE = 64  # bins below 0, and as many from 0 on
_SIDE_EXPONENT = 6  # of 2
_LOWEST_EXPONENT = -60  # of a unit whose peaks are 0, or next to it


@dataclass(frozen=True, kw_only=True)
class PeakCounts:
    """How many images peak in each bin; bin 64 begins at 0.

    widths: of each unit's bins, powers of 2.
    """

    widths: Float64[Tensor, " unit"]
    counts: Int64[Tensor, "unit bin"]


class PeakCounter:
    """Counts the images of every unit by the peak of its activation, in bins of equal width.

    A unit's bins are as narrow as 64 of them on either side of 0 can be: their width is the power
    of 2 for which the largest |peak| lies in bins 32 to 64. Where a larger peak comes, pairs of
    bins are joined. So the counts are exact, and depend neither on the order of the images nor on
    how many counters share them.
    """

    def __init__(self, units: int, device: torch.device | None = None) -> None:
        """Begin without images."""
        lowest = _LOWEST_EXPONENT - _SIDE_EXPONENT
        self._exponents = torch.full((units,), lowest, dtype=torch.int64, device=device)
        self._counts = torch.zeros((units, 2 * _SIDE), dtype=torch.int64, device=device)

    def add(self, peaks: Float32[Tensor, "image unit"]) -> None:
        """Count images."""
        largest = peaks.abs().amax(dim=0)
        needed = torch.frexp(largest).exponent.long() - _SIDE_EXPONENT
        self._widen(torch.where(largest > 0, needed, self._exponents))  # that of 0 is 0
        bins = (peaks.double() / _power_of_2(self._exponents)).floor().long() + _SIDE
        self._counts.scatter_add_(1, bins.T, torch.ones_like(bins.T))

    def exchange(self, ranks: Ranks) -> None:
        """Add the images of other processes."""
        for exponents in list(ranks.others(self._exponents.clone())):
            self._widen(exponents)
        self._counts = ranks.total(self._counts)

    def result(self) -> PeakCounts:
        """Return the counts so far."""
        return PeakCounts(widths=_power_of_2(self._exponents).cpu(), counts=self._counts.cpu())

    def _widen(self, exponents: Int64[Tensor, " unit"]) -> None:
        """Join bins until they are as wide as asked for, where they are narrower."""
        joined = (exponents - self._exponents).clamp(min=0)
        if bool(joined.any()):
            bins = torch.arange(-_SIDE, _SIDE, device=joined.device)
            bins = (bins >> joined.clamp(max=_SIDE_EXPONENT + 1)[:, None]) + _SIDE
            self._counts = torch.zeros_like(self._counts).scatter_add_(1, bins, self._counts)
            self._exponents += joined


def _power_of_2(exponents: Int64[Tensor, " unit"]) -> Float64[Tensor, " unit"]:
    """Return powers that are exact on every device, as `torch.pow` need not be."""
    return ((exponents + 1023) << 52).view(torch.float64)
