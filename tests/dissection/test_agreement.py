"""Are processes that share a dissection refused where they contradict each other?"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
import pytest
import torch
from torch import nn

from dissection.conftest import Eye
from painted import PaintedSet
from prunescope.base.errors import ConfigError, DataError
from prunescope.base.ranks import Ranks
from prunescope.concepts.protocol import Label
from prunescope.dissection import agreement
from prunescope.dissection.run import dissect_layers
from prunescope.dissection.settings import DissectionSettings
from prunescope.results.dissection import Dissection
from ranks import ThreadRanks, in_parallel

SETTINGS = DissectionSettings(
    layers=("colours",), quantile=0.1, batch_size=1, association=False,
    resolution=4, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Process:
    """What one of the processes takes for the work that all share."""

    concepts: PaintedSet
    settings: DissectionSettings = SETTINGS
    network: nn.Module | None = None
    units: dict[str, list[int]] | None = None

    def dissect(self, ranks: Ranks) -> Dissection:
        network = deepcopy(self.network) if self.network else Eye()
        return dissect_layers(self.settings, network, self.concepts, units=self.units, ranks=ranks)


def dissect_with(*processes: Process) -> list[Any]:
    return in_parallel(lambda ranks: processes[ranks.rank].dissect(ranks), len(processes))


def with_settings(**values: Any) -> Callable[[Process], Process]:
    return lambda process: replace(process, settings=SETTINGS.model_copy(update=values))


def with_concepts(**values: Any) -> Callable[[Process], Process]:
    return lambda process: replace(process, concepts=replace(process.concepts, **values))


def with_other_weights(process: Process) -> Process:
    network = Eye()
    with torch.no_grad():
        network.colours.weight[0, 0] += 2**-20
    return replace(process, network=network)


def with_another_module(process: Process) -> Process:
    network = Eye()
    network.relu = nn.Identity()  # type: ignore[assignment]
    return replace(process, network=network)


def with_fewer_images(process: Process) -> Process:
    return with_concepts(pictures=process.concepts.pictures[:3])(process)


class Reordered(PaintedSet):
    """The same set, whose images are listed in another order."""

    @property
    def images(self) -> tuple[str, ...]:
        return super().images[::-1]


def with_another_order(process: Process) -> Process:
    return replace(process, concepts=Reordered(**vars(process.concepts)))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (with_settings(quantile=0.2), r"quantile is 0\.1 in process 0 on \S+, but 0\.2 in process"),
        (with_settings(batch_size=2), "batch_size is 1 in process 0 .*, but 2 in process 1"),
        (with_settings(null=3), "null is 0 .* but 3"),
        (with_settings(association=True), "association is false .* but true"),
        (with_settings(layers=("relu",)), r"layers is \[.colours.\] .* but \[.relu.\]"),
        (with_settings(basis="random"), "basis is units .* but random in process 1"),
        (with_concepts(fingerprint="1" * 64), "fingerprint of the concept set is 0{12}… .* 1{12}…"),
        (with_fewer_images, "the number of images is 4 .* but 3"),
        (with_concepts(labels=(Label(number=3, name="red-c", category="color"),)), "the labels is"),
        (with_another_order, "the checksum of the images' names is"),
        (with_other_weights, r"merged: the checksum of its weights is [0-9a-f]{12}… in process 0"),
        (with_another_module, "merged: the checksum of the network's modules is"),
        (lambda process: replace(process, units={"colours": [0, 2, 5]}), "its units' numbers"),
    ],
)  # fmt: skip
def test_a_process_that_does_something_else_is_refused_with_the_difference(
    painted: PaintedSet, changed: Callable[[Process], Process], words: str
) -> None:
    first = Process(concepts=painted)
    with pytest.raises((ConfigError, DataError), match=words):
        dissect_with(first, changed(first))


def test_another_version_is_refused(painted: PaintedSet, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = dict(agreement.versions_here())
    stated = iter([ours, ours, {**ours, "torch": "0.0"}])
    monkeypatch.setattr(agreement, "versions_here", lambda: tuple(next(stated).items()))
    process = Process(concepts=painted)
    words = r"so their counts cannot be merged: torch is .*\b0\.0 in process \d on .* Give all"
    with pytest.raises(ConfigError, match=words):
        dissect_with(process, process, process)


def test_many_differences_are_counted(painted: PaintedSet) -> None:
    values = {"quantile": 0.2, "iou": 0.1, "examples": 2, "batch_size": 4, "resolution": 8}
    first = Process(concepts=painted)
    second = with_settings(**values, precision="bf16")(with_concepts(fingerprint="1" * 64)(first))
    with pytest.raises(ConfigError, match=r"; and 2 more differences\. Give all of them"):
        dissect_with(first, second)


def test_what_changes_no_number_may_differ(painted: PaintedSet) -> None:
    first = Process(concepts=painted)
    shared, other = dissect_with(first, with_settings(memory=0)(first))
    alone = first.dissect(Ranks())
    for found in (shared, other):
        pd.testing.assert_frame_equal(found["colours"].units, alone["colours"].units)


@dataclass(frozen=True, kw_only=True)
class Claiming(ThreadRanks):
    """A rank that takes itself for another. seat: where its things lie on the board."""

    seat: int

    def gather(self, held: Any) -> list[Any]:
        return replace(self.seated, rank=self.seat).gather(held)

    @property
    def seated(self) -> ThreadRanks:
        return ThreadRanks(count=self.count, board=self.board, barrier=self.barrier)


@pytest.mark.parametrize(
    ("both", "words"),
    [
        (1, r"0\.png was counted by none of them, but each image belongs to one"),
        (0, r"the 2 processes .* contradict each other: 0\.png was counted by 0 and 1 of them"),
    ],
)
def test_images_that_none_or_several_counted_are_refused(
    painted: PaintedSet, both: int, words: str
) -> None:
    process = Process(concepts=painted)

    def share(ranks: Ranks) -> Dissection:
        assert isinstance(ranks, ThreadRanks)
        board, barrier = ranks.board, ranks.barrier
        return process.dissect(
            Claiming(rank=both, count=2, board=board, barrier=barrier, seat=ranks.rank)
        )

    with pytest.raises(DataError, match=words):
        in_parallel(share, 2)
