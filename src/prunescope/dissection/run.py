"""Which concepts do the units of these layers answer to, on this concept set?"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from prunescope.base.allocator import keep_freed_memory
from prunescope.base.errors import DataError
from prunescope.base.modes import device_of, on_device
from prunescope.base.progress import SILENT, Progress
from prunescope.base.ranks import ALONE, Ranks
from prunescope.base.settings import NeverKeyed
from prunescope.base.text import counted
from prunescope.concepts.protocol import ConceptSet
from prunescope.dissection.agreement import check_agreement
from prunescope.dissection.basis import describe, find_bases
from prunescope.dissection.chance.permuting import told_where_memory_ends
from prunescope.dissection.conditions import identity, labelled_by, left_out
from prunescope.dissection.forward import Observation
from prunescope.dissection.from_masks import completed
from prunescope.dissection.input import input_of
from prunescope.dissection.kept_masks import KeptMasks
from prunescope.dissection.label_maps import LabelMaps
from prunescope.dissection.layers import choose_layers
from prunescope.dissection.passes import LayerStatistics, run_passes
from prunescope.dissection.regions import RegionReader
from prunescope.dissection.scores import allowed_categories, score_layer, score_quantiles
from prunescope.dissection.settings import (
    ConceptOptions,
    DissectionOptions,
    DissectionSettings,
)
from prunescope.dissection.survey import learn_layout
from prunescope.dissection.tables import borderline_table, examples_table, peaks_table
from prunescope.dissection.words.embedding import embed
from prunescope.dissection.words.image_level import ImageLevel
from prunescope.dissection.words.layers import as_possible, give_words
from prunescope.dissection.words.settings import Pooling, WordOptions, WordSettings
from prunescope.results.counts import LayerCounts
from prunescope.results.dissection import Dissection
from prunescope.results.units import UNIT_NUMBERS, unit_numbers

_STATED_APART = ("layers", "convention", "basis", "basis_seed", "skip_broken")
_LABEL_BYTES = 256 << 20  # for labels that are read once, but not permuted

UnitNumbers = Mapping[str, Sequence[int]]
"""The numbers of a layer's units in the dense network, in order, by the layer's name."""


class DissectOptions(ConceptOptions, DissectionOptions, WordOptions):
    """The settings that `prunescope.dissect` takes by keyword: of which images, how, and words."""


def dissect_layers(
    settings: DissectionSettings,
    model: nn.Module,
    concepts: ConceptSet,
    *,
    units: UnitNumbers | None = None,
    words: WordSettings | None = None,
    device: str | torch.device | None = None,
    ranks: Ranks = ALONE,
    progress: Progress = SILENT,
) -> Dissection:
    """Return the concept of every unit of the layers, under settings that state the whole input.

    units: the numbers of the units of layers that have lost some; all others count from 0.
    words: gives units words, too; a concept set then needs no labels.
    ranks: the processes that share the images, each of which must call this with the same
    arguments; every one gets the whole result.
    """
    embedded = None
    if words is not None:
        settings = as_possible(settings, concepts)
        target = torch.device(device or device_of(model))
        embedded = embed(words, concepts, target, ranks, progress)
    counted = count_layers(
        settings, model, concepts, masks=settings.keeps_masks, units=units,
        pooling=None if words is None else words.word_activation,
        device=device, ranks=ranks, progress=progress,
    )  # fmt: skip
    layers = {
        layer: score_layer(counts, settings, concepts.name)
        for layer, counts in counted.layers.items()
    }
    if counted.label_maps is not None:
        layers = completed(
            layers,
            counted.masks,
            counted.label_maps,
            settings,
            counted.device,
            ranks,
            progress,
        )
    if words is not None and embedded is not None:
        layers = give_words(layers, counted.activations, embedded, words, counted.device, progress)
    return Dissection(layers=layers, passes=counted.passes)


@dataclass(frozen=True, kw_only=True)
class CountedLayers:
    """The counts of layers that were dissected together, and what permuting their labels takes.

    masks, label_maps: of this process's images, and of all; empty and None unless asked for.
    passes: how often the images were shown for each layer. activations: on each image as a whole,
        [image, unit]; empty unless asked for.
    """

    layers: dict[str, LayerCounts]
    masks: dict[str, KeptMasks]
    label_maps: LabelMaps | None
    passes: dict[str, int]
    device: torch.device
    activations: dict[str, Tensor] = field(default_factory=dict)


def count_layers(
    settings: DissectionSettings,
    model: nn.Module,
    concepts: ConceptSet,
    *,
    masks: bool,
    units: UnitNumbers | None = None,
    pooling: Pooling | None = None,
    device: str | torch.device | None = None,
    ranks: Ranks = ALONE,
    progress: Progress = SILENT,
) -> CountedLayers:
    """Show the images to a network and count the overlap of its units with the labels.

    settings: those marked `ScoresOnly` do nothing. masks: whether to keep them, to permute labels.
    units: as `dissect_layers` takes them. pooling: of activations on each image, if asked for; a
    set then needs no labels.
    """
    form = input_of(model, resolution=settings.resolution, mean=settings.mean, std=settings.std)
    layers = choose_layers(model, settings.layers, form.resolution, len(form.mean), settings.axes)
    choose_categories(concepts, settings, needs_labels=pooling is None)
    settings = settings.model_copy(update={"layers": layers})
    title = f"dissecting {', '.join(layers)}"
    with on_device(model, device) as target:
        check_agreement(settings, model, concepts, units or {}, target, ranks)
        if target.type == "cpu":
            keep_freed_memory()
        observation = Observation(
            model=model,
            concepts=concepts,
            input=form,
            batch_size=settings.batch_size,
            precision=settings.precision,
            arithmetic=settings.arithmetic,
            channels_last=settings.channels_last,
            layout=learn_layout(model, form.resolution, len(form.mean), settings.axes),
            device=target,
            ranks=ranks,
            say=progress.say,
        )
        _tell_of_idle_processes(observation, progress)
        rules = settings.rules
        reader = RegionReader(concepts.labels, once=rules.once, truth_once=rules.truth_once)
        room = int(settings.memory) if masks else min(_LABEL_BYTES, int(settings.memory))
        read_once = masks or settings.association
        label_maps = LabelMaps(concepts, reader, room) if read_once else None
        image_level = None if pooling is None else ImageLevel(pooling)
        with (
            told_where_memory_ends(target),
            observation.prepared(layers),
            progress.task(title, 2 * observation.image_count_of_rank) as task,
        ):
            observation.bases.update(find_bases(observation, settings, units or {}, progress))
            by_layer = run_passes(
                observation,
                layers,
                rules=rules,
                quantiles=(settings.quantile, *(settings.quantiles or ())),
                examples=settings.examples,
                memory=int(settings.memory),
                reader=reader,
                association=settings.association,
                label_maps=label_maps,
                masks=masks,
                image_level=image_level,
                task=task,
            )
        for layer, statistics in by_layer.items():
            _tell(layer, statistics, progress)
    kept = {layer: each.masks for layer, each in by_layer.items() if each.masks is not None}
    passes = {layer: each.passes for layer, each in by_layer.items()}
    activations = {} if image_level is None else image_level.of_layers(layers, ranks)
    counts: dict[str, LayerCounts] = {}
    for layer in list(by_layer):  # what was collected of one goes as soon as its counts are made
        collected, numbers = by_layer.pop(layer), (units or {}).get(layer)
        counts[layer] = _counts_of(layer, settings, observation, collected, numbers)
        del collected
    return CountedLayers(
        layers=counts,
        masks=kept,
        label_maps=label_maps if masks else None,
        passes=passes,
        device=target,
        activations=activations,
    )


def choose_categories(
    concepts: ConceptSet, settings: DissectionSettings, *, needs_labels: bool = True
) -> tuple[str, ...] | None:
    """Return what `allowed_categories` does. Raises DataError for a set with nothing to find."""
    if not concepts.images:
        raise DataError(f"the concept set {concepts.name} has no labelled image to look at")
    if needs_labels and not concepts.labels:
        raise DataError(
            f"{concepts.name} has no labels, so that units get no concept: take a set with labels, "
            "or give dissect --words FILE and --encoder NAME, which need none"
        )
    return allowed_categories(settings, concepts.categories, concepts.name)


def _tell_of_idle_processes(observation: Observation, progress: Progress) -> None:
    batches = math.ceil(observation.image_count / observation.batch_size)
    idle = observation.ranks.count - batches
    if idle > 0:
        progress.say(
            f"{idle} of {counted(observation.ranks.count, 'process', 'processes')} have nothing "
            f"to do: the {counted(observation.image_count, 'image')} make "
            f"{counted(batches, 'batch', 'batches')}; make the batches smaller"
        )


def _tell(layer: str, statistics: LayerStatistics, progress: Progress) -> None:
    """Tell how many passes a layer took, and how many of its units cannot fire."""
    kept = statistics.kept_bytes / 2**20
    how = (
        f"one pass, maps of up to {kept:,.0f} MiB kept" if statistics.passes == 1 else "two passes"
    )
    progress.say(f"{layer}: {how}")
    highest = statistics.first_pass.peaks.amax(dim=1)
    tied = int((highest <= statistics.first_pass.thresholds).sum())
    if tied:
        progress.say(
            f"{layer}: units with no cell above their threshold, since they are constant or tie at "
            f"their largest activation: {tied:,}"
        )


def _counts_of(
    layer: str,
    settings: DissectionSettings,
    observation: Observation,
    statistics: LayerStatistics,
    units: Sequence[int] | None,
) -> LayerCounts:
    concepts, first_pass = observation.concepts, statistics.first_pass
    overlap, basis = statistics.tally.overlap(), observation.bases.get(layer)
    directions = None if basis is None else basis.cpu().numpy()
    units = units if basis is None else None  # directions count from 0
    numbers = unit_numbers(layer, units, len(overlap.thresholds))
    images = statistics.image_counts.table(concepts.images, overlap.label_numbers.tolist())
    images["units"] = [numbers[rows].astype(np.int32) for rows in images["units"]]
    return LayerCounts(
        layer=layer,
        overlap=overlap,
        examples=examples_table(concepts, first_pass, numbers),
        images=images,
        borderline=borderline_table(concepts, statistics.borderline.images(), numbers),
        peaks=peaks_table(first_pass.peak_counts, numbers),
        conditions={
            "layer": layer,
            **({} if units is None else {UNIT_NUMBERS: numbers.tolist()}),
            "map": list(first_pass.maps.shape[2:]),
            "cells": first_pass.cut.cells,
            "cells_above": first_pass.cut.above,
            "images": len(concepts.images),
            **left_out(concepts),
            **labelled_by(concepts),
            "concept_set": identity(concepts),
            "input": observation.input.as_dict(),
            "convention": settings.convention,
            **({} if directions is None else {"basis": describe(directions, settings)}),
            "settings": settings.model_dump(
                mode="json", exclude={*_STATED_APART, *settings.marked(NeverKeyed)}
            ),
        },
        basis=directions,
        quantiles=score_quantiles(
            {
                quantile: tally.overlap()
                for quantile, tally in zip(settings.quantiles or (), statistics.more, strict=True)
            },
            numbers,
        ),
        association=statistics.association,
        masks=None if statistics.masks is None else statistics.masks.table,
    )
