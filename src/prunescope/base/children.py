"""How do processes that this one starts live and end with it?"""

import ctypes
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker

from prunescope.base.stopping import SIGNALS

_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG


@contextmanager
def signals_held() -> Iterator[None]:
    """Hold back the signals that stop a command; processes started here never see them.

    Ctrl-C reaches the whole group, and SLURM signals every process: the parent decides, and tells
    its children.
    """
    resource_tracker.ensure_running()  # which starts once, and then lets SIGINT and SIGTERM through
    former = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, former)


def end_with(parent: int) -> None:
    """End this process as soon as its parent, the process of that number, has ended; on Linux."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PARENT_DEATH_SIGNAL, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
