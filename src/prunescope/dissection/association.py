"""How closely do a layer's activations go with the labels, over all pixels of the images?"""

from collections.abc import Mapping

import numpy as np
import torch
from jaxtyping import Float32, Float64, Int64
from torch import Tensor

from prunescope.base.ranks import Ranks
from prunescope.dissection.activation_bins import ActivationBins
from prunescope.dissection.capture import Maps
from prunescope.dissection.cells import cell_reader
from prunescope.dissection.conventions import Centring
from prunescope.dissection.correlation import CorrelationSums, pearson
from prunescope.dissection.forward import Batch, Observation
from prunescope.dissection.ranking import RankingTable, average_precision
from prunescope.dissection.scores import Best, best_in_blocks, ranked_labels
from prunescope.results.association import Association
from prunescope.results.overlap import Overlap

PILOT_IMAGES = 32
"""The first images, in the order in which they are shown, whose activations decide the bins."""
_PILOT_VALUES = 4096
_BYTES = 400 << 20  # of the table of a layer
_BINS = range(12, 41)


class Associations:
    """Collects Pearson's correlation and AUPRC of the units of several layers, batch by batch.

    All images that carry a category count for its labels. The result depends neither on the
    size of the batches nor on how many processes share them.
    """

    def __init__(self, observation: Observation, centring: Centring) -> None:
        """Begin empty. centring: see `read_axis`."""
        self._ranks = observation.ranks
        self._batch_size = observation.batch_size
        concepts = observation.concepts
        homes = [concepts.categories.index(label.category) for label in concepts.labels]
        self._category_of = np.array(homes, np.int64)
        self._categories = len(concepts.categories)
        self._centring = centring
        self._layers: dict[str, _Layer] = {}
        self._waiting: list[Batch] = []
        self._is_settled = False

    def begin(self, all_maps: Mapping[str, Maps]) -> None:
        """Name the layers, by maps with the units and device of those to be added."""
        for layer, maps in all_maps.items():
            self._layers[layer] = _Layer(maps, self._category_of, self._categories, self._centring)

    def add(self, batch: Batch) -> None:
        """Add a batch, with the labels of its images and the points that stand for them."""
        self._waiting.append(batch)
        has_more_of_pilot = (batch.number + self._ranks.count) * self._batch_size < PILOT_IMAGES
        if not self._is_settled and has_more_of_pilot:
            return
        self.settle()

    def settle(self) -> None:
        """Decide the bins of all layers, if they are not, and count the batches that waited.

        Every process must call it after its last batch, also one that showed none.
        """
        if not self._is_settled:
            self._is_settled = True
            for name, layer in self._layers.items():
                layer.settle(self._pilot(name))
        while self._waiting:
            shown = self._waiting.pop(0)
            for name, layer in self._layers.items():
                layer.add(shown.maps[name], shown)

    def of_layer(self, name: str, overlap: Overlap) -> Association:
        """Return the measures of a layer, over the images of all processes.

        overlap: the counts of all images.
        """
        return self._layers[name].association(overlap, self._ranks)

    def _pilot(self, layer: str) -> Float32[Tensor, "unit value"]:
        """Return activations of the first images, those of all processes, in their order."""
        own = {}
        for batch in self._waiting:
            images = max(0, PILOT_IMAGES - batch.number * self._batch_size)
            own[batch.number] = batch.maps[layer][:images].transpose(0, 1).flatten(1).cpu()
        parts = {number: part for held in self._ranks.gather(own) for number, part in held.items()}
        values = torch.cat([parts[number] for number in sorted(parts)], dim=1)
        return values[:, :: max(1, values.shape[1] // _PILOT_VALUES)]


class _Layer:
    """What is collected of one layer."""

    def __init__(
        self,
        maps: Maps,
        category_of: Int64[np.ndarray, " label"],
        categories: int,
        centring: Centring,
    ) -> None:
        self._units, self._device = maps.shape[1], maps.device
        self._category_of = category_of
        self._categories = categories
        self._centring = centring
        self._collected: tuple[CorrelationSums, RankingTable] | None = None

    def settle(self, values: Float32[Tensor, "unit value"]) -> None:
        """Decide the bins by the activations of the pilot."""
        values = values.to(self._device)
        homes = self._category_of, self._categories
        bins = _BYTES // (4 * (len(homes[0]) + homes[1]) * self._units)
        bins = min(max(bins, _BINS.start), _BINS.stop - 1)
        self._collected = (
            CorrelationSums(*_location(values), *homes),
            RankingTable(ActivationBins.of_pilot(values, bins), *homes),
        )

    def add(self, maps: Maps, batch: Batch) -> None:
        assert self._collected is not None
        sums, table = self._collected
        height, width = maps.shape[2:]
        readers = [
            cell_reader((height, width), regions.shape, self._centring, maps.device)
            for regions in batch.regions
        ]
        by_cell = maps.flatten(2).transpose(1, 2).contiguous()
        sums.add(by_cell, batch.regions, readers)
        table.add(by_cell, batch.points, readers)

    def association(self, overlap: Overlap, ranks: Ranks) -> Association:
        assert self._collected is not None
        sums, table = self._collected
        labels = _best_labels(overlap)
        index = labels.clip(min=0)
        carried, pixels = (ranks.total(part).cpu().numpy() for part in table.counts(index))
        home = self._category_of[index]
        pixels_of_home = np.take_along_axis(pixels, home[..., None], axis=1)
        units = np.arange(len(index))[:, None]
        products = sums.products[index, units]
        totals, squares = (part.T[units, home] for part in (sums.sums, sums.squares))
        of_pair, of_home, squares_of_home = (
            ranks.total(part).cpu().numpy() for part in (products, totals, squares)
        )
        truth, all_pixels = carried.sum(axis=-1), pixels_of_home.sum(axis=-1)
        none = labels < 0
        correlation = pearson(of_pair, of_home, squares_of_home, truth, all_pixels)
        precision = average_precision(carried, pixels_of_home)
        return Association(
            labels=np.where(none, 0, overlap.label_numbers[index]),
            pearson=np.where(none, np.nan, correlation),
            auprc=np.where(none, np.nan, precision),
        )


def _location(
    values: Float32[Tensor, "unit value"],
) -> tuple[Float32[Tensor, " unit"], Float32[Tensor, " unit"]]:
    """Return each unit's mean, and a power of two that its values hardly exceed around it."""
    shift = values.double().mean(dim=1).float()
    spread = (values - shift[:, None]).abs().amax(dim=1)
    spread = torch.where(spread > 0, spread, spread.max())
    exponent = torch.frexp(spread).exponent.clamp(-100, 100)
    return shift, torch.ldexp(torch.ones_like(spread), exponent)


def _best_labels(overlap: Overlap) -> Int64[np.ndarray, "unit rank"]:
    """Return the columns of the labels that can be a unit's concepts, whatever categories count.

    Those are the best of every category; -1 where it has fewer.
    """

    def best_of(iou: Float64[np.ndarray, "unit label"]) -> list[Best]:
        ranked = []
        for category in range(len(overlap.categories)):
            columns = np.flatnonzero(overlap.category_of == category)
            for best, value in ranked_labels(iou[:, columns]):
                ranked.append((np.append(columns, -1)[best], value))
        return ranked

    return np.stack([column for column, _ in best_in_blocks(overlap, best_of)], axis=1)
