"""How does a worker of a Ray cluster perform something, and how is shown what it reports?"""

import signal
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from prunescope.base.devices import take_gpus
from prunescope.base.errors import PrunescopeError
from prunescope.base.progress import Progress
from prunescope.base.stopping import Stopped, stoppable
from prunescope.base.text import counted
from prunescope.engines.engine import Audience, Event, RemoteProgress, W, attempt
from prunescope.engines.ray_cluster import Head

TRIES = 4
"""Of something whose workers are lost."""

LOOK_SECONDS = 0.25
"""Between two looks at what running tasks report."""

SECONDS_TO_LEAVE = 7.0
"""For tasks that were told to stop; Ray takes a second to pass it on."""

ALL_GPUS_VISIBLE = {"env_vars": {"RAY_EXPERIMENTAL_NOSET_CUDA_VISIBLE_DEVICES": "1"}}
"""Else Ray would hide GPUs from a worker that has computed on another before, and goes on there."""

Sender = tuple[str, int]
"""Who reports: the name of something, and which try of it this is."""


class Reports:
    """What tasks report, shown as it comes; of each name those of its last try alone."""

    def __init__(self, ray: Any, progress: Progress) -> None:
        self._ray = ray
        self._progress = progress
        self._audiences: dict[str, Audience] = {}
        self._tries: dict[str, int] = {}
        self._head = Head(ray.get_runtime_context().gcs_address)
        self.post = post_office(ray)

    def open(self, name: str) -> Sender:
        """Listen to another try of something, and to no former one."""
        self._tries[name] = self._tries.get(name, 0) + 1
        self._audiences[name] = Audience(self._progress)
        return name, self._tries[name]

    def close(self, name: str) -> None:
        """Listen to something no more."""
        self._audiences.pop(name).close()

    def tries(self, name: str) -> int:
        """Return how often something was begun."""
        return self._tries.get(name, 0)

    def show(self) -> None:
        """Show what was reported; where the reports are lost, those that follow.

        Raises HeadLost where the cluster has lost its head.
        """
        self._head.check()
        try:
            reported = self._ray.get(self.post.take.remote())
        except self._ray.exceptions.RayActorError:
            self.post = post_office(self._ray)
            self._progress.say("the reports of running jobs were lost; their work is not")
            return
        for (name, number), event in reported:
            if number == self._tries[name] and name in self._audiences:
                self._audiences[name].receive(event)

    def head_answers(self) -> bool:
        """Return whether the head can be asked something, which otherwise takes a minute."""
        return self._head.answers()

    def end(self) -> None:
        """Listen to nothing any more."""
        for audience in self._audiences.values():
            audience.close()
        self._ray.kill(self.post)


class _PostOffice:
    """Keeps what workers report until it is fetched."""

    def __init__(self) -> None:
        self._kept: list[tuple[Any, Event]] = []

    def put(self, sender: Any, event: Event) -> None:
        self._kept.append((sender, event))

    def take(self) -> list[tuple[Any, Event]]:
        kept, self._kept = self._kept, []
        return kept


def post_office(ray: Any) -> Any:
    """Return an actor on this node, which is lost with this process alone."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=True)
    return ray.remote(num_cpus=0, scheduling_strategy=here)(_PostOffice).remote()


def perform_there(
    perform: Callable[[W, Progress], Any], job: W, threads: int, post: Any, sender: Sender
) -> tuple[str, Any]:
    """Perform a job in a worker of Ray; return "outcome", "error" or "stopped", and what it is."""
    import ray
    import torch

    torch.set_num_threads(threads)
    if gpus := ray.get_gpu_ids():
        take_gpus([int(number) for number in gpus])
    told: list[Any] = []
    progress = RemoteProgress(lambda event: told.append(post.put.remote(sender, event)))
    try:
        with stoppable((signal.SIGINT,), seconds=SECONDS_TO_LEAVE):  # by which Ray cancels a task
            ended = attempt(perform, job, progress)
    except Stopped:
        return "stopped", None  # to nobody
    with suppress(ray.exceptions.RayActorError):  # without reports the work is done all the same
        ray.get(told[-1:])  # messages of one sender arrive in order
    return ended


def not_begun(error: Any) -> PrunescopeError:
    """Return the error for a task that ended before it began. error: of Ray."""
    return PrunescopeError(
        f"its worker could not begin it ({_last_line(error.cause)}): every node needs the same "
        "Prunescope and the same paths"
    )


def why_lost(ray: Any, error: Exception) -> str:
    """Say why a worker was lost. error: of Ray."""
    kind = type(error).__name__
    failed = isinstance(error, ray.exceptions.RuntimeEnvSetupError)  # of a packed environment
    return f"{kind}: {_last_line(error)}" if failed else kind


def lost_too_often(why: str, *, resumes: bool) -> PrunescopeError:
    """Return the error for something that lost all its workers.

    why: the last was lost. resumes: whether it goes on from where it was.
    """
    how = "goes on from here" if resumes else "begins again"
    return PrunescopeError(
        f"it lost {counted(TRIES, 'worker')} before its work was done, the last by {why}. If "
        f"memory ran out, take fewer workers. The same call {how}"
    )


def _last_line(said: object) -> str:
    """Return the last line of a text, be it a traceback."""
    lines = str(said).strip().splitlines()
    return lines[-1] if lines else "for no stated reason"
