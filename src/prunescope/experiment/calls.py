"""What do the commands do when they are called from Python, with whatever a user hands in?"""

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Any, get_args

import torch
from torch import nn

from prunescope.base.door import checked_path
from prunescope.base.errors import ConfigError
from prunescope.base.images import Channels, Precision
from prunescope.base.modules import checked_network
from prunescope.base.progress import SILENT, Progress
from prunescope.base.text import on_one_line, shortened
from prunescope.base.wrappers import without_wrappers
from prunescope.comparison.conventions import ConventionComparison
from prunescope.data.classes import ClassChoice, classes_stated
from prunescope.dissection import layers as layering
from prunescope.dissection import run as dissecting
from prunescope.dissection.forward import placed
from prunescope.dissection.input import Loaded, input_of
from prunescope.experiment import conventions as by_conventions
from prunescope.experiment import layers as naming
from prunescope.experiment.auditing import RunAudit, audit_run
from prunescope.experiment.handed_in import (
    as_concepts,
    as_given_mask,
    check_choice,
    computing,
    is_number,
    known_input,
    name_layers,
    open_network,
    path_or_name,
    strings,
)
from prunescope.experiment.single import evaluate_network
from prunescope.networks import LoadedNetwork
from prunescope.pruning import prune as pruning
from prunescope.pruning.audit import Audit, audit_file
from prunescope.pruning.choices import CRITERIA, SCOPES, Prunable
from prunescope.pruning.mask import Mask
from prunescope.pruning.prunable import UNTRIED, is_untried
from prunescope.results import netdissect_export as exporting
from prunescope.results.dissection import Dissection
from prunescope.results.layout import STUDY
from prunescope.training.evaluate import Evaluation


@wraps(dissecting.dissect)
def dissect(model: Any, layers: Any = None, concepts: Any = None, **settings: Any) -> Dissection:
    network = open_network(model)
    source = as_concepts(concepts)
    with without_wrappers(network.module):
        chosen = name_layers(network.module, layers)
        return dissecting.dissect(network, chosen, source, **settings)


@wraps(pruning.prune)
def prune(model: Any, *, keep: Any, mask: Any = None, **settings: Any) -> Mask:
    if isinstance(model, str | Path):
        raise ConfigError(
            f"prune sets weights of a network that you have to zero, so it takes no name: model = "
            f'ps.load("{on_one_line(shortened(str(model)))}").module makes one'
        )
    network = checked_network(model.module if isinstance(model, LoadedNetwork) else model)
    check_choice("prunable", settings.get("prunable", "all"), get_args(Prunable))
    CRITERIA.check(settings.get("criterion", "magnitude"))
    SCOPES.check(settings.get("scope", "global"))
    if not is_number(keep):
        raise ConfigError(f"keep is {keep!r}, but must be a number in (0, 1]")
    with without_wrappers(network):
        if is_untried(network):
            warnings.warn(UNTRIED, stacklevel=3)
        return pruning.prune(network, keep=keep, mask=as_given_mask(mask), **settings)


def evaluate(
    model: nn.Module | Loaded | Path | str,
    data: Path | str,
    *,
    split: str = "test",
    resolution: int | None = None,
    resize: int | None = None,
    mean: Channels | None = None,
    std: Channels | None = None,
    classes: int | Iterable[str] | str | None = None,
    limit: int | None = None,
    batch_size: int = 256,
    precision: Precision = "float32",
    device: str | torch.device | None = None,
    progress: Progress = SILENT,
) -> Evaluation:
    """Return a network's accuracy and loss on labelled images, as the command `evaluate` does.

    model: a module, what `prunescope.load` returns for a network, or its name or file.
    data: the folder of labelled images, a hub name, or "scenes" (docs/data.md). split: of them.
    resolution: side in pixels that images are squashed to; resize: their shorter side, from whose
        middle that square is cut. Where neither is stated, published weights are shown what their
        library measures them on, and any other network the images as they are stored.
    mean, std: of the channels in [0, 1]; None takes what is known of the network.
    classes: which are used, in the order of the model's outputs: the first N, names, or a file with
        one name a line; None takes all. limit: only the first so many of their images.
    batch_size: images per forward pass. precision: "float32" or "bf16".
    device: where to compute; where the model is when None. The model comes back as it was.
    progress: where to report.
    The Evaluation has `top1` and `top5` (shares), `loss` (mean cross entropy, nats), `images`
    and `per_class`. Raises ConfigError or DataError saying what is wrong and what to do.
    """
    network = open_network(model)
    source = path_or_name(data, "data", "a folder of labelled images, a hub name or scenes")
    chosen = _classes(classes)
    if limit is not None and (type(limit) is not int or limit < 1):
        raise ConfigError(f"limit is {limit!r}, but must be a number of images, at least 1")
    if network.input is None:
        network = replace(network, input=known_input(network.module, resolution, mean, std))
    training = network.module.training
    try:
        with computing(network) as plain, placed(plain.module, device) as place:
            return evaluate_network(
                plain,
                source,
                split=split,
                resolution=resolution,
                resize=resize,
                mean=mean,
                std=std,
                classes=chosen,
                limit=limit,
                batch_size=batch_size,
                precision=precision,
                device=str(place),
                progress=progress,
            )[1]
    finally:
        network.module.train(training)


def _classes(stated: Any) -> ClassChoice | None:
    """Return which classes are meant, as `classes_stated` reads them from plain values."""
    if isinstance(stated, Path):
        stated = str(stated)
    elif isinstance(stated, Iterable) and not isinstance(stated, str | Mapping):
        stated = list(stated)
    return classes_stated(stated, "classes")


def audit(
    path: Path | str,
    *,
    network: str | None = None,
    num_classes: int | None = None,
    resolution: int | None = None,
    mask: Path | str | None = None,
    key: str | None = None,
) -> Audit | RunAudit:
    """Count what is left, dead, revived and saved in pruned weights, as the command `audit` does.

    path: a file of weights or a level, which gives an Audit, or a run folder: a RunAudit, in which
        each level's descent from the one before it is checked too. `problems` of either are empty
        where all is well; `as_dict()` has every count by name.
    network: a name, where the file does not say it. num_classes: its outputs.
    resolution: side in pixels of the image for which multiply-adds are counted; None takes what
        the network expects. mask: a file; None takes the one in the weights or beside them.
    key: which network of a file that holds several ("state_dict_ema").
    Raises ConfigError or DataError saying what is wrong and what to do.
    """
    what = "a file of weights, a level or a run folder (torch.save(model.state_dict(), FILE))"
    place = Path(path_or_name(path, "path", what))
    if not (place / STUDY).is_file():
        return audit_file(
            place,
            network=network,
            num_classes=num_classes,
            resolution=resolution,
            mask=None if mask is None else checked_path("mask", mask),
            key=key,
        )
    if any(given is not None for given in (num_classes, mask, key)):
        raise ConfigError(
            f"{place} is a run, whose levels know both: leave out num_classes, mask and key"
        )
    return audit_run(place, resolution, network=network)


def export(result: Path | str, out: Path | str, *, layer: str | None = None) -> Any:
    """Write one layer's units as a CSV of Network Dissection, as the command `export` does.

    result: the folder of a dissection, of one of its layers, or a level of a run.
    out: the file to write. layer: needed where there are several.
    Returns the table (a pandas DataFrame; units count from 1, as they do there; Bau et al. 2017).
    Raises ConfigError or DataError saying what is wrong and what to do.
    """
    what = "the folder of a dissection; one in memory has save(DIR)"
    place = Path(path_or_name(result, "result", what))
    return exporting.export_netdissect(place, Path(path_or_name(out, "out", "a file")), layer)


def conventions(
    model: nn.Module | Loaded | Path | str,
    concepts: str,
    *,
    layers: Any = None,
    conventions: Iterable[str] | None = None,
    out: Path | str | None = None,
    split: str | None = None,
    limit: int | None = None,
    device: str | None = None,
    progress: Progress = SILENT,
    **settings: Any,
) -> ConventionComparison:
    """Dissect by the rules of earlier tools, too, as the command `conventions` does.

    model, layers: as `dissect` takes them. concepts: the name of a set, of which split and limit
        select images. conventions: "exact", "netdissect", "lite", "quick"; the others are compared
        with the first; None takes all four. settings: those of `dissect`, for all of them.
    out: a folder for the dissections and their table. device: a GPU if there is one when None.
    progress: where to report.
    The ConventionComparison has `table` (a DataFrame: a row per layer and convention) and
    `summary()` (docs/conventions.md, docs/method.md).
    Raises ConfigError or DataError, before any work, saying what is wrong and what to do.
    """
    network = open_network(model)
    source = as_concepts(concepts)
    if not isinstance(source, str):
        raise ConfigError(
            "concepts must be the name of a set here: it is opened by each convention"
        )
    with computing(network) as plain:
        chosen = name_layers(network.module, layers)
        stated = {"layers": (layering.DEFAULT_LAYER,) if chosen is None else chosen}
        return by_conventions.compare_by_conventions(
            plain,
            {**stated, **settings},
            source,
            conventions=None if conventions is None else tuple(strings(conventions)),
            out=None if out is None else Path(out),
            split=split,
            limit=limit,
            device=device,
            progress=progress,
        )


def list_layers(
    model: nn.Module | Loaded | Path | str,
    *,
    weights: Path | str | None = None,
    num_classes: int | None = None,
    resolution: int | None = None,
) -> layering.Layers:
    """Return a network's layers and what they put out, as `dissect --list-layers` shows them.

    model: a module, what `prunescope.load` returns for a network, or its name or file.
    weights, num_classes: of a name alone; no weights are loaded.
    resolution: side of the image in pixels; None takes what is known of the network.
    Each of `layers` has its `name`, `type`, `shape` (without the images) and `map` (units, height,
    width; None where there is nothing to dissect); `default` is dissected where none is named.
    Raises ConfigError or DataError saying what is wrong and what to do.
    """
    if isinstance(model, str | Path):
        stated = None if weights is None else str(weights)
        name = str(Path(model).expanduser()) if "/" in str(model) else str(model)
        return naming.layers_of(
            name, weights=stated, num_classes=num_classes, resolution=resolution
        )
    if weights is not None or num_classes is not None:
        raise ConfigError("weights and num_classes belong to a network's name: leave them out")
    network = open_network(model)
    side = resolution or (network.input.resolution if network.input else None)
    if side is None:
        black = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
        side = input_of(network.module, mean=black[0], std=black[1]).resolution
    with without_wrappers(network.module):
        return layering.list_layers(network.module, side)
