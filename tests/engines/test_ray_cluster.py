"""Is it noticed that there is no Ray, or that the head of a cluster answers no more?"""

import socket
import sys
import time

import pytest

from prunescope.base.errors import ConfigError
from prunescope.engines import ENGINES, ray_cluster
from prunescope.engines.ray_cluster import Head, HeadLost


def test_a_head_that_answers_no_more_is_lost_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_cluster, "_LOOK_SECONDS", 0.02)
    monkeypatch.setattr(ray_cluster, "_PATIENCE", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        head = Head(f"127.0.0.1:{port}")
        for _ in range(10):
            time.sleep(0.02)
            head.check()
    time.sleep(0.03)
    head.check()
    time.sleep(0.1)
    with pytest.raises(HeadLost, match=rf"127.0.0.1:{port} has not answered.*the same command"):
        head.check()


def test_a_machine_without_ray_is_told_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)  # as Python has it where an import finds nothing
    with pytest.raises(ConfigError, match=r'is not installed: pip install "prunescope\[ray\]"'):
        ENGINES.find("ray")(2, 1)
