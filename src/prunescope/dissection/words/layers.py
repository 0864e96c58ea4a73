"""How do dissected layers get words, also on images without labels?"""

from collections.abc import Mapping
from dataclasses import replace

import torch
from jaxtyping import Float32
from torch import Tensor

from prunescope.base.errors import ConfigError
from prunescope.base.progress import Progress
from prunescope.concepts.protocol import ConceptSet
from prunescope.dissection.settings import DissectionSettings
from prunescope.dissection.words.embedding import Embedded
from prunescope.dissection.words.judging import judge_words, steps_of
from prunescope.dissection.words.settings import WordSettings
from prunescope.results.dissection import LayerDissection

_OF_LABELS = {
    **{"null": 0, "quantiles": None, "categories": None, "convention": "exact"},
    **{"formulas": 1, "formula_draws": 0},
}
"""Settings that change only what is counted of labels, and what they are where nothing is."""


def as_possible(settings: DissectionSettings, concepts: ConceptSet) -> DissectionSettings:
    """Return settings of a dissection for words: of a set without labels nothing is associated.

    Raises ConfigError where labels are missing for what is asked for.
    """
    if concepts.labels:
        return settings
    for name, without in _OF_LABELS.items():
        if getattr(settings, name) != without:
            raise ConfigError(
                f"{name} is about labels, but {concepts.name} has none: leave it out, or take a "
                "set with labels"
            )
    return settings.model_copy(update={"association": False})


def give_words(
    layers: Mapping[str, LayerDissection],
    activations: Mapping[str, Float32[Tensor, "image unit"]],
    embedded: Embedded,
    settings: WordSettings,
    device: torch.device,
    progress: Progress,
) -> dict[str, LayerDissection]:
    """Return layers with the words of their units.

    activations: image by image. device: computes in float64 if it is a GPU of CUDA; else the CPU.
    """
    computing = device if device.type == "cuda" else torch.device("cpu")
    placed = replace(
        embedded,
        of_images=embedded.of_images.to(computing),
        of_words=embedded.of_words.to(computing),
    )
    steps = len(layers) * steps_of(len(embedded.words), settings)
    named: dict[str, LayerDissection] = {}
    with progress.task(f"finding words for {', '.join(layers)}", steps) as task:
        for name, layer in layers.items():
            table, summary = judge_words(
                placed,
                activations[name].to(computing),
                settings,
                layer.units["unit"].to_numpy(),
                task,
            )
            named[name] = replace(layer, words=table, summary={**layer.summary, "words": summary})
    return named
