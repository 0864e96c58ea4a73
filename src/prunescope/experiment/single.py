"""How is one network dissected, outside any study?"""

from dataclasses import replace
from pathlib import Path

import torch

from prunescope.base.devices import default_device, say_if_slow, usable_device
from prunescope.base.errors import ConfigError
from prunescope.base.progress import SILENT, Progress
from prunescope.base.ranks import ALONE, Ranks
from prunescope.base.text import counted
from prunescope.concepts import open_concepts
from prunescope.concepts.broken import WithoutBroken, without_broken
from prunescope.concepts.protocol import ConceptSet, splits_of
from prunescope.concepts.resized import with_mask_size
from prunescope.dissection.input import input_of
from prunescope.dissection.layers import choose_layers
from prunescope.dissection.run import dissect_layers
from prunescope.dissection.settings import (
    DEFAULT_LAYER,
    ConceptOptions,
    DissectionOptions,
    DissectionSettings,
)
from prunescope.dissection.words.settings import WordOptions, WordSettings
from prunescope.networks.loading import LoadedNetwork
from prunescope.networks.smaller import WITHOUT_NUMBERS
from prunescope.results.dissection import Dissection
from prunescope.results.room import check_room
from prunescope.results.units import UNNUMBERED
from prunescope.statistics.label_check import check_splits, with_label_checks
from prunescope.statistics.settings import LabelCheckOptions, LabelCheckSettings

_FEW_IMAGES = 500


class DissectOptions(ConceptOptions, DissectionOptions, WordOptions, LabelCheckOptions):
    """The settings that `prunescope.dissect` takes by keyword: of which images, how, and words."""


def dissect_network(
    network: LoadedNetwork,
    settings: DissectionSettings,
    concepts: ConceptSet | str,
    *,
    out: Path | None = None,
    split: str | None = None,
    limit: int | None = None,
    mask_size: int | None = None,
    words: WordSettings | None = None,
    label_check: LabelCheckSettings | None = None,
    device: str | torch.device | None = None,
    ranks: Ranks = ALONE,
    progress: Progress = SILENT,
) -> Dissection:
    """Dissect a network as its own input wants it, and save the result under `out` if given.

    concepts: a set, or the name of one, of which split and limit choose the images.
    words: which words units are given, if any.
    label_check: on which images labels are chosen and checked, if they are.
    ranks: the processes that share the images; the first one saves.
    settings: their layers may be patterns, or DEFAULT_LAYER, of which the user is told.
    Raises ConfigError before any work where `out` cannot take it, as `check_room` says, or the
    device is not there.
    """
    target = usable_device(device or default_device())
    if out is not None and ranks.rank == 0:
        check_room(out)
    opened = _open_concepts(concepts, settings, split, limit, mask_size, progress)
    if label_check is not None:
        check_splits(label_check, opened)
    if network.input is not None:
        settings = settings.completed(**vars(network.input))
    if network.unnumbered and ranks.rank == 0:
        progress.say(f"{network.name}: {WITHOUT_NUMBERS}")
    settings = _with_layers(network, settings, progress)
    if ranks.rank == 0:
        say_if_slow(settings.precision, target, progress)
    few = opened.labels and len(opened.images) < _FEW_IMAGES
    if few and not settings.null and ranks.rank == 0:
        progress.say(
            f"on {counted(len(opened.images), 'image')} much of what is found is due to chance: "
            "--null says how much"
        )
    dissection = dissect_layers(
        settings,
        network.module,
        opened,
        units=network.units,
        words=words,
        device=target,
        ranks=ranks,
        progress=progress,
    )
    if network.unnumbered:
        dissection = _unnumbered(dissection)
    if label_check is not None:
        dissection = with_label_checks(dissection, splits_of(opened), label_check)
    if out is not None and ranks.rank == 0:
        dissection.save(out)
    return dissection


def _unnumbered(dissection: Dissection) -> Dissection:
    """Return a dissection that says of its layers that nothing tells which units are left."""
    layers = {
        name: replace(layer, summary={**layer.summary, UNNUMBERED: True})
        for name, layer in dissection.layers.items()
    }
    return replace(dissection, layers=layers)


def _open_concepts(
    concepts: ConceptSet | str,
    settings: DissectionSettings,
    split: str | None,
    limit: int | None,
    mask_size: int | None,
    progress: Progress,
) -> ConceptSet:
    if isinstance(concepts, str):
        images = settings.rules.images_of(split)
        return open_concepts(
            concepts,
            split=images,
            limit=limit,
            mask_size=mask_size,
            skip_broken=settings.skip_broken,
            progress=progress,
        )
    if split is not None or limit is not None:
        raise ConfigError("split and limit select images of a concept set given by name only")
    if settings.skip_broken and not isinstance(concepts, WithoutBroken):
        concepts = without_broken(concepts, progress)
    return with_mask_size(concepts, mask_size)


def _with_layers(
    network: LoadedNetwork, settings: DissectionSettings, progress: Progress
) -> DissectionSettings:
    """Return the settings with the names of the layers that are meant."""
    form = input_of(
        network.module, resolution=settings.resolution, mean=settings.mean, std=settings.std
    )
    layers = choose_layers(
        network.module, settings.layers, form.resolution, len(form.mean), settings.axes
    )
    if DEFAULT_LAYER in settings.layers:
        progress.say(
            f"no layer is named: dissecting {layers[0]} "
            "(--list-layers shows which there are, --layer chooses)"
        )
    return settings.model_copy(update={"layers": layers})
