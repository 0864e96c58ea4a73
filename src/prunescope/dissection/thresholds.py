"""Which value does exactly the wanted share of a unit's cells exceed?"""

import math

import torch
from jaxtyping import Float32, Float64, Int64
from torch import Tensor

from prunescope.base.ranks import Ranks
from prunescope.dissection.quantile import Cut

_SPARE_VALUES = 64


class ThresholdCollector:
    """Keeps only the largest values of every unit, which give the exact threshold in one pass.

    `bounds` is a lower bound of each unit's threshold: the (K + 1)-th largest value so far, updated
    whenever a unit's room is full. Each unit has room for max(K / 4, 64) values beyond the K + 1.
    The thresholds do not depend on the order of the values, nor on how many collectors share them.
    """

    def __init__(self, units: int, cut: Cut, device: torch.device | None = None) -> None:
        """Make an empty collector."""
        self._cut = cut
        self._kept = cut.above + 1
        self._room = self._kept + max(_SPARE_VALUES, self._kept // 4)
        self._values = torch.full((units, self._room), -math.inf, device=device)
        self._filled = torch.zeros(units, dtype=torch.int64, device=device)
        self.bounds = torch.full((units,), -math.inf, device=device)

    def add(
        self, cells: Float32[Tensor, "map cell"], units: Int64[Tensor, " map"] | None = None
    ) -> None:
        """Add cells.

        units: the unit of each map, ascending; None for one map of every unit.
        """
        if units is None:
            units = torch.arange(len(cells), device=cells.device)
        maps, values, counts = self._above(cells, units)
        if int((self._filled + counts).max()) > self._room:
            self._compact()
            maps, values, counts = self._above(cells, units)
        self._make_room(int((self._filled + counts).max()))
        owners = units[maps]
        first = self._filled - (counts.cumsum(0) - counts)
        columns = torch.arange(len(owners), device=owners.device) + first[owners]
        self._values[owners, columns] = values
        self._filled += counts
        if self._values.shape[1] > self._room:
            self._compact()

    def exchange(self, ranks: Ranks) -> None:
        """Add the values of other processes."""
        for values in ranks.others(self.largest().clone()):
            self.add(values)

    def largest(self) -> Float32[Tensor, "unit value"]:
        """Return the K + 1 largest values of every unit, unordered; -inf where there were fewer."""
        self._compact()
        return self._values[:, : self._kept]

    def thresholds(self, cut: Cut | None = None) -> Float64[Tensor, " unit"]:
        """Return every unit's threshold; at least K + 1 values of each must have been added.

        cut: with no more cells above it than the collector's, which it is when None.
        """
        cut = cut or self._cut
        largest = self.largest().double().topk(cut.above + 1, dim=1, sorted=False).values
        lower = largest.amin(dim=1)
        if cut.toward_next:
            following = largest.topk(cut.above, dim=1, sorted=False).values.amin(dim=1)
            lower += cut.toward_next * (following - lower)
        return lower.cpu()

    def estimates(self, share: float) -> Float32[Tensor, " unit"]:
        """Return estimates of the thresholds after a share of all cells, in (0, 1]."""
        kept = max(1, min(self._kept, round(self._kept * share)))
        return self.largest().topk(kept, dim=1, sorted=False).values.amin(dim=1)

    def _above(self, cells: Tensor, units: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return map and value of every cell above its bound, and how many each unit has."""
        above = cells > self.bounds[units][:, None]
        maps, within = above.nonzero(as_tuple=True)
        counts = torch.zeros_like(self._filled).index_add_(0, units, above.sum(dim=1))
        return maps, cells[maps, within], counts

    def _make_room(self, values: int) -> None:
        missing = values - self._values.shape[1]
        if missing > 0:
            more = self._values.new_full((len(self._values), missing), -math.inf)
            self._values = torch.cat([self._values, more], dim=1)

    def _compact(self) -> None:
        # Sorted if a unit has fewer values: filled entries must precede empty ones.
        full = bool((self._filled >= self._kept).all())
        largest = self._values.topk(self._kept, dim=1, sorted=not full).values
        self._values = self._values.new_full((len(largest), self._room), -math.inf)
        self._values[:, : self._kept] = largest
        self._filled.clamp_(max=self._kept)
        self.bounds = largest.amin(dim=1)
