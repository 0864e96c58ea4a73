"""Which networks for semantic segmentation does torchvision have?"""

from collections.abc import Collection
from pathlib import Path
from typing import Any

from torch import nn

from prunescope.base.errors import ConfigError, nearest
from prunescope.base.seeding import derive_seed
from prunescope.imaging.network_input import Normalisation
from prunescope.networks.loading import RANDOM, names_a_file
from prunescope.networks.published import DEFAULT, choose, fetch
from prunescope.networks.registry import seeded
from prunescope.networks.segmentation.segmenter import Segmenter, checked_names, show_at
from prunescope.networks.segmentation.settings import SegmentationSettings
from prunescope.networks.weights import (
    fit_published,
    fit_state_dict,
    read_published,
    read_state_dict,
)

_AUXILIARY = "aux_classifier."  # a second head, for training, of which published weights have some


def open_torchvision(
    entry: str, names: tuple[str, ...] | None, settings: SegmentationSettings
) -> Segmenter:
    """Return a network of `torchvision.models.segmentation`.

    names: of its outputs; those in the published weights' metadata when None.
    Published weights also say how photographs are shown, to a network with weights of a file, too.
    """
    from torchvision import models

    known = models.list_models(module=models.segmentation)
    if entry not in known:
        raise ConfigError(
            f'torchvision has no segmentation network "{entry}"{nearest(entry, known)}: it has '
            f"{', '.join(known)}"
        )
    name, stated = f"torchvision:{entry}", settings.weights or DEFAULT
    published = models.get_model_weights(entry)
    chosen = published[DEFAULT]
    if stated == RANDOM or names_a_file(stated):
        title = Path(stated).name
        module = _with_weights(entry, len(names or chosen.meta["categories"]), stated)
    else:
        every = [member.name for member in published]
        chosen = published[choose(stated, every, name, chosen.name)]
        title = chosen.name
        module = _with_published(entry, chosen)
    shown = chosen.transforms()
    normalisation = Normalisation(
        mean=settings.mean or tuple(shown.mean), std=settings.std or tuple(shown.std)
    )
    prepare, seen = show_at(settings.resolution or shown.resize_size[0], normalisation)
    return Segmenter(
        name=name,
        module=module.eval(),
        weights=title,
        classes=names or checked_names(chosen.meta["categories"], name),
        prepare=prepare,
        seen=seen,
    )


def _with_weights(entry: str, classes: int, stated: str) -> nn.Module:
    """Return a network with the weights of a file, or random ones."""
    if stated == RANDOM:
        with seeded(derive_seed(0, "network")):
            return _build(entry, classes, ())
    path = Path(stated).expanduser()
    state = read_state_dict(path)
    module = _build(entry, classes, state)
    fit_state_dict(module, state, str(path))
    return module


def _with_published(entry: str, weights: Any) -> nn.Module:
    path = fetch(weights.url)
    state = read_published(path)
    module = _build(entry, len(weights.meta["categories"]), state)
    fit_published(module, state, path)
    return module


def _build(entry: str, classes: int, keys: Collection[str]) -> nn.Module:
    """Make a network, with a second head where weights of these keys have one."""
    from torchvision import models

    module: nn.Module = models.get_model(
        entry,
        weights=None,
        weights_backbone=None,
        num_classes=classes,
        aux_loss=any(key.startswith(_AUXILIARY) for key in keys),
    )
    return module
