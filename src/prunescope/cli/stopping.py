"""How does a command end when it is told to stop?"""

import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from prunescope.base.ranks import is_first

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SECONDS_TO_TIDY = 1.5


class Stopped(BaseException):
    """The user, or the system, told the command to stop; no Exception, so nothing catches it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.status = 128 + number  # what a shell reports for a process that a signal ended


@contextmanager
def stoppable() -> Iterator[None]:
    """Raise Stopped in the block at Ctrl-C, SIGTERM or SIGHUP, and make sure that it ends.

    A second signal ends the process and its children at once, and so does the first if the block
    does not end in a moment. Neither does harm, since all files are written whole or not at all. A
    signal that is ignored already (as under nohup) stays ignored.
    """
    taken = [each for each in _SIGNALS if signal.getsignal(each) is not signal.SIG_IGN]
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    former = {each: signal.signal(each, _raise_once) for each in taken}
    wakened = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    watcher = threading.Thread(target=_watch, args=(reader, set(taken)), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(wakened)
        for each, handler in former.items():
            signal.signal(each, handler)
        writer.close()


_RESUMING = (("run",), ("demo",), ("concepts", "download"))


def say_stopped() -> None:
    """Say on standard error, as the last line, how to go on; of several processes, the first."""
    if not is_first():
        return
    goes_on = any(words == tuple(sys.argv[1 : 1 + len(words)]) for words in _RESUMING)
    how = "goes on from what is finished" if goes_on else "begins again; nothing is half-written"
    text = f"prunescope: stopped; the same command {how}\n"
    with suppress(OSError):  # of a terminal that is gone
        os.write(sys.stderr.fileno(), text.encode())


def end_now(status: int) -> None:
    """End this process and its children without waiting for anything."""
    for child in _children(os.getpid()):
        with suppress(OSError):
            os.kill(child, signal.SIGKILL)
    os._exit(status)


def _raise_once(number: int, _: FrameType | None) -> None:
    for each in _SIGNALS:  # the watcher sees the next one; tidying up is not cut short by it
        if signal.getsignal(each) is _raise_once:
            signal.signal(each, _leave_to_watcher)
    raise Stopped(number)


def _leave_to_watcher(_: int, __: FrameType | None) -> None:
    """Do nothing here; a handler must stand, or the signal would end or miss the process."""


def _watch(reader: socket.socket, taken: set[signal.Signals]) -> None:
    """End the process a while after the first signal, and at once after the second.

    The system's own handler wakes this thread even while the main one computes outside Python.
    """
    with reader:
        first = _next_of(reader, taken)
        if first is None:
            return
        reader.settimeout(_SECONDS_TO_TIDY)
        try:
            if _next_of(reader, taken) is None:  # it has ended by itself
                return
        except TimeoutError:
            pass
        if sys.stderr.isatty():
            os.write(sys.stderr.fileno(), b"\x1b[?25h\n")  # bars hide the cursor
        say_stopped()
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
