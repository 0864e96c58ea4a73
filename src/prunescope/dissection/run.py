"""Which concepts do the units of these layers answer to, on this concept set?"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn

from prunescope.base.errors import ConfigError, DataError, nearest
from prunescope.base.images import Channels, Precision
from prunescope.base.progress import SILENT, Progress
from prunescope.concepts import open_concepts
from prunescope.concepts.protocol import ConceptSet
from prunescope.dissection.capture import find_layers
from prunescope.dissection.counts import count_units
from prunescope.dissection.forward import Observation, placed
from prunescope.dissection.input import Loaded, input_of, open_model
from prunescope.dissection.passes import Counts, Extremes, count_overlaps, find_extremes
from prunescope.dissection.result import Dissection, LayerDissection
from prunescope.dissection.scores import score_units
from prunescope.dissection.settings import DissectionSettings


def dissect(
    model: nn.Module | Loaded,
    layers: str | Sequence[str],
    concepts: ConceptSet | str,
    *,
    quantile: float = 0.005,
    iou: float = 0.05,
    categories: Sequence[str] | None = None,
    split: str | None = None,
    limit: int | None = None,
    resolution: int | None = None,
    mean: Channels | None = None,
    std: Channels | None = None,
    batch_size: int = 32,
    precision: Precision = "float32",
    examples: int = 16,
    device: str | torch.device | None = None,
    progress: Progress = SILENT,
) -> Dissection:
    """Return the concept of every unit of the layers (METHOD section 2, convention `exact`).

    model: a module, or what `prunescope.load` returns for a network, which knows its input.
    layers: a name or several, as in `model.named_modules()`.
    concepts: a concept set, or the name of one ("scenes", "broden:DIR"), of which `split` and
        `limit` select images.
    quantile: share of a unit's cells above its threshold, in (0, 1).
    iou: a unit is interpretable if its best IoU is strictly above this, in [0, 1].
    categories: only labels of these may be a concept; None allows all.
    resolution, mean, std: side in pixels that images are squashed to, and the normalisation of
        their channels in [0, 1]; None takes what is known of the network.
    batch_size: images per forward pass. precision: "float32" or "bf16". examples: top images kept
        per unit. progress: where to report.
    device: where to compute; where the model is when None. The model comes back as it was.
    Raises ConfigError or DataError saying what is wrong and what to do.
    """
    given = {
        "layers": (layers,) if isinstance(layers, str) else tuple(layers),
        "quantile": quantile,
        "iou": iou,
        "categories": categories,
        "resolution": resolution,
        "mean": mean,
        "std": std,
        "batch_size": batch_size,
        "precision": precision,
        "examples": examples,
    }
    settings = DissectionSettings.validate_from(given, "dissect")
    module, known = open_model(model)
    settings = settings.completed(**known) if known else settings
    if isinstance(concepts, str):
        concepts = open_concepts(concepts, split=split, limit=limit, progress=progress)
    elif split is not None or limit is not None:
        raise ConfigError("split and limit select images of a concept set given by name only")
    return dissect_as(settings, module, concepts, device=device, progress=progress)


def dissect_as(
    settings: DissectionSettings,
    model: nn.Module,
    concepts: ConceptSet,
    *,
    device: str | torch.device | None = None,
    progress: Progress = SILENT,
) -> Dissection:
    """Return what `dissect` does, under settings already stated.

    The images go through the network twice: for the thresholds and examples, then for the masks.
    """
    find_layers(model, settings.layers)
    check_concepts(concepts, settings.categories)
    form = input_of(model, resolution=settings.resolution, mean=settings.mean, std=settings.std)
    title = f"dissecting {', '.join(settings.layers)}"
    with placed(model, device) as place, progress.task(title, 2 * len(concepts.images)) as task:
        observation = Observation(
            model=model,
            layers=settings.layers,
            concepts=concepts,
            form=form,
            batch_size=settings.batch_size,
            precision=settings.precision,
            device=place,
        )
        extremes = find_extremes(
            observation, quantile=settings.quantile, examples=settings.examples, task=task
        )
        counts = count_overlaps(observation, extremes, task=task)
    return Dissection(
        layers={
            layer: _conclude(layer, settings, observation, extremes[layer], counts[layer])
            for layer in settings.layers
        }
    )


def check_concepts(concepts: ConceptSet, categories: Sequence[str] | None) -> None:
    """Raise DataError where there are no images, ConfigError for a category the set lacks."""
    if not concepts.images:
        raise DataError(f"the concept set {concepts.name} has no labelled image to look at")
    for category in categories or ():
        if category not in concepts.categories:
            hint = nearest(category, concepts.categories)
            known = ", ".join(concepts.categories)
            raise ConfigError(
                f'categories names "{category}"{hint}, but {concepts.name} has {known}'
            )


def _conclude(
    layer: str,
    settings: DissectionSettings,
    observation: Observation,
    extremes: Extremes,
    counts: Counts,
) -> LayerDissection:
    concepts = observation.concepts
    units = score_units(
        counts.overlap, concepts.labels, iou=settings.iou, categories=settings.categories
    )
    summary = {
        **count_units(units, settings.categories or concepts.categories),
        "layer": layer,
        "map": list(counts.maps.shape[2:]),
        "cells": extremes.cells,
        "cells_above": extremes.above,
        "images": len(concepts.images),
        "concept_set": {"name": _placeless(concepts.name), "fingerprint": concepts.fingerprint},
        "input": observation.form.model_dump(mode="json"),
        "convention": "exact",
        "settings": settings.model_dump(mode="json", exclude={"layers"}),
    }
    return LayerDissection(
        layer=layer,
        units=units,
        overlap=counts.overlap,
        examples=_examples_table(concepts, extremes, counts),
        summary=summary,
    )


def _placeless(name: str) -> str:
    """Return a concept set's name without where it lies: "broden:DIR" with DIR's own name only."""
    kind, colon, folder = name.partition(":")
    return f"{kind}:{Path(folder).expanduser().resolve().name}" if colon else name


def _examples_table(concepts: ConceptSet, extremes: Extremes, counts: Counts) -> pd.DataFrame:
    units, ranks, height, width = counts.maps.shape
    rows = extremes.images.flatten().numpy()
    return pd.DataFrame(
        {
            "unit": np.repeat(np.arange(units), ranks),
            "rank": np.tile(np.arange(ranks), units),
            "image": pd.array([concepts.images[row] for row in rows], dtype="string"),
            "row": rows,
            "peak": extremes.peaks.flatten().numpy(),
            "map": list(counts.maps.flatten(0, 1).flatten(1).numpy()),
            "height": height,
            "width": width,
        }
    )
