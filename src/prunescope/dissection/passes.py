"""What do two passes over the images leave of each layer: thresholds, then counts?"""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass

import torch
from jaxtyping import Float32, Float64, Int64
from torch import Tensor

from prunescope.base.progress import Task
from prunescope.dissection.capture import Maps
from prunescope.dissection.forward import Batch, Observation
from prunescope.dissection.overlap import Overlap, OverlapTally
from prunescope.dissection.thresholds import ExampleCollector, ThresholdCollector, cells_above


@dataclass(frozen=True, kw_only=True)
class Extremes:
    """What the first pass leaves of a layer.

    peaks, images: the highest maxima of each unit's maps, and the images they are on, best first
    cells: all cells of a unit, on all images; at most `above` of them exceed its threshold
    """

    thresholds: Float64[Tensor, " unit"]
    peaks: Float32[Tensor, "unit rank"]
    images: Int64[Tensor, "unit rank"]
    cells: int
    above: int


@dataclass(frozen=True, kw_only=True)
class Counts:
    """What the second pass leaves of a layer: the overlap, and the maps of the best examples."""

    overlap: Overlap
    maps: Float32[Tensor, "unit rank height width"]


def find_extremes(
    observation: Observation, *, quantile: float, examples: int, task: Task
) -> dict[str, Extremes]:
    """Return each layer's exact thresholds and best examples, after one pass.

    Raises ConfigError, at the first batch, where a layer has too few cells for the quantile.
    """
    searches: dict[str, _Search] = {}
    with closing(observation.batches(with_regions=False)) as batches:
        for batch in batches:
            for layer, maps in batch.maps.items():
                if layer not in searches:
                    count = len(observation.concepts.images)
                    searches[layer] = _Search.begin(layer, maps, count, quantile, examples)
                searches[layer].add(maps, batch.images.start)
            task.advance(len(batch.images), note="thresholds")
    return {layer: search.end() for layer, search in searches.items()}


def count_overlaps(
    observation: Observation, extremes: Mapping[str, Extremes], *, task: Task
) -> dict[str, Counts]:
    """Return each layer's counts of masks and labels, after one more pass."""
    concepts = observation.concepts
    tallies = {
        layer: OverlapTally(
            found.thresholds, concepts.labels, concepts.categories, observation.device
        )
        for layer, found in extremes.items()
    }
    examples: dict[str, Tensor] = {}
    with closing(observation.batches(with_regions=True)) as batches:
        for batch in batches:
            for layer, maps in batch.maps.items():
                for image, regions in zip(maps, batch.regions, strict=True):
                    tallies[layer].add(image, regions)
                rows = extremes[layer].images
                kept = examples.setdefault(layer, torch.zeros(*rows.shape, *maps.shape[2:]))
                _keep_examples(kept, rows, maps, batch)
            task.advance(len(batch.images), note="masks")
    return {
        layer: Counts(overlap=tally.overlap(), maps=examples[layer])
        for layer, tally in tallies.items()
    }


@dataclass(frozen=True, kw_only=True)
class _Search:
    thresholds: ThresholdCollector
    examples: ExampleCollector
    cells: int
    above: int

    @classmethod
    def begin(cls, layer: str, maps: Maps, count: int, quantile: float, examples: int) -> "_Search":
        units, height, width = maps.shape[1:]
        cells = count * height * width
        where = f'layer "{layer}": {count} images x {height} x {width}'
        above = cells_above(quantile, cells, where)
        return cls(
            thresholds=ThresholdCollector(units, above, maps.device),
            examples=ExampleCollector(units, examples, maps.device),
            cells=cells,
            above=above,
        )

    def add(self, maps: Maps, first: int) -> None:
        by_unit = maps.transpose(0, 1).flatten(1)
        self.thresholds.add(by_unit)
        self.examples.add(maps.amax(dim=(2, 3)), first)

    def end(self) -> Extremes:
        return Extremes(
            thresholds=self.thresholds.thresholds(),
            peaks=self.examples.peaks,
            images=self.examples.images,
            cells=self.cells,
            above=self.above,
        )


def _keep_examples(
    kept: Float32[Tensor, "unit rank height width"],
    images: Int64[Tensor, "unit rank"],
    maps: Maps,
    batch: Batch,
) -> None:
    """Copy into `kept` the maps of this batch that are among their unit's best examples."""
    wanted = (images >= batch.images.start) & (images < batch.images.stop)
    units, ranks = wanted.nonzero(as_tuple=True)
    places = images[units, ranks] - batch.images.start
    kept[units, ranks] = maps[places.to(maps.device), units.to(maps.device)].cpu()
