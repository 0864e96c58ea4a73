"""What Ray cluster of several nodes is there on this machine?"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest


@contextmanager
def two_nodes(gpus: int = 1) -> Iterator[tuple[Any, list[Any]]]:
    """Two nodes of one core each beside a head, on this machine: the cluster, and these nodes.

    gpus: of each as far as Ray counts, which is enough to see how jobs share them.
    """
    import ray
    from ray.cluster_utils import Cluster

    ray.shutdown()
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("RAY_USAGE_STATS_ENABLED", "0")
        environment.setenv("PYTHONPATH", os.pathsep.join(sys.path))
        sooner = {"health_check_period_ms": 500}  # to see that a node is gone; else 3 s
        head = {"num_cpus": 0, "include_dashboard": False, "_system_config": sooner}
        made = Cluster(initialize_head=True, head_node_args=head)
        yield made, [made.add_node(num_cpus=1, num_gpus=gpus) for _ in range(2)]
        ray.shutdown()
        made.shutdown()


def remove_another(cluster: Any, nodes: list[Any]) -> None:
    """Kill a node through which this process has not joined: without that it could not go on."""
    import ray

    here = ray.get_runtime_context().get_node_id()
    cluster.remove_node(next(n for n in nodes if n.node_id != here), allow_graceful=False)
