"""How do one or two passes over the images leave each layer's thresholds, examples and counts?"""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

import torch

from prunescope.base.progress import Task
from prunescope.dissection.forward import Batch, Observation
from prunescope.dissection.image_counts import ImageCounts
from prunescope.dissection.kept import ActiveMaps
from prunescope.dissection.label_maps import LabelMaps
from prunescope.dissection.null import Null, NullTally
from prunescope.dissection.overlap import Meeting, OverlapTally
from prunescope.dissection.regions import RegionReader, Regions
from prunescope.dissection.search import Extremes, LayerSearch, stay_within
from prunescope.dissection.thresholds import Cut, cells_above


@dataclass(frozen=True, kw_only=True)
class Sight:
    """What all images leave of a layer.

    passes: how often the images went through the network for it. kept_bytes: the most memory that
    its kept maps took at any time. null: the counts of permuted labels, if they were asked for.
    """

    extremes: Extremes
    tally: OverlapTally
    images: ImageCounts
    passes: int
    kept_bytes: int
    null: NullTally | None


def look(
    observation: Observation,
    layers: Sequence[str],
    *,
    quantile: float,
    examples: int,
    memory: int,
    draws: int,
    categories: Sequence[str],
    task: Task,
) -> dict[str, Sight]:
    """Show the images to a network, once or twice, and return what they leave of each layer.

    The first pass finds thresholds and examples, and keeps the maps that may have a mask; of
    layers whose maps would take more than `memory` bytes together it keeps none, and they are
    looked at again. The numbers are the same either way.
    draws: how often the labels of these categories are permuted, too; their label maps are held in
    as much memory again, and read anew where that does not do.
    Raises ConfigError, at the first batch, where a layer has too few cells for the quantile.
    """
    reader = RegionReader(observation.concepts.labels)
    maps = _label_maps(observation, reader, memory) if draws else None
    searches = _search(observation, layers, quantile, examples, memory, reader, maps, task)
    extremes = {layer: search.end() for layer, search in searches.items()}
    null = None if maps is None else _null(observation, maps, extremes, draws, categories)
    return _count(observation, searches, extremes, reader, null, task)


def _label_maps(observation: Observation, reader: RegionReader, memory: int) -> LabelMaps:
    concepts = observation.concepts

    def read(image: int) -> Regions:
        return reader.read(concepts.read_annotation(image), concepts.images[image])

    images = observation.images
    return LabelMaps(read, concepts.labels, concepts.categories, images=images, memory=memory)


def _null(
    observation: Observation,
    maps: LabelMaps,
    extremes: Mapping[str, Extremes],
    draws: int,
    categories: Sequence[str],
) -> Null:
    return Null(
        maps,
        {layer: len(own.thresholds) for layer, own in extremes.items()},
        labels=len(observation.concepts.labels),
        categories=observation.concepts.categories,
        chosen=categories,
        draws=draws,
        device=observation.device,
    )


def _search(
    observation: Observation,
    layers: Sequence[str],
    quantile: float,
    examples: int,
    memory: int,
    reader: RegionReader,
    label_maps: LabelMaps | None,
    task: Task,
) -> dict[str, LayerSearch]:
    searches: dict[str, LayerSearch] = {}
    read = None if label_maps is None else reader
    with closing(observation.batches(layers, read)) as batches:
        for place, batch in enumerate(batches):
            images = torch.tensor(batch.images)
            if label_maps is not None:
                label_maps.add(batch.images, batch.regions)
            for layer, maps in batch.maps.items():
                if layer not in searches:
                    cut = _cut(layer, observation.images, maps.shape[2:], quantile)
                    searches[layer] = LayerSearch(maps, cut, examples)
                searches[layer].add(batch.number, maps, images)
            # A prediction is worth most early, and after 1, 2, 4, 8, ... batches.
            stay_within(memory, searches, predict=place & (place + 1) == 0)
            task.advance(len(batch.images), note="looking")
    return {layer: searches[layer] for layer in layers}


def _cut(layer: str, images: int, shape: Sequence[int], quantile: float) -> Cut:
    height, width = shape
    cells = images * height * width
    where = f'layer "{layer}": {images} images x {height} x {width}'
    return Cut(cells=cells, above=cells_above(quantile, cells, where))


def _count(
    observation: Observation,
    searches: Mapping[str, LayerSearch],
    extremes: Mapping[str, Extremes],
    reader: RegionReader,
    null: Null | None,
    task: Task,
) -> dict[str, Sight]:
    concepts = observation.concepts
    sights = {
        layer: Sight(
            extremes=extremes[layer],
            tally=OverlapTally(
                extremes[layer].thresholds,
                concepts.labels,
                concepts.categories,
                observation.device,
            ),
            images=ImageCounts(),
            passes=2 if search.kept is None else 1,
            kept_bytes=0 if search.kept is None else search.kept.peak_bytes,
            null=None if null is None else null.tallies[layer],
        )
        for layer, search in searches.items()
    }
    again = [layer for layer, search in searches.items() if search.kept is None]
    with closing(observation.batches(again, reader if null is None else None)) as batches:
        for batch in batches:
            regions = batch.regions if null is None else null.regions(batch.images)
            met = {
                layer: _meet(
                    sight,
                    _active(searches[layer], extremes[layer], layer, batch),
                    batch.images,
                    regions,
                )
                for layer, sight in sights.items()
            }
            if null is not None:
                null.add(batch.images, met)
            task.advance(len(batch.images), note="counting")
    return sights


def _active(search: LayerSearch, extremes: Extremes, layer: str, batch: Batch) -> ActiveMaps:
    if search.kept is not None:
        return search.kept.take(batch.number)
    maps = batch.maps[layer]
    return ActiveMaps.of(maps, maps.amax(dim=(2, 3)), extremes.thresholds.to(maps.device))


def _meet(
    sight: Sight, active: ActiveMaps, images: Sequence[int], regions: Sequence[Regions]
) -> list[Meeting]:
    done, met = 0, []
    for meeting in sight.tally.add(active, regions):
        some = slice(done, done + meeting.of)
        sight.images.add(images[some], meeting, regions[some])
        done += meeting.of
        met.append(meeting)
    return met
