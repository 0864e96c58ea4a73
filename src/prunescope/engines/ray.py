"""How does work run on the machines of a Ray cluster?"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic

from prunescope.base.errors import ConfigError
from prunescope.base.progress import Progress
from prunescope.base.stopping import Stopped, stop_if_told, uninterrupted
from prunescope.base.text import counted
from prunescope.engines.engine import Engine, Outcome, Shared, W, in_order, without_dependants
from prunescope.engines.ray_cluster import HeadLost, connected
from prunescope.engines.ray_group import Group, Needs
from prunescope.engines.ray_worker import (
    ALL_GPUS_VISIBLE,
    LOOK_SECONDS,
    SECONDS_TO_LEAVE,
    TRIES,
    Reports,
    lost_too_often,
    not_begun,
    perform_there,
    why_lost,
)


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
        self._asked = workers
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
                _work(ordered, tasks, self._most_at_once(len(ordered)), finish, fail)

    def share(self, work: Shared[Outcome], progress: Progress, *, gpus: bool) -> Outcome:
        """Have tasks on the nodes share a piece of work, as `SharingEngine` says.

        They are as many as workers were asked for; else one for each GPU, or for each node. Each
        has an equal share of the cores. If one is lost, all begin again on what is left.
        """
        needs = Needs.fitting(self._ray, self._asked, gpu=gpus and self.gpus > 0)
        if needs.tasks < (self._asked or 0):
            progress.say(
                f"the cluster has room for {counted(needs.tasks, 'task')}, not {self._asked}: "
                "going on with fewer"
            )
        return Group(self._ray, work, needs, progress).perform()

    def _most_at_once(self, jobs: int) -> int:
        """Return how many of so many jobs are handed to Ray at once.

        All, so that each worker has its next job at once, unless Ray has room for more than there
        are workers, since cores do not divide evenly, or many are beside few GPUs. Nodes that join
        later may then run more jobs than there are workers.
        """
        room = Needs(tasks=jobs, threads=self.threads, gpu=False).room(self._ray)
        return jobs if room <= self.workers else self.workers

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
    most: int,
    finish: Callable[[W, Outcome], None],
    fail: Callable[[W, Exception], None],
) -> None:
    """Begin each job once those it needs are finished, until none is left that can be done.

    most: that Ray is handed at once.
    """
    finished: set[str] = set()
    while True:
        ready = [job for job in waiting if finished.issuperset(job.after)]
        for job in ready[: most - len(tasks.running)]:
            waiting.remove(job)
            tasks.begin(job)
        if not tasks.running:
            return
        stop_if_told()
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
        self._perform_remotely = ray.remote(max_retries=0)(perform_there)
        self._reports = Reports(ray, progress)
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
        self._reports.end()

    def _let_leave(self) -> None:
        """Interrupt the running jobs, and wait a few seconds until they have left."""
        tasks = list(self.running)
        for task in tasks:
            self._ray.cancel(task, force=False)
        self._ray.wait(tasks, num_returns=len(tasks), timeout=SECONDS_TO_LEAVE)

    def begin(self, job: W) -> None:
        """Let Ray perform a job as soon as there is room for it."""
        sender = self._reports.open(job.name)
        threads = max(self._threads, job.resources.processes)
        gpus = job.resources.gpus if self._gpus else 0
        placed = self._perform_remotely.options(
            name=job.name,
            num_cpus=threads,
            num_gpus=gpus,
            runtime_env=ALL_GPUS_VISIBLE if gpus else None,
        )
        task = placed.remote(self._perform, job, threads, self._reports.post, sender)
        self.running[task] = job

    def ended(self) -> Iterator[tuple[W, str, Any]]:
        """Show what jobs report, and yield those that ended: "outcome" or "error", and that."""
        done, _ = self._ray.wait(list(self.running), timeout=LOOK_SECONDS)
        self._reports.show()
        for task in done:
            job = self.running.pop(task)
            self._reports.close(job.name)
            if (end := self._end_of(task, job)) is not None:
                yield job, *end

    def _end_of(self, task: Any, job: W) -> tuple[str, Any] | None:
        """Return how a task ended; None where its worker was lost, and the job is begun again."""
        errors = self._ray.exceptions
        try:
            ended: tuple[str, Any] = self._ray.get(task)
        except errors.RayTaskError as error:  # before the job began
            return "error", not_begun(error)
        except errors.RayError as error:
            why = why_lost(self._ray, error)
            if self._reports.tries(job.name) == TRIES:
                return "error", lost_too_often(why, resumes=True)
            self._progress.say(f"{job.name}: its worker was lost ({why}); it goes on with another")
            self.begin(job)
            return None
        return ended
