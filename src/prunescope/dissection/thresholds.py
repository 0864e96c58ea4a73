"""Which value is exceeded by exactly the wanted share of a unit's cells, and on which images?"""

import math
from fractions import Fraction

import torch
from jaxtyping import Float32, Float64, Int64
from torch import Tensor

from prunescope.base.errors import ConfigError

_SPARE_VALUES = 4096


def cells_above(quantile: float, cells: int, where: str) -> int:
    """Return K = floor(quantile * cells), in exact arithmetic: the most cells above a threshold.

    quantile: taken as the decimal it is written as. where: what the cells are, for the message.
    Raises ConfigError if K is 0.
    """
    share = Fraction(str(quantile))
    above = math.floor(share * cells)
    if above == 0:
        raise ConfigError(
            f"{where} are {cells} cells, too few for a quantile of {quantile}, which needs at "
            f"least {math.ceil(1 / share)}: take more images, a higher resolution, a layer with "
            f"larger maps or a larger quantile"
        )
    return above


class ThresholdCollector:
    """The largest values of every unit so far, and nothing else: the exact threshold in one pass.

    Holds at most 1.25 (K + 1) + 4,096 values per unit. Values come in any order and in any number
    of collectors; the thresholds are the same.
    """

    def __init__(self, units: int, above: int, device: torch.device | None = None) -> None:
        """Make an empty collector. above: K, the number of cells above a threshold."""
        self._kept = above + 1
        self._spare = max(_SPARE_VALUES, self._kept // 4)
        self._values = torch.full((units, self._kept + self._spare), -math.inf, device=device)
        self._filled = torch.zeros(units, dtype=torch.int64, device=device)
        self._bound = torch.full((units,), -math.inf, device=device)

    def add(self, values: Float32[Tensor, "unit cell"]) -> None:
        """Take in more cells of every unit."""
        for part in torch.split(values, self._spare, dim=1):
            above = part > self._bound[:, None]
            if int((self._filled + above.sum(dim=1)).max()) > self._values.shape[1]:
                self._compact()
                above = part > self._bound[:, None]
            self._append(part, above)

    def merge(self, other: "ThresholdCollector") -> None:
        """Take in everything another collector of the same units has seen."""
        self.add(other._values.to(self._values.device))

    def thresholds(self) -> Float64[Tensor, " unit"]:
        """Return the (K + 1)-th largest value of every unit; at least K + 1 must have come."""
        self._compact()
        return self._bound.double().cpu()

    def _append(self, values: Tensor, above: Tensor) -> None:
        counts = above.sum(dim=1)
        units, cells = above.nonzero(as_tuple=True)
        first = self._filled - (counts.cumsum(0) - counts)
        places = torch.arange(len(units), device=units.device) + first[units]
        self._values[units, places] = values[units, cells]
        self._filled += counts

    def _compact(self) -> None:
        largest = self._values.topk(self._kept, dim=1, sorted=False).values
        self._values[:, : self._kept] = largest
        self._values[:, self._kept :] = -math.inf
        self._filled.clamp_(max=self._kept)
        self._bound = largest.amin(dim=1)


class ExampleCollector:
    """The images on which every unit peaks highest; of equal peaks, the lower image index."""

    def __init__(self, units: int, examples: int, device: torch.device | None = None) -> None:
        """Make an empty collector of the best `examples` images of every unit."""
        self._examples = examples
        self._peaks = torch.empty((units, 0), device=device)
        self._images = torch.empty((units, 0), dtype=torch.int64, device=device)

    @property
    def peaks(self) -> Float32[Tensor, "unit rank"]:
        """The highest peaks, falling; fewer than asked for while fewer images have come."""
        return self._peaks.cpu()

    @property
    def images(self) -> Int64[Tensor, "unit rank"]:
        """The index of the image of every peak."""
        return self._images.cpu()

    def add(self, peaks: Float32[Tensor, "image unit"], first: int) -> None:
        """Take in images `first`, `first + 1`, ... by the maximum of each map."""
        images = torch.arange(first, first + len(peaks), device=peaks.device)
        self._take(peaks.T, images.expand(peaks.shape[1], -1))

    def merge(self, other: "ExampleCollector") -> None:
        """Take in the images another collector of the same units has seen."""
        device = self._peaks.device
        self._take(other._peaks.to(device), other._images.to(device))

    def _take(self, peaks: Tensor, images: Tensor) -> None:
        peaks = torch.cat([self._peaks, peaks], dim=1)
        images, order = torch.cat([self._images, images], dim=1).sort(dim=1)
        peaks, by_peak = peaks.gather(1, order).sort(dim=1, descending=True, stable=True)
        self._peaks = peaks[:, : self._examples].contiguous()
        self._images = images.gather(1, by_peak)[:, : self._examples].contiguous()
