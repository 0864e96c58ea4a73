"""What do the commands do when they are called from Python, with whatever a user hands in?"""

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias, Unpack

import torch
from torch import nn

from prunescope.base.arguments import parted, takes
from prunescope.base.door import checked_path
from prunescope.base.errors import ConfigError
from prunescope.base.modes import on_device
from prunescope.base.modules import checked_network
from prunescope.base.progress import SILENT, Progress
from prunescope.base.text import on_one_line, shortened
from prunescope.base.wrappers import without_wrappers
from prunescope.comparison.conventions import ConventionComparison
from prunescope.concepts.protocol import ConceptSet
from prunescope.dissection.input import Loaded
from prunescope.dissection.layers import Layers, survey_layers
from prunescope.dissection.settings import (
    DEFAULT_LAYER,
    ConceptSettings,
    DissectionSettings,
    SharedOptions,
)
from prunescope.dissection.words.settings import WordSettings
from prunescope.experiment.auditing import RunAudit, audit_run
from prunescope.experiment.conventions import compare_by_conventions
from prunescope.experiment.handed_in import (
    as_concepts,
    as_given_mask,
    computing,
    is_number,
    name_layers,
    open_network,
    path_or_name,
    strings,
)
from prunescope.experiment.layers import layers_of
from prunescope.experiment.single import DissectOptions, dissect_network
from prunescope.experiment.spreading import LOCAL, Crew, spread_dissection
from prunescope.networks.loading import LoadedNetwork
from prunescope.pruning.audit import Audit, audit_file
from prunescope.pruning.filters.files import prune_loaded
from prunescope.pruning.filters.pruning import prune_filters
from prunescope.pruning.filters.removal import SmallNetwork
from prunescope.pruning.mask import Mask
from prunescope.pruning.prunable import UNTRIED, behaviour_of
from prunescope.pruning.prune import prune_module
from prunescope.pruning.settings import PruneOptions, PruneSettings
from prunescope.results.dissection import Dissection
from prunescope.results.layout import STUDY
from prunescope.results.netdissect_export import export_netdissect
from prunescope.statistics.settings import LabelCheckSettings

Model: TypeAlias = nn.Module | Loaded | Path | str
"""A network: a module, what `prunescope.load` returns for one, or its name or file."""


@takes(ConceptSettings, DissectionSettings, WordSettings, LabelCheckSettings)
def dissect(
    model: Model,
    layers: Any,
    concepts: ConceptSet | str,
    *,
    device: str | torch.device | None = None,
    engine: str = LOCAL,
    workers: int | None = None,
    address: str | None = None,
    progress: Progress = SILENT,
    **settings: Unpack[DissectOptions],
) -> Dissection:
    """Return the concept of every unit of the layers (docs/method.md).

    model: a module, what `prunescope.load` returns for a network, or its name or file.
    layers: a module of it, a name as in `model.named_modules()`, a pattern (`layer?`, `*.conv2`),
        or several of these; None takes the last layer that has a map.
    concepts: a concept set, or the name of one ("scenes", "broden:DIR").
    device: where to compute; where the model is when None. The model comes back as it was.
    engine: "ray" has tasks on the nodes of a Ray cluster share the images (docs/clusters.md): as
        many as `workers`, on the cluster at `address` ("HOST:PORT" or "auto"; one of this machine
        when None). The numbers are the same.
    progress: where to report.
    Raises ConfigError or DataError saying what is wrong and what to do.
    """
    network = open_network(model)
    source = as_concepts(concepts)
    crew = Crew(engine=engine, workers=workers, address=address)
    split, limit = settings.pop("split", None), settings.pop("limit", None)
    mask_size = settings.pop("mask_size", None)
    check, others = parted(LabelCheckSettings, settings, "dissect")
    words, others = parted(WordSettings, others, "dissect")
    with computing(network) as plain:
        chosen = name_layers(network.module, layers) or (DEFAULT_LAYER,)
        stated = DissectionSettings.validate_from({"layers": chosen, **others}, "dissect")
        if not crew.is_here:
            return spread_dissection(
                crew,
                plain,
                stated,
                source,
                split=split,
                limit=limit,
                mask_size=mask_size,
                words=words if words.asked else None,
                label_check=check if check.asked else None,
                device=device,
                progress=progress,
            )
        with on_device(plain.module, device) as target:
            return dissect_network(
                plain,
                stated,
                source,
                split=split,
                limit=limit,
                mask_size=mask_size,
                words=words if words.asked else None,
                label_check=check if check.asked else None,
                device=target,
                progress=progress,
            )


@takes(PruneSettings)
def prune(
    model: nn.Module | Loaded,
    *,
    keep: float | None = None,
    mask: Mask | Mapping[str, torch.Tensor] | Path | str | None = None,
    **settings: Unpack[PruneOptions],
) -> Mask | SmallNetwork:
    """Set all but a share of a network's weights to zero, in place, and return which survive.

    With `structure="filters"` return a SmallNetwork instead, without the filters that do not
    survive (docs/pruning.md): its `module`, the numbers of the `units` that are left, the `mask`
    over the network's own tensors, which stay as they are, and which layers are `whole`.

    model: a module, or what `prunescope.load` returns for a network.
    mask: what is pruned already, as a Mask, its file, or tensors by name; masks only shrink. It is
        not changed.

    Of n prunable weights exactly round(keep x n) survive, half to even; of equal scores those of
    lower flat index (Han et al. 2015). At random the same seed at a lower `keep` leaves a part of
    the same weights. Nothing holds the weights at zero when the network is trained on: for that,
    make a `MaskKeeper(model, mask)` and call it with the optimizer after every step.
    Raises ConfigError for a share outside (0, 1], above what the mask has left, or so small that
    nothing is left, a mask that prunes what `prunable` leaves out, or a network whose pruned
    weights would act all the same; DataError for a mask of another network, or weights that
    are not finite.
    """
    if isinstance(model, str | Path):
        raise ConfigError(
            f"prune sets weights of a network that you have to zero, so it takes no name: model = "
            f'ps.load("{on_one_line(shortened(str(model)))}").module makes one'
        )
    network = checked_network(model.module if isinstance(model, LoadedNetwork) else model)
    if not is_number(keep) and settings.get("structure", "weights") == "weights":
        raise ConfigError(f"keep is {keep!r}, but must be a number in (0, 1]")
    if settings.get("structure") == "filters":
        if mask is not None:
            raise ConfigError(
                'mask is of single weights, but structure is "filters": leave it out; what it has '
                "set to zero in the network stays zero"
            )
        stated = PruneSettings.validate_from({"keep": keep, **settings}, "prune")
        if isinstance(model, LoadedNetwork):
            return prune_loaded(replace(model, module=network), stated).small
        return prune_filters(network, stated)
    with without_wrappers(network):
        behaviour = behaviour_of(network)
        if behaviour.untried:
            warnings.warn(UNTRIED, stacklevel=3)
        pruned = as_given_mask(mask)
        stated = PruneSettings.validate_from({"keep": keep, **settings}, "prune")
        return prune_module(network, stated, mask=pruned, behaviour=behaviour)


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
    folder = Path(path_or_name(path, "path", what))
    if not (folder / STUDY).is_file():
        return audit_file(
            folder,
            network=network,
            num_classes=num_classes,
            resolution=resolution,
            mask=None if mask is None else checked_path("mask", mask),
            key=key,
        )
    if any(option is not None for option in (num_classes, mask, key)):
        raise ConfigError(
            f"{folder} is a run, whose levels know both: leave out num_classes, mask and key"
        )
    return audit_run(folder, resolution, network=network)


def export(result: Path | str, out: Path | str, *, layer: str | None = None) -> Any:
    """Write one layer's units as a CSV of Network Dissection, as the command `export` does.

    result: the folder of a dissection, of one of its layers, or a level of a run.
    out: the file to write. layer: needed where there are several.
    Returns the table (a pandas DataFrame; units count from 1, as they do there; Bau et al. 2017).
    Raises ConfigError or DataError saying what is wrong and what to do.
    """
    what = "the folder of a dissection; one in memory has save(DIR)"
    folder = Path(path_or_name(result, "result", what))
    return export_netdissect(folder, Path(path_or_name(out, "out", "a file")), layer)


@takes(ConceptSettings, DissectionSettings)
def conventions(
    model: Model,
    concepts: str,
    *,
    layers: Any = None,
    conventions: Iterable[str] | None = None,
    out: Path | str | None = None,
    split: str | None = None,
    limit: int | None = None,
    device: str | None = None,
    progress: Progress = SILENT,
    **settings: Unpack[SharedOptions],
) -> ConventionComparison:
    """Dissect by the rules of earlier tools, too, as the command `conventions` does.

    model, layers: as `dissect` takes them. concepts: the name of a set.
    conventions: "exact", "netdissect", "lite", "quick"; the others are compared with the first;
        None takes all four. What else is set holds for all of them.
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
        stated = {"layers": (DEFAULT_LAYER,) if chosen is None else chosen}
        return compare_by_conventions(
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
    model: Model,
    *,
    weights: Path | str | None = None,
    num_classes: int | None = None,
    resolution: int | None = None,
) -> Layers:
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
        return layers_of(name, weights=stated, num_classes=num_classes, resolution=resolution)
    if weights is not None or num_classes is not None:
        raise ConfigError("weights and num_classes belong to a network's name: leave them out")
    network = open_network(model)
    side = resolution or (network.input.resolution if network.input else None)
    if side is None:
        raise ConfigError(
            f"the input of {type(network.module).__name__} is not known: give resolution"
        )
    with without_wrappers(network.module):
        return survey_layers(network.module, side)
