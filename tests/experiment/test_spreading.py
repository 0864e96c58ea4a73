"""Is a dissection that tasks on the nodes of a cluster share the one that this process makes?"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import nn

import prunescope as ps
from engines.jobs import Recorder, wait_until
from engines.nodes import remove_another, two_nodes
from painted import PaintedSet
from prunescope.base.devices import computing_with
from prunescope.base.errors import ConfigError, DataError, PrunescopeError
from prunescope.base.progress import SILENT, Progress, Task
from prunescope.base.ranks import Ranks
from prunescope.concepts.protocol import Annotation, Label
from prunescope.engines import ray_cluster, ray_group, ray_worker
from prunescope.engines.ray import RayEngine
from prunescope.engines.ray_cluster import HeadLost
from prunescope.engines.ray_group import Group, Needs
from prunescope.experiment.spreading import Crew
from prunescope.networks.registry import build
from runs import contents

SETTINGS: dict[str, Any] = {
    **{"quantile": 0.05, "quantiles": (0.1,), "batch_size": 4, "null": 3},
    **{"memory": "400KB", "resolution": 32, "mean": (0.5,) * 3, "std": (0.25,) * 3},
}
LAYERS = ["layer2", "layer3"]  # of which the first is looked at twice


def test_workers_that_share_nothing_are_refused() -> None:
    with pytest.raises(ConfigError, match='workers of the engine "local" share no dissection'):
        Crew(workers=2).gather()


def test_torchrun_and_a_cluster_exclude_each_other() -> None:
    with pytest.raises(ConfigError, match="torchrun has started 2 processes, which share the im"):
        Crew(engine="ray").gather(Ranks(count=2))


@pytest.fixture(scope="module")
def nodes() -> Iterator[tuple[Any, list[Any]]]:
    pytest.importorskip("ray", reason="Ray is not installed (extra: ray)")
    with two_nodes(gpus=0) as made:
        yield made


@pytest.fixture(scope="module")
def network() -> nn.Module:
    return build("cifar_resnet20,width=0.5", num_classes=10, seed=0)


@pytest.fixture(scope="module")
def local(network: nn.Module, drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of what this process alone makes."""
    out = tmp_path_factory.mktemp("local") / "out"
    with computing_with(1):
        ps.dissect(network, LAYERS, f"broden:{drawn}", **SETTINGS).save(out)
    return out


def spread(
    nodes: tuple[Any, list[Any]], network: nn.Module, concepts: Any, **named: Any
) -> ps.Dissection:
    cluster, _ = nodes
    settings = SETTINGS | named
    return ps.dissect(network, LAYERS, concepts, engine="ray", address=cluster.address, **settings)


@pytest.mark.long
def test_two_nodes_give_the_bytes_of_this_process(
    nodes: Any, network: nn.Module, drawn: Path, local: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(drawn.parent)
    recorder = Recorder()
    found = spread(nodes, network, f"broden:{drawn.name}", progress=recorder, workers=5)
    found.save(tmp_path / "ray")
    assert contents(tmp_path / "ray") == contents(local)
    assert found["layer2"].overlap.intersection.flags.writeable  # Ray's own arrays are not
    bars = {name.partition(",")[0] for name in recorder.advanced if "dissecting" in name}
    assert bars == {f"part {number} of 2: dissecting layer2" for number in (1, 2)}
    assert recorder.open == set()
    assert "the cluster has room for 2 tasks, not 5: going on with fewer" in recorder.said
    assert sum("layer2: two passes" in said for said in recorder.said) == 1


@pytest.mark.long
def test_every_path_in_the_name_of_a_set_is_found_by_workers_in_other_folders(
    nodes: Any, network: nn.Module, drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "set").symlink_to(drawn)
    (tmp_path / "new.csv").write_text("name,label\nsky,heaven\ngrass,meadow\n")
    name = "broden:set,names=new.csv + broden:set"
    settings = {"null": 0, "quantiles": None, "association": False, "limit": 8}
    spread(nodes, network, name, workers=2, **settings).save(tmp_path / "ray")
    with computing_with(1):
        ps.dissect(network, LAYERS, name, **SETTINGS | settings).save(tmp_path / "local")
    assert contents(tmp_path / "ray") == contents(tmp_path / "local")


class Torn(PaintedSet):
    """A set in memory of which one picture is torn."""

    def read_image(self, index: int) -> Any:
        if index == 5:
            raise DataError("5.png is torn")
        return super().read_image(index)


class Undecided(PaintedSet):
    """A set that is another one in each process."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, fingerprint=f"{os.getpid():064x}")


@pytest.fixture
def noise() -> PaintedSet:
    random = np.random.default_rng(0)
    planes = random.integers(0, 2, (8, 1, 32, 32)).astype(np.int32)
    return PaintedSet(
        pictures=tuple(random.integers(0, 256, (8, 32, 32, 3), np.uint8)),
        annotations=tuple(Annotation(planes=plane, whole=()) for plane in planes),
        labels=(Label(number=1, name="one", category="part"),),
        categories=("part",),
    )


@pytest.mark.long
@pytest.mark.parametrize(
    ("kind", "error", "words"),
    [
        (Torn, DataError, r"5\.png is torn"),
        (Undecided, ConfigError, "the 2 processes .* merged: the fingerprint of the concept set"),
    ],
)
def test_what_a_task_refuses_is_refused_here_in_its_words(
    nodes: Any, network: nn.Module, noise: PaintedSet, kind: Any, error: type, words: str
) -> None:
    with pytest.raises(error, match=words):
        spread(nodes, network, kind(**vars(noise)), batch_size=1)


@pytest.mark.long
def test_what_cannot_be_sent_is_refused(nodes: Any, network: nn.Module, noise: PaintedSet) -> None:
    unsendable = replace(noise, name=(line for line in "painted"))  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"cannot be sent to the cluster .*generator"):
        spread(nodes, network, unsendable)
    with pytest.raises(ConfigError, match='device is "cuda:1", but the workers'):
        spread(nodes, network, noise, device="cuda:1")


def _die(ranks: Ranks, _: Progress) -> None:
    if ranks.rank == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    ranks.gather("waits for the other")


@pytest.mark.long
def test_work_that_loses_every_worker_fails_at_last(
    nodes: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_group, "TRIES", 2)  # each takes seconds
    cluster, _ = nodes
    recorder = Recorder()
    with pytest.raises(
        PrunescopeError, match=r"last by WorkerCrashedError\. .* same call begins again"
    ):
        RayEngine(2, 1, cluster.address).share(_die, recorder, gpus=False)
    assert recorder.said == ["a worker was lost (WorkerCrashedError); all begin again"]


@pytest.mark.long
def test_nothing_is_asked_of_a_cluster_whose_head_does_not_answer(
    nodes: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster, _ = nodes
    RayEngine(1, 1, cluster.address)
    monkeypatch.setattr(ray_cluster, "_LOOK_SECONDS", 0.02)
    monkeypatch.setattr(ray_cluster, "_PATIENCE", 0.1)
    monkeypatch.setattr(ray_worker, "Head", lambda _: ray_cluster.Head("127.0.0.1:1"))
    monkeypatch.setattr(Needs, "room", lambda *_: pytest.fail("Ray would wait for a minute"))
    group = Group(pytest.importorskip("ray"), _die, Needs(tasks=1, threads=1, gpu=False), SILENT)
    with pytest.raises(HeadLost, match=r"127\.0\.0\.1:1 has not answered"):
        group.perform()


class Killing(Recorder):
    """Kills a node as soon as its part of the work has begun, and says so by a file."""

    def __init__(self, nodes: tuple[Any, list[Any]], flag: Path) -> None:
        super().__init__()
        self._nodes = nodes
        self._flag = flag

    @contextmanager
    def task(self, description: str, total: int, *, done: int = 0) -> Iterator[Task]:
        with super().task(description, total, done=done) as task:
            if "part 2 of 2" in description and not self._flag.exists():
                self._flag.touch()
                remove_another(*self._nodes)
            yield task


class Held(PaintedSet):
    """A set that workers sent it before a file was there never finish reading.

    They outlive their node by up to a second, which is enough for all of these pictures.
    """

    def __init__(self, flag: Path, **content: Any) -> None:
        super().__init__(**content)
        self.__dict__["flag"] = flag

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, held=not state["flag"].exists())

    def read_image(self, index: int) -> Any:
        if self.__dict__["held"] and index % 2:
            wait_until(lambda: False)
        return super().read_image(index)


@pytest.mark.long
def test_a_node_killed_in_the_middle_costs_time_alone(  # the last one: the cluster loses it
    nodes: Any, network: nn.Module, noise: PaintedSet, tmp_path: Path
) -> None:
    recorder, held = Killing(nodes, tmp_path / "killed"), Held(tmp_path / "killed", **vars(noise))
    spread(nodes, network, held, batch_size=1, progress=recorder).save(tmp_path / "ray")
    assert any("all begin again" in said for said in recorder.said)
    with computing_with(1):
        alone = ps.dissect(network, LAYERS, noise, **SETTINGS | {"batch_size": 1})
    alone.save(tmp_path / "local")
    assert contents(tmp_path / "ray") == contents(tmp_path / "local")
