"""Is there a Ray cluster, and does its head still answer?"""

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from typing import Any

from prunescope.base.errors import ConfigError, PrunescopeError
from prunescope.base.progress import duration
from prunescope.base.stopping import uninterrupted

_ANSWER_SECONDS = 10.0
_LOOK_SECONDS = 2.0  # between two looks at the head
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
_FRAME_HEAD, _SETTINGS = 9, 4  # bytes of a frame of HTTP/2 before its content, and a type of them
_PATIENCE = 20.0  # seconds without an answer of the head; after 60 Ray ends this process


class HeadLost(PrunescopeError):
    """The head of the Ray cluster answers no more."""


@contextmanager
def clearing(clear: Callable[[], None]) -> Iterator[None]:
    """Clear away after a block, unless the head that would have to do it is lost."""
    try:
        yield
    except HeadLost:
        raise
    except BaseException:
        clear()
        raise
    clear()


class Head:
    """The head of the cluster, without which nothing is begun, and no end is heard of.

    address: its host and port.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._answered = self._asked = time.monotonic()

    def check(self) -> None:
        """Ask, unless that was done a moment ago. Raises HeadLost after a while without answer."""
        now = time.monotonic()
        if now - self._asked < _LOOK_SECONDS:
            return
        self._asked = now
        if self.answers():
            self._answered = time.monotonic()
        elif now - self._answered > _PATIENCE:
            raise HeadLost(
                f"the head of the Ray cluster at {self._address} has not answered for "
                f"{duration(_PATIENCE)}. What is finished stays: start a cluster again with ray "
                "start --head, and give the same command, with its address"
            )

    def answers(self) -> bool:
        """Return whether it answers now."""
        try:
            _reached(self._address, _LOOK_SECONDS).close()
        except OSError:
            return False
        return True


def connected(address: str | None) -> Any:
    """Return the module of Ray, connected to a cluster."""
    try:
        import ray
    except ImportError:
        raise ConfigError(
            'the engine "ray" needs Ray, which is not installed: pip install "prunescope[ray]"'
        ) from None
    if ray.is_initialized():
        joined = ray.get_runtime_context().gcs_address
        if address not in (None, "auto") and not _is_same(ray, address, joined):
            raise ConfigError(
                f"this process has joined the Ray cluster at {joined}, not {address}: leave out "
                "the address, or call ray.shutdown() first"
            )
        return ray
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    with uninterrupted(), _own_handler():
        return _join(ray, address)


def _is_same(ray: Any, address: str, joined: str) -> bool:
    """Return whether an address leads to the head that was joined, which Ray names by a number."""
    (host, _, port), (joined_host, _, joined_port) = address.rpartition(":"), joined.rpartition(":")
    here = ray.util.get_node_ip_address()
    try:
        numbers = {str(each[4][0]) for each in socket.getaddrinfo(host, None)}
    except (OSError, UnicodeError):  # of a name that cannot be
        return address == joined
    reached = {here if ip_address(number).is_loopback else number for number in numbers}
    return port == joined_port and joined_host in {*reached, *numbers}


def _join(ray: Any, address: str | None) -> Any:
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "error"}
    if address is None:
        ray.init(address="local", include_dashboard=False, **options)
        return ray
    _check_answers(address)
    try:
        ray.init(address=address, **options)
    except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
        raise ConfigError(
            f"no Ray cluster at {address} ({str(error).splitlines()[0]}): start one with ray start "
            "--head and give the same command with its address, or leave out --address for one on "
            "this machine"
        ) from None
    return ray


@contextmanager
def _own_handler() -> Iterator[None]:
    """Keep what this process does at SIGTERM, which Ray would replace."""
    former = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, former)


def _check_answers(address: str) -> None:
    """Raise ConfigError where no head of a cluster answers at a host and port."""
    host, _, port = address.rpartition(":")
    if address == "auto":
        return
    if not host or not port.isdecimal():
        raise ConfigError(
            f'the address is "{address}": give HOST:PORT, or auto for the cluster of this machine'
        )
    try:
        with _reached(address, _ANSWER_SECONDS) as connection:
            is_head = "RAY_USE_TLS" in os.environ or _speaks_grpc(connection)
    except (OSError, OverflowError, UnicodeError) as error:  # of ports and names that cannot be
        raise ConfigError(
            f"nobody answers at {address} ({error}): is the cluster's head there (ray start "
            "--head), and is its port open to this machine? Then give the same command again"
        ) from None
    if not is_head:
        raise ConfigError(
            f"what answers at {address} is no head of a Ray cluster: give the address that ray "
            "start --head printed, whose port is 6379 unless you chose another"
        )


def _speaks_grpc(connection: socket.socket) -> bool:
    """Return whether who answers speaks gRPC, as a head does; Ray waits for others for minutes.

    That is HTTP/2, whose server sends its settings first (RFC 9113, section 3.4). Raises OSError
    where no answer comes.
    """
    connection.sendall(_PREFACE)
    answer = connection.recv(_FRAME_HEAD, socket.MSG_WAITALL)
    return len(answer) == _FRAME_HEAD and answer[3] == _SETTINGS


def _reached(address: str, seconds: float) -> socket.socket:
    """Return a connection to a host and port. Raises OSError where nobody listens there."""
    host, _, port = address.rpartition(":")
    return socket.create_connection((host, int(port)), seconds)
