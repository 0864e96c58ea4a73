"""How does a process end that is told to stop, and what does it finish before that?"""

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)
"""What tells a command to stop: Ctrl-C, a system that shuts down, a terminal that closes, SLURM."""

LONGEST_SECONDS = 9.0
"""From the signal to the end of the process, whatever it was doing."""

_SECONDS_TO_TIDY = 1.5
_SECONDS_BETWEEN_LOOKS = 0.05


class Stopped(BaseException):
    """The user, or the system, told the process to stop; no Exception, so nothing catches it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.status = 128 + number  # what a shell reports for a process that a signal ended


class _Told:
    """What this process was told. Signals reach a process, so there is one of these in each.

    number: of the first signal. pending: it has come, but Stopped is still to be raised.
    held: how many `uninterrupted` blocks are open.
    """

    number: int | None = None
    pending = False
    held = 0


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold back Stopped until the block ends, and let that take up to `LONGEST_SECONDS`.

    For what would otherwise be left half done: the steps of a training, writing its checkpoint.
    """
    former = _Told.held
    _Told.held = former + 1
    try:
        yield
    finally:
        _Told.held = former
        _raise_pending()


@contextmanager
def interruptible() -> Iterator[None]:
    """Let Stopped be raised in this part of an `uninterrupted` block, but for one around that."""
    former = _Told.held
    _Told.held = former - 1
    try:
        _raise_pending()
        yield
    finally:
        _Told.held = former


def stop_if_told() -> None:
    """Raise Stopped if an `uninterrupted` block holds it back, but for one around that."""
    with interruptible():
        pass


def _raise_pending() -> None:
    if _Told.pending and not _Told.held:
        _Told.pending = False
        assert _Told.number is not None  # else nothing is pending
        raise Stopped(_Told.number)


@contextmanager
def stoppable(
    signals: Sequence[signal.Signals] = SIGNALS,
    *,
    seconds: float = LONGEST_SECONDS,
    last_word: Callable[[], None] = lambda: None,
) -> Iterator[None]:
    """Raise Stopped in the block at the first of some signals, and make sure that it ends.

    A second signal ends the process and its children at once. So does the first if the block does
    not end in a moment; where something is `uninterrupted`, after so many seconds. Neither does
    harm, since all files are written whole or not at all. The same signal once more, unless it is
    Ctrl-C, changes nothing: SLURM sends one to every process of a job, and torchrun sends it again
    to those it started. A signal that is ignored already (as under nohup) stays ignored.

    last_word: called before a process ends that did not end by itself.
    """
    taken = [each for each in signals if signal.getsignal(each) is not signal.SIG_IGN]
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    former = {each: signal.signal(each, _tell) for each in taken}
    wakened = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    watch = threading.Thread(
        target=_watch, args=(reader, set(taken), seconds, last_word), daemon=True
    )
    watch.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(wakened)
        for each, handler in former.items():
            signal.signal(each, handler)
        writer.close()
        _Told.number, _Told.pending = None, False


def end_now(status: int) -> None:
    """End this process and its children without waiting for anything."""
    for child in _children(os.getpid()):
        with suppress(OSError):
            os.kill(child, signal.SIGKILL)
    os._exit(status)


def _tell(number: int, _: FrameType | None) -> None:
    """Raise Stopped once, as soon as nothing is held; the watcher sees what else comes."""
    if _Told.number is not None:
        return
    _Told.number = number
    if _Told.held:
        _Told.pending = True
    else:
        raise Stopped(number)


def _watch(
    reader: socket.socket, taken: set[signal.Signals], seconds: float, last_word: Callable[[], None]
) -> None:
    """End the process a while after the first signal, and at once after the second.

    The system's own handler wakes this thread even while the main one computes outside Python.
    """
    with reader:
        first = _next_of(reader, taken)
        if first is None:
            return
        told = time.monotonic()
        deadline = told + _SECONDS_TO_TIDY
        reader.settimeout(_SECONDS_BETWEEN_LOOKS)
        while (now := time.monotonic()) < min(deadline, told + seconds):
            if _Told.held:
                deadline = now + _SECONDS_TO_TIDY
            with suppress(TimeoutError):
                number = _next_of(reader, taken)
                if number is None:  # it has ended by itself
                    return
                if number != first or number == signal.SIGINT:
                    break
        last_word()
        end_now(128 + first)


def _next_of(reader: socket.socket, taken: set[signal.Signals]) -> int | None:
    while received := reader.recv(1):
        if received[0] in taken:
            return received[0]
    return None


def _children(process: int) -> list[int]:
    """Return the processes below one, the youngest generation first; none where /proc is not."""
    direct: list[int] = []
    for file in Path(f"/proc/{process}/task").glob("*/children"):
        with suppress(OSError, ValueError):
            direct += map(int, file.read_text().split())
    return [each for child in direct for each in (*_children(child), child)]
