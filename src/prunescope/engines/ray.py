"""How does work run on the machines of a Ray cluster?"""

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, Generic

from prunescope.base.devices import take_gpus
from prunescope.base.errors import ConfigError, PrunescopeError
from prunescope.base.progress import Progress
from prunescope.base.stopping import Stopped, stop_if_told, stoppable, uninterrupted
from prunescope.base.text import counted
from prunescope.engines.engine import (
    Audience,
    Engine,
    Event,
    Outcome,
    RemoteProgress,
    W,
    attempt,
    in_order,
    without_dependants,
)
from prunescope.engines.ray_cluster import Head, HeadLost, connected

_LOOK_SECONDS = 0.25  # between two looks at what running jobs report
_SECONDS_TO_LEAVE = 7.0  # for jobs that were told to stop; Ray takes a second to pass it on
_TRIES = 4  # of a job whose workers are lost
_ALL_GPUS_VISIBLE = {"env_vars": {"RAY_EXPERIMENTAL_NOSET_CUDA_VISIBLE_DEVICES": "1"}}
"""Else Ray would hide GPUs from a worker that has computed on another before, and goes on there."""


def make(workers: int | None, independent: int, address: str | None = None) -> Engine:
    """Return the engine of a Ray cluster (extra "ray").

    workers: jobs that compute in parallel, each with an equal share of the cluster's cores as its
    threads; None takes one for each GPU of the cluster, or as many as suit so many independent
    chains of work.
    address: of a running cluster, "HOST:PORT" or "auto"; None starts one on this machine, which
    ends with this process.
    Raises ConfigError where Ray is not installed, or nobody answers at the address.
    """
    return RayEngine(workers, independent, address)


class RayEngine:
    """Runs each job as a task of Ray, and again, from its checkpoint, where its worker was lost."""

    def __init__(
        self, workers: int | None = None, independent: int = 1, address: str | None = None
    ) -> None:
        if workers is not None and workers < 1:
            raise ConfigError(f"the number of workers is {workers}, but must be at least 1")
        self._ray = connected(address)
        cores, most_cores = self._cluster_has("CPU")
        if not cores:
            raise ConfigError("the Ray cluster has no cores: start one of its nodes with some")
        self.gpus, _ = self._cluster_has("GPU")
        self.workers = min(workers or self.gpus or independent, cores)
        self.threads = min(cores // self.workers, most_cores)

    def run(
        self,
        jobs: Sequence[W],
        perform: Callable[[W, Progress], Outcome],
        finish: Callable[[W, Outcome], None],
        fail: Callable[[W, Exception], None],
        progress: Progress,
    ) -> None:
        """Perform every job but those that need one that failed, as `Engine` says.

        Raises ValueError for jobs that wait for each other, or for one that is absent. A job whose
        worker is lost is begun again; it fails when it has lost several.
        """
        ordered = in_order(jobs)
        if ordered:
            self._check_room(ordered)
            with (
                uninterrupted(),  # Ray's calls take no exception but its own
                _Tasks(self._ray, self.threads, self.gpus, perform, progress) as tasks,
            ):
                _work(ordered, tasks, finish, fail)

    def _cluster_has(self, kind: str) -> tuple[int, int]:
        """Return how many there are of a kind in the cluster, and on the node with most."""
        nodes = [node["Resources"].get(kind, 0) for node in self._ray.nodes() if node["Alive"]]
        return int(sum(nodes)), int(max(nodes, default=0))

    def _check_room(self, jobs: Sequence[W]) -> None:
        """Raise ConfigError for a job that no node has room for, which would wait for ever."""
        for kind, needed in (
            ("CPU", max(job.resources.processes for job in jobs)),
            ("GPU", max(job.resources.gpus for job in jobs) if self.gpus else 0),
        ):
            _, most = self._cluster_has(kind)
            if needed > most:
                what = {"CPU": "core", "GPU": "GPU"}[kind]
                raise ConfigError(
                    f"resources asks for {counted(needed, what)} on one node, but no node of the "
                    f"Ray cluster has more than {most}: ask for fewer"
                )


def _work(
    waiting: list[W],
    tasks: "_Tasks[W, Outcome]",
    finish: Callable[[W, Outcome], None],
    fail: Callable[[W, Exception], None],
) -> None:
    """Begin each job once those it needs are finished, until none is left that can be done."""
    finished: set[str] = set()
    while True:
        for job in [job for job in waiting if finished.issuperset(job.after)]:
            waiting.remove(job)
            tasks.begin(job)
        if not tasks.running:
            return
        stop_if_told()
        tasks.check_head()
        for job, kind, content in tasks.ended():
            if kind == "outcome":
                finish(job, content)
                finished.add(job.name)
            else:
                fail(job, content)
                waiting = without_dependants(waiting, job)


class _Tasks(Generic[W, Outcome]):
    """The jobs that Ray performs at present, and what they report."""

    def __init__(
        self,
        ray: Any,
        threads: int,
        gpus: int,
        perform: Callable[[W, Progress], Outcome],
        progress: Progress,
    ) -> None:
        self._ray = ray
        self._threads = threads
        self._gpus = gpus
        self._progress = progress
        self._perform = ray.put(perform)
        self._post = _post_office(ray)
        self._perform_remotely = ray.remote(max_retries=0)(_perform_there)
        self._head = Head(ray.get_runtime_context().gcs_address)
        self._audiences: dict[str, Audience] = {}
        self._tries: dict[str, int] = {}
        self.running: dict[Any, W] = {}

    def __enter__(self) -> "_Tasks[W, Outcome]":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """End what still runs; of one who tells this process to stop, after a checkpoint."""
        if kind is HeadLost:  # nobody is left to pass it on
            return
        if kind is not None and issubclass(kind, Stopped | KeyboardInterrupt):
            self._let_leave()
        for task in self.running:
            self._ray.cancel(task, force=True)
        for audience in self._audiences.values():
            audience.close()
        self._ray.kill(self._post)

    def check_head(self) -> None:
        """Raise HeadLost where nobody at the head of the cluster has answered for a while."""
        self._head.check()

    def _let_leave(self) -> None:
        """Interrupt the running jobs, and wait a few seconds until they have left."""
        tasks = list(self.running)
        for task in tasks:
            self._ray.cancel(task, force=False)
        self._ray.wait(tasks, num_returns=len(tasks), timeout=_SECONDS_TO_LEAVE)

    def begin(self, job: W) -> None:
        """Let Ray perform a job as soon as there is room for it."""
        self._tries[job.name] = self._tries.get(job.name, 0) + 1
        self._audiences[job.name] = Audience(self._progress)
        threads = max(self._threads, job.resources.processes)
        gpus = job.resources.gpus if self._gpus else 0
        placed = self._perform_remotely.options(
            name=job.name,
            num_cpus=threads,
            num_gpus=gpus,
            runtime_env=_ALL_GPUS_VISIBLE if gpus else None,
        )
        sender = (job.name, self._tries[job.name])
        task = placed.remote(self._perform, job, threads, self._post, sender)
        self.running[task] = job

    def ended(self) -> Iterator[tuple[W, str, Any]]:
        """Show what jobs report, and yield those that ended: "outcome" or "error", and that."""
        done, _ = self._ray.wait(
            list(self.running), num_returns=len(self.running), timeout=_LOOK_SECONDS
        )
        self._show()
        for task in done:
            job = self.running.pop(task)
            self._audiences.pop(job.name).close()
            if (end := self._end_of(task, job)) is not None:
                yield job, *end

    def _end_of(self, task: Any, job: W) -> tuple[str, Any] | None:
        """Return how a task ended; None where its worker was lost, and the job is begun again."""
        errors = self._ray.exceptions
        try:
            ended: tuple[str, Any] = self._ray.get(task)
        except errors.RayTaskError as error:  # before the job began
            return "error", PrunescopeError(
                f"its worker could not begin it ({error.cause}): every node needs the same "
                "Prunescope and the same paths"
            )
        except errors.RayError as error:
            if self._tries[job.name] == _TRIES:
                return "error", _lost(_TRIES)
            why = type(error).__name__
            self._progress.say(f"{job.name}: its worker was lost ({why}); it goes on with another")
            self.begin(job)
            return None
        return ended

    def _show(self) -> None:
        """Show what was reported; where the reports are lost, those that follow."""
        try:
            reported = self._ray.get(self._post.take.remote())
        except self._ray.exceptions.RayActorError:
            self._post = _post_office(self._ray)
            self._progress.say("the reports of running jobs were lost; their work is not")
            return
        for (name, number), event in reported:
            if number == self._tries[name] and name in self._audiences:
                self._audiences[name].receive(event)


class _PostOffice:
    """Keeps what workers report until it is fetched."""

    def __init__(self) -> None:
        self._kept: list[tuple[Any, Event]] = []

    def put(self, sender: Any, event: Event) -> None:
        self._kept.append((sender, event))

    def take(self) -> list[tuple[Any, Event]]:
        kept, self._kept = self._kept, []
        return kept


def _post_office(ray: Any) -> Any:
    """Return an actor on this node, which is lost with this process alone."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=True)
    return ray.remote(num_cpus=0, scheduling_strategy=here)(_PostOffice).remote()


def _perform_there(
    perform: Callable[[W, Progress], Any], job: W, threads: int, post: Any, sender: Any
) -> tuple[str, Any]:
    """Perform a job in a worker of Ray."""
    import ray
    import torch

    torch.set_num_threads(threads)
    if gpus := ray.get_gpu_ids():
        take_gpus([int(number) for number in gpus])
    told: list[Any] = []
    progress = RemoteProgress(lambda event: told.append(post.put.remote(sender, event)))
    try:
        with stoppable((signal.SIGINT,), seconds=_SECONDS_TO_LEAVE):  # by which Ray cancels a task
            ended = attempt(perform, job, progress)
    except Stopped:
        return "stopped", None  # to nobody
    with suppress(ray.exceptions.RayActorError):  # without reports the work is done all the same
        ray.get(told[-1:])  # messages of one sender arrive in order
    return ended


def _lost(tries: int) -> PrunescopeError:
    return PrunescopeError(
        f"it lost {counted(tries, 'worker')} before its work was done. If memory ran out, take "
        "fewer workers. The same call goes on from here"
    )
