"""Does the way the images are looked at change a number: passes, memory, processes?"""

import copy
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from prunescope import dissect
from prunescope.base.progress import Progress
from prunescope.base.ranks import Ranks
from prunescope.concepts.protocol import Annotation
from prunescope.dissection.first_pass import FirstPass, limit_memory
from prunescope.dissection.quantile import Cut
from prunescope.dissection.run import dissect_layers
from prunescope.dissection.settings import DissectionSettings

PLAIN = {"resolution": 8, "mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}


class Threads(Ranks):
    """Processes of one machine, played by threads: what one holds, the others are handed."""

    def __init__(self, rank, barrier, board):
        super().__init__(rank=rank, count=barrier.parties)
        object.__setattr__(self, "barrier", barrier)
        object.__setattr__(self, "board", board)

    def gather(self, held):
        self.board[self.rank] = held
        self.barrier.wait(60)
        everything = list(self.board)
        self.barrier.wait(60)
        return everything

    def others(self, tensor):
        everything = self.gather(tensor.clone())
        return (one for rank, one in enumerate(everything) if rank != self.rank)

    def total(self, tensor):
        return torch.stack(self.gather(tensor.clone())).sum(dim=0)


class Listening(Progress):
    def __init__(self, said):
        self.said = said

    def say(self, message):
        self.said.append(message)


@pytest.fixture
def many(painted):
    """Twelve pictures of coloured noise, labelled by what is red and green in them."""
    source = np.random.default_rng(0)
    pictures = tuple(source.integers(0, 256, (8, 8, 3), np.uint8) for _ in range(12))
    annotations = tuple(
        Annotation(
            planes=np.where(picture[:, :, 0] > 200, 3, np.where(picture[:, :, 1] > 200, 5, 0))[None]
            .astype(np.int32),
            whole=(9,) if index % 3 == 0 else (),
        )
        for index, picture in enumerate(pictures)
    )  # fmt: skip
    return replace(painted, pictures=pictures, annotations=annotations)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.Conv2d(6, 4, 3, stride=2))


def assert_same(first, second):
    assert list(first.layers) == list(second.layers)
    for name, layer in first.layers.items():
        other = second.layers[name]
        for table in ("units", "examples", "images", "borderline", "peaks"):
            pd.testing.assert_frame_equal(getattr(layer, table), getattr(other, table))
        assert np.array_equal(layer.overlap.intersection, other.overlap.intersection)
        assert layer.summary == other.summary


@pytest.mark.parametrize("quantile", [0.05, 0.5])
@pytest.mark.parametrize(("memory", "passes"), [("1GiB", [1, 1]), (0, [2, 2]), (7_000, [1, 2])])
def test_every_budget_gives_the_same_numbers(network, many, quantile, memory, passes):
    how = {"quantile": quantile, "batch_size": 2, "null": 3, **PLAIN}
    given_room = dissect(network, ["2", "1"], many, **how)
    found = dissect(network, ["2", "1"], many, memory=memory, **how)
    assert list(found.passes.values()) == passes
    assert_same(found, given_room)


def _slow(*values):
    return pytest.param(*values, marks=pytest.mark.slow)


@pytest.mark.long
@pytest.mark.parametrize(
    ("count", "memory", "quantile"),
    [
        (2, "1GiB", 0.5),
        (3, 0, 0.05),
        (14, "1GiB", 0.05),
        *(_slow(count, "1GiB", 0.05) for count in (2, 3)),
        *(_slow(count, 0, 0.05) for count in (2, 14)),
        *(_slow(count, "1GiB", 0.5) for count in (3, 14)),
    ],
)
def test_processes_that_share_the_images_get_what_one_alone_gets(
    network, many, count, memory, quantile
):
    wanted = DissectionSettings(layers=("1", "2"), quantile=quantile, batch_size=1, null=3, **PLAIN)
    alone = dissect_layers(wanted, network, many)
    barrier, board = threading.Barrier(count), [None] * count
    given_less = wanted.model_copy(update={"memory": 1 << 30 if memory else 0})

    said = []

    def work(rank):
        ranks, own = Threads(rank, barrier, board), copy.deepcopy(network)
        return dissect_layers(given_less, own, many, ranks=ranks, progress=Listening(said))

    with ThreadPoolExecutor(count) as pool:
        for shared in pool.map(work, range(count)):
            assert_same(shared, alone)
    idle = [message for message in said if "have nothing to do" in message]
    assert len(idle) == (14 if count == 14 else 0)  # every process says it, the first aloud
    assert all(message.startswith("2 of 14 processes") for message in idle)


@given(
    seed=st.integers(0, 2**32 - 1),
    budget=st.sampled_from([0, 1_000, 5_000, 1 << 30]),
    above=st.integers(1, 300),
    size=st.integers(1, 24),
    kind=st.sampled_from(["smooth", "whole numbers", "mostly zero"]),
)
@settings(max_examples=25)
def test_kept_maps_are_exactly_those_above_the_thresholds(seed, budget, above, size, kind):
    maps = torch.randn(24, 3, 4, 4, generator=torch.Generator().manual_seed(seed))
    maps = {"smooth": maps, "whole numbers": maps.round(), "mostly zero": (maps - 2).relu()}[kind]
    cut = Cut(cells=24 * 16, above=above)
    first_pass = FirstPass(maps, cut, examples=2, image_count=24)
    for number, batch in enumerate(maps.split(size)):
        first_pass.add(number, batch, torch.arange(len(batch)) + size * number)
        limit_memory(budget, {"layer": first_pass}, predict=number in (0, 1, 3))
    thresholds = first_pass.end().thresholds
    values = maps.transpose(0, 1).flatten(1).sort(dim=1, descending=True).values
    assert torch.equal(thresholds, values[:, above].double())
    if first_pass.kept is None:
        return
    for number, batch in enumerate(maps.split(size)):
        active = first_pass.kept.take(number).above(thresholds)
        units, images = (thresholds[:, None] < batch.amax(dim=(2, 3)).T).nonzero(as_tuple=True)
        assert torch.equal(active.units, units)
        assert torch.equal(active.image_in_batch, images)
        assert torch.equal(active.maps, batch[images, units])


def test_the_prediction_is_about_right_after_a_quarter_of_the_images():
    maps = torch.randn(400, 8, 7, 7, generator=torch.Generator().manual_seed(0))
    first_pass = FirstPass(maps, Cut(cells=400 * 49, above=98), examples=1, image_count=400)
    predictions = []
    for number, batch in enumerate(maps.split(25)):
        first_pass.add(number, batch, torch.arange(25) + 25 * number)
        predictions.append(first_pass.predicted_bytes())
    first_pass.clear()
    assert predictions[3] == pytest.approx(first_pass.kept.bytes, rel=0.25)
    assert predictions[-1] == pytest.approx(first_pass.kept.bytes, rel=0.05)


def test_the_layer_that_needs_most_is_given_up_first():
    first_passes = {}
    for name, side in (("small", 2), ("large", 8)):
        maps = torch.randn(10, 3, side, side, generator=torch.Generator().manual_seed(0))
        cut = Cut(cells=10 * side * side, above=side)
        first_passes[name] = FirstPass(maps, cut, examples=1, image_count=10)
        first_passes[name].add(0, maps, torch.arange(10))
        first_passes[name].clear()
    limit_memory(first_passes["large"].kept.bytes, first_passes, predict=False)
    assert first_passes["large"].kept is None
    assert first_passes["small"].kept is not None


def test_units_that_cannot_exceed_their_threshold_are_told(many):
    class Constant(nn.Module):
        def forward(self, images):
            return torch.stack([images[:, 0], torch.full_like(images[:, 0], 3.0)], dim=1)

    said = []
    found = dissect(
        nn.Sequential(Constant()), "0", many, quantile=0.05, progress=Listening(said), **PLAIN
    )
    assert found.units["dead"].tolist() == [False, True]
    assert said == [
        "on 12 images much of what is found is due to chance: --null says how much",
        "0: one pass, maps of up to 0 MiB kept",
        "0: units with no cell above their threshold, since they are constant or tie at their "
        "largest activation: 1",
    ]
