"""The principal components of a layer's cells on all images, which are shown once more for it."""

from collections.abc import Mapping
from contextlib import closing

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor

from prunescope.base.progress import Progress
from prunescope.base.ranks import Ranks
from prunescope.dissection.capture import Maps
from prunescope.dissection.forward import Observation


def directions(
    observation: Observation, units: Mapping[str, int], _seed: int, progress: Progress
) -> dict[str, Tensor]:
    """Return the components of each layer, those of larger variance first, see `components`."""
    moments = {layer: Moments(count, observation.device) for layer, count in units.items()}
    count = observation.image_count_of_rank
    with (
        progress.task(f"principal components of {', '.join(units)}", count) as task,
        closing(observation.batches(list(units))) as batches,
    ):
        for batch in batches:
            for layer, maps in batch.maps.items():
                moments[layer].add(maps)
            task.advance(len(batch.indices))
    for each in moments.values():
        each.exchange(observation.ranks)
    found = {layer: components(*each.second()).float() for layer, each in moments.items()}
    return observation.ranks.first(found)


class Moments:
    """The sums of a layer's activations and of their products over all cells.

    Products of a batch are summed in float64. Sums of batches are kept in two parts, which together
    have twice its digits: rounded to float64 they no longer depend on the order of the batches, nor
    on how many processes share them.
    """

    def __init__(self, units: int, device: torch.device) -> None:
        """Begin empty."""
        # one row more: a cell's activations, and a 1, whose products are the sums and the count
        self._sum = torch.zeros(units + 1, units + 1, dtype=torch.float64, device=device)
        self._rest = torch.zeros_like(self._sum)

    def add(self, maps: Maps) -> None:
        """Add a batch."""
        cells = maps.transpose(0, 1).flatten(1).double()
        cells = torch.cat([cells, torch.ones_like(cells[:1])])
        self._add(cells @ cells.T)

    def exchange(self, ranks: Ranks) -> None:
        """Add the sums of other processes."""
        for sums, rest in list(ranks.others(torch.stack([self._sum, self._rest]))):
            self._add(sums)
            self._add(rest)

    def second(self) -> tuple[Float64[Tensor, "unit unit"], Float64[Tensor, " unit"]]:
        """Return the mean products of activations, and the mean activations."""
        means = (self._sum / self._sum[-1, -1]).cpu()
        return means[:-1, :-1], means[-1, :-1]

    def _add(self, values: Tensor) -> None:
        """Add exactly, up to the last digit of the rest (Knuth's two-sum)."""
        total = self._sum + values
        added = total - self._sum
        rest = (self._sum - (total - added)) + (values - added) + self._rest
        self._sum = total + rest
        self._rest = rest - (self._sum - total)


def components(
    products: Float64[Tensor, "unit unit"], mean: Float64[Tensor, " unit"]
) -> Float64[Tensor, "direction unit"]:
    """Return the unit eigenvectors of the covariance, as rows, by falling variance.

    The largest weight of each, by magnitude, is positive; of equals, the first. Rows whose variance
    is not told from 0 in float64 are 0: such a direction is constant, and dead.
    """
    covariance = products - torch.outer(mean, mean)
    variances, vectors = torch.linalg.eigh(covariance)
    rows, falling = vectors.T.flip(0).numpy(), variances.flip(0).numpy()
    least = len(rows) * np.finfo(float).eps * float(products.diagonal().max())
    heaviest = np.take_along_axis(rows, np.abs(rows).argmax(axis=1)[:, None], axis=1)
    return torch.from_numpy(rows * np.sign(heaviest) * (falling > least)[:, None])
