"""How does `prunescope` run as a process of its own without importing everything again?

A program: it imports all that a study needs, then reads one request a line, as JSON, and forks a
process for each command. That process leads a session of its own, as one started by a shell does,
and calls the command line's own `main`.
"""

import atexit
import gc
import importlib
import json
import multiprocessing
import os
import pkgutil
import subprocess
import sys
import time
import traceback
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.context import ForkContext
from pathlib import Path
from typing import Any

_ROOMS = (
    *("base", "imaging", "results", "networks", "data", "concepts", "training", "pruning"),
    *("dissection", "comparison", "statistics", "report", "engines", "experiment", "cli"),
)
_OTHERS = (
    "matplotlib.backends.backend_agg", "matplotlib.backends.backend_pdf",
    "matplotlib.backends.backend_svg", "matplotlib.pyplot", "pyarrow.parquet", "scipy.stats",
    "safetensors.torch", "torchvision", "torch_pruning", "PIL.PngImagePlugin",
    "multiprocessing.popen_spawn_posix",
)  # fmt: skip


@dataclass(frozen=True)
class Command:
    """A running `prunescope`. process: its id and its session's. log: what it has said."""

    warm: "Warm"
    process: int
    log: Path

    def status(self) -> int | None:
        """Return its exit status, negative where a signal ended it; None while it runs."""
        return self.warm.ask({"status": self.process})

    def wait(self, seconds: float = 300.0) -> int:
        """Return how it ended. Fails where it runs for longer."""
        deadline = time.monotonic() + seconds
        while (status := self.status()) is None:
            assert time.monotonic() < deadline, f"it hangs: {self.said}"
            time.sleep(0.005)
        return status

    @property
    def said(self) -> str:
        """What it wrote to standard output and standard error."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""


class Warm:
    """The program below, as a child of this process."""

    def __init__(self) -> None:
        path = os.pathsep.join(filter(None, sys.path))
        environment = os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
        self._program = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def start(
        self, words: Sequence[object], log: Path, *, clock: float = 0.0, forked: bool = True
    ) -> Command:
        """Start a command line.

        clock: seconds by which it sees a later time than the file system. forked: its workers are
        forked from it, which takes no time; otherwise they are spawned, as they always are outside
        these tests.
        """
        request = {
            "words": [str(word) for word in words],
            "log": str(log),
            "clock": clock,
            "forked": forked,
        }
        return Command(self, self.ask(request), log)

    def ask(self, request: dict[str, Any]) -> Any:
        """Return the program's answer."""
        assert self._program.stdin is not None
        assert self._program.stdout is not None
        self._program.stdin.write(json.dumps(request) + "\n")
        self._program.stdin.flush()
        return json.loads(self._program.stdout.readline())

    def close(self) -> None:
        """End the program."""
        self._program.kill()
        self._program.communicate()


def _import_all() -> None:
    for name in _OTHERS:
        with suppress(ImportError):
            importlib.import_module(name)
    for room in _ROOMS:
        package = importlib.import_module(f"prunescope.{room}")
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if "trackers" not in module.name:
                importlib.import_module(module.name)


def _skew(seconds: float) -> None:
    """Let this process see another time than the file system, as a host whose clock is wrong."""
    now, now_ns, strftime, localtime = time.time, time.time_ns, time.strftime, time.localtime
    time.time = lambda: now() + seconds
    time.time_ns = lambda: now_ns() + int(seconds * 1e9)
    time.localtime = lambda at=None: localtime(time.time() if at is None else at)
    time.strftime = lambda form, at=None: strftime(form, at or time.localtime())


class _ForkedWorkers(ForkContext):
    """Makes workers that have nothing of this process open, as spawned ones, but begin at once."""

    def Process(self, target: Any, args: tuple[Any, ...]) -> Any:
        return super().Process(target=_with_nothing_open, args=(target, *args))


def _with_nothing_open(target: Any, connection: Any, *others: Any) -> None:
    """Close all but a connection, above all the lock of the run folder; then call the target."""
    kept = {0, 1, 2, connection.fileno()}
    for handle in {int(path.name) for path in Path("/proc/self/fd").iterdir()} - kept:
        with suppress(OSError):
            os.close(handle)
    target(connection, *others)


def _perform(request: dict[str, Any]) -> int:
    from prunescope import cli

    os.setsid()
    log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    if request["clock"]:
        _skew(request["clock"])
    if request["forked"]:
        multiprocessing.get_context = lambda _: _ForkedWorkers()
    sys.argv = ["prunescope", *request["words"]]
    status = 0
    try:
        cli.main()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # as the interpreter does  # noqa: BLE001
        traceback.print_exc()
        status = 1
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    return status


def _serve() -> None:
    """Fork a process for each command, and say how those that were asked about have ended."""
    ended: dict[int, int] = {}
    for line in sys.stdin:
        request = json.loads(line)
        if "status" in request:
            answer = ended.get(request["status"])
            if answer is None:
                process, code = os.waitpid(request["status"], os.WNOHANG)
                answer = os.waitstatus_to_exitcode(code) if process else None
            if answer is not None:
                ended[request["status"]] = answer
        else:
            answer = os.fork()
            if answer == 0:
                os._exit(_perform(request))
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _import_all()
    gc.collect()
    gc.freeze()
    _serve()
