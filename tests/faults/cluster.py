"""Which Ray cluster loses workers and nodes, and gets others?"""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest

from faults.watching import children


class FragileCluster:
    """A head without cores and two nodes with one core each, on this machine."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Start it; in place of one that has lost its head, at another address."""
        from ray.cluster_utils import Cluster

        head = {"num_cpus": 0, "include_dashboard": False}
        self._made: Any = Cluster(initialize_head=True, head_node_args=head)
        self._nodes = [self._made.add_node(num_cpus=1) for _ in range(2)]

    @property
    def options(self) -> tuple[str, ...]:
        """What a command says to use it."""
        return ("--engine", "ray", "--address", self._made.address)

    def end(self) -> None:
        """End all its processes."""
        self._made.shutdown()

    def kill_worker(self, chance: Random) -> bool:
        """Kill a process in which Ray performs something; return whether there was one.

        Not an agent of a node, with which the node would go.
        """
        raylets = [
            each.process.pid
            for node in self._made.list_all_nodes()
            for each in node.all_processes.get("raylet", [])
        ]
        workers = sorted(
            process
            for raylet in raylets
            for process in children(raylet)
            if _title(process).startswith("ray::") and "Agent" not in _title(process)
        )
        if not workers:
            return False
        with suppress(ProcessLookupError):
            os.kill(chance.choice(workers), signal.SIGKILL)
        return True

    def kill_node(self, chance: Random) -> bool:
        """Kill one of the two nodes, and add another."""
        node = self._nodes.pop(chance.randrange(len(self._nodes)))
        self._made.remove_node(node, allow_graceful=False)
        self._nodes.append(self._made.add_node(num_cpus=1))
        return True

    def kill_head(self, chance: Random) -> bool:
        """Kill the processes of the head, without which the cluster is none."""
        for of_a_kind in self._made.head_node.all_processes.values():
            for each in of_a_kind:
                each.process.kill()
        return True


def _title(process: int) -> str:
    try:
        return Path(f"/proc/{process}/cmdline").read_text()
    except OSError:
        return ""


@contextmanager
def fragile_cluster() -> Iterator[FragileCluster]:
    """Start a cluster, for commands that join it by its address."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("RAY_USAGE_STATS_ENABLED", "0")
        environment.setenv("OMP_NUM_THREADS", "1")
        environment.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))
        cluster = FragileCluster()
        try:
            yield cluster
        finally:
            cluster.end()
