"""Which concepts do the units of these layers answer to, on this concept set?"""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn

from prunescope.base.allocator import keep_freed_memory
from prunescope.base.errors import DataError
from prunescope.base.modes import on_device
from prunescope.base.progress import SILENT, Progress
from prunescope.base.ranks import ALONE, Ranks
from prunescope.base.text import counted
from prunescope.concepts.protocol import ConceptSet
from prunescope.concepts.resized import OneSize
from prunescope.dissection.forward import Observation
from prunescope.dissection.input import input_of
from prunescope.dissection.kept_masks import KeptMasks
from prunescope.dissection.label_maps import LabelMaps
from prunescope.dissection.layers import choose_layers
from prunescope.dissection.passes import LayerStatistics, run_passes
from prunescope.dissection.permuting import draw_chance, told_where_memory_ends
from prunescope.dissection.regions import RegionReader
from prunescope.dissection.scores import allowed_categories, score_layer
from prunescope.dissection.search import Extremes
from prunescope.dissection.settings import (
    ConceptOptions,
    DissectionOptions,
    DissectionSettings,
)
from prunescope.dissection.survey import learn_layout
from prunescope.results.dissection import Dissection, LayerCounts


class DissectOptions(ConceptOptions, DissectionOptions):
    """The settings that `prunescope.dissect` takes by keyword: of which images, and how."""


def dissect_layers(
    settings: DissectionSettings,
    model: nn.Module,
    concepts: ConceptSet,
    *,
    device: str | torch.device | None = None,
    ranks: Ranks = ALONE,
    progress: Progress = SILENT,
) -> Dissection:
    """Return the concept of every unit of the layers, under settings that state the whole input.

    ranks: the processes that share the images, each of which must call this with the same
    arguments; every one gets the whole result.
    """
    counted = count_layers(
        settings, model, concepts, masks=bool(settings.null), device=device, ranks=ranks,
        progress=progress,
    )  # fmt: skip
    layers = {
        layer: score_layer(counts, settings, concepts.name)
        for layer, counts in counted.layers.items()
    }
    if counted.labels is not None:
        layers = draw_chance(
            layers,
            counted.masks,
            counted.labels,
            settings.null,
            counted.device,
            ranks,
            progress,
        )
    return Dissection(layers=layers, passes=counted.passes)


@dataclass(frozen=True, kw_only=True)
class CountedLayers:
    """The counts of layers that were dissected together, and what permuting their labels takes.

    masks, labels: of this process's images, and of all; empty and None unless asked for.
    passes: how often the images were shown for each layer.
    """

    layers: dict[str, LayerCounts]
    masks: dict[str, KeptMasks]
    labels: LabelMaps | None
    passes: dict[str, int]
    device: torch.device


def count_layers(
    settings: DissectionSettings,
    model: nn.Module,
    concepts: ConceptSet,
    *,
    masks: bool,
    device: str | torch.device | None = None,
    ranks: Ranks = ALONE,
    progress: Progress = SILENT,
) -> CountedLayers:
    """Show the images to a network and count the overlap of its units with the labels.

    settings: those of scores (`iou`, `categories`, `null`) have no effect. masks: whether to keep
    those of all units, so that labels can be permuted.
    """
    form = input_of(model, resolution=settings.resolution, mean=settings.mean, std=settings.std)
    layers = choose_layers(model, settings.layers, form.resolution, len(form.mean), settings.axes)
    choose_categories(concepts, settings)
    settings = settings.model_copy(update={"layers": layers})
    title = f"dissecting {', '.join(layers)}"
    with on_device(model, device) as target:
        if target.type == "cpu":
            keep_freed_memory()
        observation = Observation(
            model=model,
            concepts=concepts,
            input=form,
            batch_size=settings.batch_size,
            precision=settings.precision,
            channels_last=settings.channels_last,
            layout=learn_layout(model, form.resolution, len(form.mean), settings.axes),
            device=target,
            ranks=ranks,
            say=progress.say,
        )
        _tell_of_idle_processes(observation, progress)
        rules = settings.rules
        reader = RegionReader(concepts.labels, once=rules.once, truth_once=rules.truth_once)
        labels = LabelMaps(concepts, reader, int(settings.memory)) if masks else None
        with (
            told_where_memory_ends(target),
            progress.task(title, 2 * observation.images_of_rank) as task,
        ):
            by_layer = run_passes(
                observation,
                layers,
                rules=rules,
                quantile=settings.quantile,
                examples=settings.examples,
                memory=int(settings.memory),
                reader=reader,
                labels=labels,
                task=task,
            )
        for layer, statistics in by_layer.items():
            _tell(layer, statistics, progress)
    return CountedLayers(
        layers={
            layer: _counts_of(layer, settings, observation, statistics)
            for layer, statistics in by_layer.items()
        },
        masks={
            layer: statistics.masks
            for layer, statistics in by_layer.items()
            if statistics.masks is not None
        },
        labels=labels,
        passes={layer: statistics.passes for layer, statistics in by_layer.items()},
        device=target,
    )


def choose_categories(concepts: ConceptSet, settings: DissectionSettings) -> tuple[str, ...] | None:
    """Return what `allowed_categories` does. Raises DataError for a set without images."""
    if not concepts.images:
        raise DataError(f"the concept set {concepts.name} has no labelled image to look at")
    return allowed_categories(settings, concepts.categories, concepts.name)


def _tell_of_idle_processes(observation: Observation, progress: Progress) -> None:
    batches = math.ceil(observation.images / observation.batch_size)
    idle = observation.ranks.count - batches
    if idle > 0:
        progress.say(
            f"{idle} of {counted(observation.ranks.count, 'process', 'processes')} have nothing "
            "to do: the "
            f"{counted(observation.images, 'image')} make "
            f"{counted(batches, 'batch', 'batches')}; make the batches smaller"
        )


def _tell(layer: str, statistics: LayerStatistics, progress: Progress) -> None:
    """Tell how many passes a layer took, and how many of its units cannot fire."""
    kept = statistics.kept_bytes / 2**20
    how = (
        f"one pass, maps of up to {kept:,.0f} MiB kept" if statistics.passes == 1 else "two passes"
    )
    progress.say(f"{layer}: {how}")
    highest = statistics.extremes.peaks.amax(dim=1)
    tied = int((highest <= statistics.extremes.thresholds).sum())
    if tied:
        progress.say(
            f"{layer}: units with no cell above their threshold, since they are constant or tie at "
            f"their largest activation: {tied:,}"
        )


def _counts_of(
    layer: str, settings: DissectionSettings, observation: Observation, statistics: LayerStatistics
) -> LayerCounts:
    concepts, extremes = observation.concepts, statistics.extremes
    overlap = statistics.tally.overlap()
    return LayerCounts(
        layer=layer,
        overlap=overlap,
        examples=_examples_table(concepts, extremes),
        images=statistics.images.table(concepts.images, overlap.label_numbers.tolist()),
        conditions={
            "layer": layer,
            "map": list(extremes.maps.shape[2:]),
            "cells": extremes.cut.cells,
            "cells_above": extremes.cut.above,
            "images": len(concepts.images),
            "concept_set": _identity(concepts),
            "input": observation.input.as_dict(),
            "convention": settings.convention,
            "settings": settings.model_dump(
                mode="json", exclude={"layers", "convention", "memory"}
            ),
        },
        masks=None if statistics.masks is None else statistics.masks.table,
    )


def _identity(concepts: ConceptSet) -> dict[str, object]:
    """Return the name and fingerprint of a set, and the size its maps were resized to, if any."""
    named = {"name": _placeless(concepts.name), "fingerprint": concepts.fingerprint}
    return named | ({"mask_size": concepts.mask_size} if isinstance(concepts, OneSize) else {})


def _placeless(name: str) -> str:
    """Return a concept set's name without the path: of "broden:DIR" only DIR's last part."""
    kind, colon, folder = name.partition(":")
    return f"{kind}:{Path(folder).expanduser().resolve().name}" if colon else name


def _examples_table(concepts: ConceptSet, extremes: Extremes) -> pd.DataFrame:
    units, ranks, height, width = extremes.maps.shape
    rows = extremes.images.flatten().numpy()
    flat = extremes.maps.flatten(0, 1).flatten(1).numpy()
    cell = flat.argmax(axis=1)
    return pd.DataFrame(
        {
            "unit": np.repeat(np.arange(units), ranks),
            "rank": np.tile(np.arange(ranks), units),
            "image": pd.array([concepts.images[row] for row in rows], dtype="string"),
            "row": rows,
            "peak": extremes.peaks.flatten().numpy(),
            "peak_row": cell // width,
            "peak_column": cell % width,
            "map": list(flat),
            "height": height,
            "width": width,
        }
    )
