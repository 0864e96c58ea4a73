"""How do tasks on the nodes of a Ray cluster share one piece of work?

They exchange what they find as processes that torchrun starts do, so none can do without another.
If one is lost, all begin again, on what nodes are left.
"""

import os
import pickle
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Generic

from prunescope.base.devices import gpus_of_job
from prunescope.base.errors import ConfigError, ProcessLost, PrunescopeError, first_line
from prunescope.base.interfaces import interface_to
from prunescope.base.progress import Progress, Task
from prunescope.base.ranks import grouped
from prunescope.base.stopping import stop_if_told, uninterrupted
from prunescope.base.text import counted
from prunescope.engines.engine import Outcome, Shared
from prunescope.engines.ray_cluster import clearing
from prunescope.engines.ray_worker import (
    ALL_GPUS_VISIBLE,
    LOOK_SECONDS,
    TRIES,
    Reports,
    lost_too_often,
    not_begun,
    perform_there,
    why_lost,
)

_SECONDS_FOR_A_REASON = 10.0  # of a task that lost another, until the other's end is known
_SECONDS_OF_SILENCE = 20.0  # Ray takes up to 15 s to see that a node is gone


@dataclass(frozen=True, kw_only=True)
class Needs:
    """What a cluster is asked for.

    tasks: at most so many. threads: of each, a core for each. gpu: whether each needs one.
    """

    tasks: int
    threads: int
    gpu: bool

    @property
    def bundle(self) -> dict[str, float]:
        """What one task needs, as Ray counts it."""
        return {"CPU": self.threads, **({"GPU": 1.0} if self.gpu else {})}

    @classmethod
    def fitting(cls, ray: Any, tasks: int | None, *, gpu: bool) -> "Needs":
        """Return the needs of so many tasks, or as many as fit, each with an equal share of cores.

        tasks: None for one on each node, or for each GPU.
        Raises ConfigError where no node has what a task needs.
        """
        nodes = _nodes(ray)
        cores = [int(node.get("CPU", 0)) for node in nodes]
        if tasks is None:
            tasks = sum(int(node.get("GPU", 0)) for node in nodes) if gpu else sum(map(bool, cores))
        for threads in range(max(cores, default=0), 0, -1):
            needs = cls(tasks=tasks, threads=threads, gpu=gpu)
            if needs.room(ray) >= tasks:
                return needs
        alone = cls(tasks=tasks, threads=1, gpu=gpu)
        return replace(alone, tasks=alone.room(ray))

    def room(self, ray: Any) -> int:
        """Return how many tasks the nodes have room for, if they did nothing else."""
        return sum(
            min(int(node.get(kind, 0) // each) for kind, each in self.bundle.items())
            for node in _nodes(ray)
        )


def _nodes(ray: Any) -> list[dict[str, float]]:
    """Return what each node of the cluster has."""
    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


@dataclass(frozen=True, kw_only=True)
class Seat:
    """One task's part in the work. host, port: where all of them meet."""

    rank: int = 0
    count: int
    host: str
    port: int
    gpu: bool

    @property
    def name(self) -> str:
        """What the part is called."""
        return f"part {self.rank + 1} of {self.count}"


class Group(Generic[Outcome]):
    """A work that tasks of a Ray cluster share."""

    def __init__(self, ray: Any, work: Shared[Outcome], needs: Needs, progress: Progress) -> None:
        self._ray = ray
        self._needs = needs
        self._progress = progress
        self._work = _put(ray, work)
        self._perform_remotely = ray.remote(max_retries=0)(perform_there)

    def perform(self) -> Outcome:
        """Return what the work gives the first task.

        Raises what a task raised; PrunescopeError where several were lost one after the other.
        """
        with uninterrupted():  # Ray's calls take no exception but its own
            reports, why = Reports(self._ray, self._progress), ""
            with clearing(reports.end):
                for _ in range(TRIES):
                    if why:
                        self._progress.say(f"a worker was lost ({why}); all begin again")
                    try:
                        return self._try(reports)
                    except ProcessLost as error:
                        why = str(error)
                raise lost_too_often(why, resumes=False)

    def _try(self, reports: Reports) -> Outcome:
        """Let tasks share the work once. Raises ProcessLost where one of them is lost."""
        from torch.distributed import TCPStore  # type: ignore[attr-defined]

        host = self._ray.util.get_node_ip_address()
        with self._placed(reports) as (place, count):
            store = TCPStore(host, 0, is_master=True, wait_for_workers=False)
            first = Seat(count=count, host=host, port=store.port, gpu=self._needs.gpu)
            seats = [replace(first, rank=rank) for rank in range(count)]
            tasks = {self._begin(seat, place, reports): seat for seat in seats}
            with clearing(partial(self._end, tasks, reports)):
                return self._outcome(tasks, reports)

    def _end(self, tasks: dict[Any, Seat], reports: Reports) -> None:
        for task, seat in tasks.items():
            self._ray.cancel(task, force=True)
            reports.close(seat.name)

    @contextmanager
    def _placed(self, reports: Reports) -> Iterator[tuple[Any, int]]:
        """Keep room for all tasks at once; give it, and how many they are."""
        from ray.util.placement_group import placement_group, remove_placement_group

        began, silent = time.monotonic(), True
        while True:
            count = min(self._needs.tasks, self._room(reports))
            if count == 0:
                raise PrunescopeError(
                    f"no node of the Ray cluster has {self._wanted()} any more: are its nodes up "
                    "(ray status)?"
                )
            group = placement_group([self._needs.bundle] * count, strategy="SPREAD")
            with clearing(partial(remove_placement_group, group)):
                while min(self._needs.tasks, self._room(reports)) == count:
                    if group.wait(LOOK_SECONDS):
                        yield group, count
                        return
                    stop_if_told()
                    if silent and time.monotonic() - began > _SECONDS_OF_SILENCE:
                        silent = False
                        self._progress.say(
                            f"waiting until the cluster has room for {counted(count, 'task')}, "
                            f"each with {self._wanted()}"
                        )

    def _room(self, reports: Reports) -> int:
        """Return how many tasks the nodes have room for, once the head answers.

        Asked before, Ray waits for a minute. Raises HeadLost.
        """
        while not reports.head_answers():
            stop_if_told()
            reports.show()
            time.sleep(LOOK_SECONDS)
        return self._needs.room(self._ray)

    def _wanted(self) -> str:
        return counted(self._needs.threads, "core") + " and a GPU" * self._needs.gpu

    def _begin(self, seat: Seat, place: Any, reports: Reports) -> Any:
        from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

        sender = reports.open(seat.name)
        placed = self._perform_remotely.options(
            name=seat.name,
            num_cpus=self._needs.threads,
            num_gpus=int(self._needs.gpu),
            scheduling_strategy=PlacementGroupSchedulingStrategy(
                placement_group=place, placement_group_bundle_index=seat.rank
            ),
            runtime_env=ALL_GPUS_VISIBLE if self._needs.gpu else None,
        )
        return placed.remote(self._work, seat, self._needs.threads, reports.post, sender)

    def _outcome(self, tasks: dict[Any, Seat], reports: Reports) -> Outcome:
        """Return what the first task made of its part, which is the outcome of all.

        Raises what a task raised. Of a task that lost another it waits a while for the other's end,
        which says why.
        """
        running, lost, deadline = list(tasks), "", float("inf")
        while running and time.monotonic() < deadline:
            stop_if_told()
            done, running = self._ray.wait(running, timeout=LOOK_SECONDS)
            reports.show()
            for task in done:
                kind, content = self._end_of(task)
                if kind == "outcome" and tasks[task].rank == 0:
                    return pickle.loads(content)  # type: ignore[no-any-return]
                if kind == "error" and not isinstance(content, ProcessLost):
                    raise content
                if kind != "outcome" and not lost:
                    lost, deadline = str(content), time.monotonic() + _SECONDS_FOR_A_REASON
            if reports.head_answers() and self._needs.room(self._ray) < len(tasks):
                raise ProcessLost("a node is gone")  # one may not have begun, and never will
        raise ProcessLost(lost)

    def _end_of(self, task: Any) -> tuple[str, Any]:
        """Return how a task ended. Raises ProcessLost where its worker was lost."""
        errors = self._ray.exceptions
        try:
            ended: tuple[str, Any] = self._ray.get(task)
        except errors.RayTaskError as error:
            raise not_begun(error) from None
        except errors.RayError as error:
            raise ProcessLost(why_lost(self._ray, error)) from error
        return ended


def _put(ray: Any, work: Shared[Outcome]) -> Any:
    """Return what stands for the work on the cluster. Raises ConfigError where it cannot be sent.

    Ray says that of what cannot be pickled by several kinds of errors.
    """
    try:
        return ray.put(partial(_take_part, work))
    except (TypeError, AttributeError, ValueError, pickle.PicklingError, RuntimeError) as error:
        raise ConfigError(
            f"the work cannot be sent to the cluster ({first_line(error.__cause__ or error)}): the "
            "network and the concept set must be ones that pickle takes"
        ) from error


def _take_part(work: Shared[Any], seat: Seat, progress: Progress) -> bytes | None:
    """Do one part of the work, beside the others; only the first part has an outcome.

    It is pickled here, since arrays that Ray unpickles cannot be written to.
    """
    from ray import cloudpickle
    from torch.distributed import TCPStore  # type: ignore[attr-defined]

    if interface := interface_to(seat.host):  # gloo would take the one of this machine's name,
        os.environ.setdefault("GLOO_SOCKET_IFNAME", interface)  # which may lead to 127.0.0.1
    gpu = gpus_of_job()[0] if seat.gpu else None
    with ExitStack() as stack:
        try:
            store = TCPStore(seat.host, seat.port, is_master=False)
            group = grouped(store, rank=seat.rank, count=seat.count, gpu=gpu)
            ranks = stack.enter_context(group)
        except (ConfigError, RuntimeError) as error:  # one was lost before all had met
            raise ProcessLost(str(error)) from error
        outcome = work(ranks, _OfPart(progress, seat))
    return cloudpickle.dumps(outcome) if seat.rank == 0 else None  # type: ignore[no-untyped-call]


class _OfPart(Progress):
    """Says which part a bar belongs to; the first part speaks for all."""

    def __init__(self, inner: Progress, seat: Seat) -> None:
        self._inner = inner
        self._seat = seat

    @contextmanager
    def task(self, description: str, total: int, *, done: int = 0) -> Iterator[Task]:
        named = self._inner.titled(self._seat.name) if self._seat.count > 1 else self._inner
        with named.task(description, total, done=done) as task:
            yield task

    def say(self, message: str) -> None:
        if self._seat.rank == 0:
            self._inner.say(message)
