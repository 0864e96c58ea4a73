"""What are each layer's thresholds, examples and counts after one or two image passes?"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float64
from torch import Tensor

from prunescope.base.progress import Task
from prunescope.dissection.association import Associations
from prunescope.dissection.capture import Maps
from prunescope.dissection.conventions import Convention
from prunescope.dissection.examples import BorderlineCollector
from prunescope.dissection.first_pass import FirstPass, FirstPassResult, limit_memory
from prunescope.dissection.forward import Batch, Observation
from prunescope.dissection.image_counts import ImageCounts
from prunescope.dissection.kept_maps import ActiveMaps
from prunescope.dissection.kept_masks import KeptMasks
from prunescope.dissection.label_maps import LabelMaps
from prunescope.dissection.overlap import OverlapTally
from prunescope.dissection.quantile import Cut
from prunescope.dissection.regions import RegionReader, Regions
from prunescope.dissection.words.image_level import ImageLevel
from prunescope.results.association import Association

_BORDERLINE = 4  # images of a unit on which it barely fires


@dataclass(frozen=True, kw_only=True)
class LayerStatistics:
    """The statistics of a layer over all images.

    passes: how often the images were shown to the network for it. kept_bytes: the peak memory of
    its kept maps. association: None unless asked for. masks: those on this process's images, if
    asked for. more: at other quantiles.
    """

    first_pass: FirstPassResult
    tally: OverlapTally
    image_counts: ImageCounts
    borderline: BorderlineCollector
    passes: int
    kept_bytes: int
    association: Association | None
    masks: KeptMasks | None
    more: tuple[OverlapTally, ...] = ()


def run_passes(
    observation: Observation,
    layers: Sequence[str],
    *,
    rules: Convention,
    quantiles: Sequence[float],
    examples: int,
    memory: int,
    reader: RegionReader,
    association: bool,
    label_maps: LabelMaps | None,
    masks: bool,
    image_level: ImageLevel | None,
    task: Task,
) -> dict[str, LayerStatistics]:
    """Show the images to a network, once or twice, and return each layer's statistics.

    The first pass finds thresholds and examples, and keeps the maps that may have a mask. Layers
    whose maps would take more than `memory` bytes together keep none and get a second pass. The
    numbers are the same either way.
    quantiles: that of the thresholds, and others at which masks are only tallied.
    reader: of the labels. association: whether to measure it. label_maps: collects the labels,
    so that they are read once; without it, association needs them twice. masks: whether masks are
    kept, and the labels of all processes collected, to permute them later.
    image_level: collects the activations on each image as a whole, if it is there.
    Raises ConfigError, at the first batch, where a layer has too few cells for the quantile.
    """

    def cuts_of(layer: str, shape: Sequence[int]) -> list[Cut]:
        height, width = shape
        where = f'layer "{layer}": {observation.image_count} images x {height} x {width}'
        cells = observation.image_count * height * width
        return [rules.cut(quantile, cells, where) for quantile in quantiles]

    associations = Associations(observation, rules.centring) if association else None
    labels_read = reader if association or label_maps is not None else None
    first_passes = _run_first_pass(
        observation, layers, cuts_of, examples, memory, labels_read, associations, label_maps,
        image_level, task,
    )  # fmt: skip
    ranks = observation.ranks
    for first_pass in first_passes.values():
        first_pass.exchange(ranks)
    if masks and label_maps is not None:
        label_maps.exchange(ranks)
    results = {layer: first_pass.end() for layer, first_pass in first_passes.items()}
    statistics = _count(observation, first_passes, results, rules, reader, label_maps, masks, task)
    for of_layer in statistics.values():
        for tally in (of_layer.tally, *of_layer.more):
            tally.exchange(ranks)
        of_layer.image_counts.exchange(ranks, observation.concepts.images)
        of_layer.borderline.exchange(ranks)
    if associations is None:
        return statistics
    return {
        layer: replace(of_layer, association=associations.of_layer(layer, of_layer.tally.overlap()))
        for layer, of_layer in statistics.items()
    }


def _run_first_pass(
    observation: Observation,
    layers: Sequence[str],
    cuts_of: Callable[[str, Sequence[int]], list[Cut]],
    examples: int,
    memory: int,
    reader: RegionReader | None,
    associations: Associations | None,
    label_maps: LabelMaps | None,
    image_level: ImageLevel | None,
    task: Task,
) -> dict[str, FirstPass]:
    first_passes: dict[str, FirstPass] = {}
    count = observation.image_count_of_rank

    def begin(all_maps: Mapping[str, Maps]) -> None:
        for layer, maps in all_maps.items():
            cut, *more = cuts_of(layer, maps.shape[2:])
            first_passes[layer] = FirstPass(
                maps, cut, examples=examples, image_count=count, more=more
            )
        if associations is not None:
            associations.begin(all_maps)

    if count == 0:  # more processes than batches
        begin(observation.probe(layers))
    sampled = associations is not None
    with closing(observation.batches(layers, reader, points=sampled)) as batches:
        for index, batch in enumerate(batches):
            indices = torch.tensor(batch.indices)
            if label_maps is not None:
                label_maps.add(batch.indices, batch.regions)
            if not first_passes:
                begin(batch.maps)
            for layer, maps in batch.maps.items():
                first_passes[layer].add(batch.number, maps, indices)
            if associations is not None:
                associations.add(batch)
            if image_level is not None:
                image_level.add(batch.indices, batch.maps)
            # A prediction is worth most early, and after 1, 2, 4, 8, ... batches.
            limit_memory(memory, first_passes, predict=index & (index + 1) == 0)
            task.advance(len(batch.indices), note="looking")
    if associations is not None:
        associations.settle()
    return {layer: first_passes[layer] for layer in layers}


def _count(
    observation: Observation,
    first_passes: Mapping[str, FirstPass],
    results: Mapping[str, FirstPassResult],
    rules: Convention,
    reader: RegionReader,
    label_maps: LabelMaps | None,
    masks: bool,
    task: Task,
) -> dict[str, LayerStatistics]:
    concepts = observation.concepts

    def tally_at(thresholds: Float64[Tensor, " unit"]) -> OverlapTally:
        return OverlapTally(
            thresholds,
            concepts.labels,
            concepts.categories,
            observation.device,
            centring=rules.centring,
            inside=rules.inside,
        )

    statistics = {
        layer: LayerStatistics(
            first_pass=results[layer],
            tally=tally_at(results[layer].thresholds),
            more=tuple(map(tally_at, results[layer].more)),
            image_counts=ImageCounts(),
            borderline=BorderlineCollector(
                _BORDERLINE, results[layer].maps[:, :0].transpose(0, 1).to(observation.device)
            ),
            passes=2 if first_pass.kept is None else 1,
            kept_bytes=0 if first_pass.kept is None else first_pass.kept.peak_bytes,
            association=None,
            masks=KeptMasks(len(results[layer].thresholds)) if masks else None,
        )
        for layer, first_pass in first_passes.items()
    }
    second_pass = [layer for layer, first_pass in first_passes.items() if first_pass.kept is None]
    # Every image comes once more for its labels; only layers without kept maps are shown again.
    batches = observation.batches(second_pass, reader if label_maps is None else None)
    with closing(batches):
        for batch in batches:
            regions = _regions_of(batch, label_maps)
            for layer, of_layer in statistics.items():
                active = _active(first_passes[layer], results[layer], layer, batch)
                _count_batch(of_layer, active, batch.indices, regions)
            task.advance(len(batch.indices), note="counting")
    return statistics


def _regions_of(batch: Batch, label_maps: LabelMaps | None) -> tuple[Regions, ...]:
    """Return the labels of a batch's images: those read with it, or those that were collected."""
    if label_maps is None:
        return batch.regions
    return tuple(label_maps.regions(index) for index in batch.indices)


def _active(first_pass: FirstPass, result: FirstPassResult, layer: str, batch: Batch) -> ActiveMaps:
    if first_pass.kept is not None:
        return first_pass.kept.take(batch.number)
    maps = batch.maps[layer]
    return ActiveMaps.of(maps, maps.amax(dim=(2, 3)), result.lowest.to(maps.device))


def _count_batch(
    statistics: LayerStatistics,
    active: ActiveMaps,
    indices: Sequence[int],
    regions: Sequence[Regions],
) -> None:
    done, borderline = 0, []
    for counts in statistics.tally.add(active, regions):
        portion = slice(done, done + counts.image_count)
        statistics.image_counts.add(indices[portion], counts, regions[portion])
        if statistics.masks is not None:
            statistics.masks.add(indices[portion], counts)
        images = torch.tensor(indices[portion], device=counts.units.device)
        areas = counts.runs.areas
        borderline.append((counts.units, images[counts.image_in_portion], areas, counts.maps))
        done += counts.image_count
    statistics.borderline.add(*(torch.cat(parts) for parts in zip(*borderline, strict=True)))
    for tally in statistics.more:
        deque(tally.add(active, regions), maxlen=0)
