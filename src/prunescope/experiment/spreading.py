"""How is one dissection spread over the nodes of a cluster?"""

from dataclasses import dataclass
from pathlib import Path

import torch

from prunescope.base.errors import ConfigError
from prunescope.base.modes import on_device
from prunescope.base.paths import absolute
from prunescope.base.progress import SILENT, Progress
from prunescope.base.ranks import ALONE, Ranks
from prunescope.concepts.naming import with_paths
from prunescope.concepts.protocol import ConceptSet
from prunescope.dissection.settings import DissectionSettings
from prunescope.dissection.words.settings import WordSettings
from prunescope.engines import ENGINES
from prunescope.engines.engine import Engine, SharingEngine
from prunescope.experiment.single import dissect_network
from prunescope.networks.loading import LoadedNetwork
from prunescope.results.dissection import Dissection
from prunescope.results.room import check_room
from prunescope.statistics.settings import LabelCheckSettings

LOCAL = "local"


@dataclass(frozen=True, kw_only=True)
class Crew:
    """Who shares a dissection's images.

    engine: a module of `prunescope.engines`; "local" stands for this process, and those that
        torchrun started with it.
    workers: tasks; None takes one for each GPU, or for each node.
    address: of the cluster; None starts one on this machine.
    """

    engine: str = LOCAL
    workers: int | None = None
    address: str | None = None

    @property
    def is_here(self) -> bool:
        """Whether nothing but this process was asked for."""
        return self == Crew()

    def gather(self, ranks: Ranks = ALONE) -> SharingEngine:
        """Return the engine.

        Raises ConfigError for none, for one whose workers share nothing, and beside ranks that
        torchrun has started.
        """
        if ranks.count > 1:
            raise ConfigError(
                f"torchrun has started {ranks.count} processes, which share the images: leave out "
                "--engine, --workers and --address, or start without torchrun"
            )
        engine: Engine = ENGINES.find(self.engine)(self.workers, 1, self.address)
        if not isinstance(engine, SharingEngine):
            raise ConfigError(
                f'the workers of the engine "{self.engine}" share no dissection: take --engine '
                "ray, with or without a cluster, or start the processes with torchrun"
            )
        return engine


@dataclass(frozen=True, kw_only=True)
class _Work:
    """A dissection that processes share, as each of them is sent it."""

    network: LoadedNetwork
    settings: DissectionSettings
    concepts: ConceptSet | str
    split: str | None
    limit: int | None
    mask_size: int | None
    label_check: LabelCheckSettings | None
    device: str | None

    def __call__(self, ranks: Ranks, progress: Progress) -> Dissection:
        return dissect_network(
            self.network,
            self.settings,
            self.concepts,
            split=self.split,
            limit=self.limit,
            mask_size=self.mask_size,
            label_check=self.label_check,
            device=self.device,
            ranks=ranks,
            progress=progress,
        )


def spread_dissection(
    crew: Crew,
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
    """Dissect a network as `dissect_network` does, by the workers of an engine together.

    The network is sent to them; a concept set given by its name is opened by each, so its files
    must lie at the same path everywhere. This process saves the result.
    device: "cpu" or "cuda", of the workers; a GPU for each where the cluster has some when None.
    ranks: processes that torchrun started, which are refused.
    words: refused, too: their encoder is opened in one process, or in those of torchrun.
    Raises as `dissect_network` and `Crew.gather` do, ConfigError for workers that differ in what
    they dissect, or by which versions; PrunescopeError where several are lost in turn.
    """
    if words is not None:
        raise ConfigError(
            "units are given words by this process, or by those that torchrun starts: leave out "
            "--engine, --workers and --address, or words and encoder"
        )
    if out is not None:
        check_room(out)
    kind = None if device is None else str(device)
    engine = crew.gather(ranks)
    if kind not in (None, "cpu", "cuda") or (kind == "cuda" and not engine.gpus):
        raise ConfigError(
            f'device is "{kind}", but the workers of a cluster compute on "cpu" or "cuda", and '
            f"this one has {engine.gpus or 'no'} GPUs: leave it out to take what there is"
        )
    with on_device(network.module, "cpu"):
        work = _Work(
            network=network,
            settings=_anchored(settings),
            concepts=with_paths(concepts, absolute) if isinstance(concepts, str) else concepts,
            split=split,
            limit=limit,
            mask_size=mask_size,
            label_check=label_check,
            device=kind,
        )
        dissection = engine.share(work, progress, gpus=kind != "cpu")
    if out is not None:
        dissection.save(out)
    return dissection


def _anchored(settings: DissectionSettings) -> DissectionSettings:
    """Return settings that mean the same in another folder."""
    file = settings.basis_file
    return settings if file is None else settings.model_copy(update={"basis": absolute(str(file))})
