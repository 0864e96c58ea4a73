"""How many tasks that share a work do the nodes of a cluster have room for?

How they work on a real cluster stands in tests/experiment/test_spreading.py.
"""

from types import SimpleNamespace
from typing import Any

import pytest

from prunescope.engines.ray_group import Needs


def cluster(*nodes: dict[str, float], dead: tuple[dict[str, float], ...] = ()) -> Any:
    """What Ray tells of its nodes."""
    stated = [
        {"Alive": alive, "Resources": resources}
        for alive, each in ((True, nodes), (False, dead))
        for resources in each
    ]
    return SimpleNamespace(nodes=lambda: stated)


@pytest.mark.parametrize(
    ("nodes", "asked", "gpu", "tasks", "threads"),
    [
        ([{"CPU": 4.0}, {"CPU": 4.0}], None, False, 2, 4),
        ([{"CPU": 4.0}, {"CPU": 4.0}], 4, False, 4, 2),
        ([{"CPU": 4.0}, {"CPU": 4.0}], 3, False, 3, 2),  # two of three tasks on one node
        ([{"CPU": 1.0}, {"CPU": 2.0}], 2, False, 2, 1),
        ([{"CPU": 2.0}], 5, False, 2, 1),
        ([{}, {"CPU": 2.0}], None, False, 1, 2),  # a head without cores
        ([{"CPU": 16.0, "GPU": 4.0}, {"CPU": 8.0}], None, True, 4, 4),
        ([{"CPU": 16.0, "GPU": 4.0}, {"CPU": 8.0}], 8, True, 4, 1),
    ],
)
def test_tasks_share_the_cores_and_each_has_a_gpu(
    nodes: list[dict[str, float]], asked: int | None, gpu: bool, tasks: int, threads: int
) -> None:
    needs = Needs.fitting(cluster(*nodes), asked, gpu=gpu)
    assert (needs.tasks, needs.threads) == (tasks, threads)
    assert needs.room(cluster(*nodes)) >= tasks


def test_a_node_that_is_gone_has_no_room() -> None:
    needs = Needs(tasks=4, threads=2, gpu=False)
    assert needs.room(cluster({"CPU": 5.0}, dead=({"CPU": 4.0},))) == 2
