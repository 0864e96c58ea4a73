"""What is left of a run killed before its n-th change to the disk, for every n?

A program, since it forks: `crashing.py FOLDER` plays a study of a level, its dissection, parts
of both and its results, then the same study dissected otherwise, then trained otherwise, then as
it was at first; kills each of the four before every one of its changes to the disk; and looks at
what is left.
Every process has one and the same number here, as the first one of a container has.
"""

import os
import shutil
import signal
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path

from prunescope.base.files import write_atomically
from prunescope.results.artifacts import Artifact
from prunescope.results.store import Store

STUDIES = ("a1", "a2", "b2", "a1")  # how it is trained, and how dissected
CHANGES = {"os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.truncate"}


def plan(settings: str) -> list[Artifact]:
    """Return a study's artifacts; the first depends on no settings."""
    return [
        Artifact(path="rewind", key="k" * 64),
        Artifact(path="level", key=settings[0] * 64),
        Artifact(path="level", part="evaluation", key=settings * 31 + "e"),
        Artifact(path="level/dissection/layer", key=settings * 31 + "d"),
        Artifact(path="level/dissection/layer", part="scores", key=settings * 31 + "s"),
        Artifact(path="tables", key=settings * 31 + "t", derived=True),
        Artifact(path="report", key=settings * 31 + "r", derived=True),
    ]


def files(folder: Path, artifact: Artifact) -> list[Path]:
    """Return where an artifact's files lie in a folder; a part's beside those of its host."""
    name = artifact.part or "inner"
    return [folder / name / "a", folder / f"{name}.txt"]


def run_study(root: Path, settings: str) -> None:
    """Make what the study lacks, as `experiment` does."""
    store = Store(root)
    store.create()
    with store.writing():
        store.tidy(plan(settings))
        write_atomically(root / "study.yaml", settings.encode())
        for artifact in plan(settings):
            if store.has(artifact):
                continue
            write_atomically(store.workplace(artifact) / "checkpoint", b"step 5")
            with store.making(artifact, kind="test") as folder:
                for file in files(folder, artifact):
                    file.parent.mkdir(exist_ok=True)
                    file.write_text(artifact.key)


def check_trust(root: Path, settings: list[str]) -> None:
    """Raise where what says that it is finished is not."""
    store = Store(root)
    for setting in settings:
        for artifact in plan(setting):
            if store.has(artifact):
                for file in files(store.folder(artifact), artifact):
                    assert file.read_text() == artifact.key
    if (root / "study.yaml").exists():
        assert store.is_begun()


def in_child(work: Callable[[], None]) -> int:
    """Do work in a child process; return its exit status, negative where it was killed."""
    child = os.fork()
    if child == 0:
        work()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def kill_before_change(number: int) -> None:
    """Let this process be killed before its so-and-so-many-th change to the disk."""
    changes = count(1)

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        writes = event == "open" and int(str(arguments[2])) & (os.O_WRONLY | os.O_RDWR)
        if (writes or event in CHANGES) and next(changes) == number:
            signal.raise_signal(signal.SIGKILL)

    sys.addaudithook(watch)


def tree(root: Path) -> dict[str, bytes | None]:
    """Return every file with its content and every folder."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes() if path.is_file() else None
        for path in root.rglob("*")
    }


def try_every_crash(before: Path, settings: str) -> tuple[Path, int]:
    """Kill a study before each change, run it again and compare; return its end and the kills."""
    whole = before.with_name(f"{before.name}{settings}")
    shutil.copytree(before, whole)
    run_study(whole, settings)
    for number in count(1):
        broken = before.with_name("broken")
        shutil.copytree(before, broken)

        def die() -> None:
            kill_before_change(number)  # noqa: B023
            run_study(broken, settings)  # noqa: B023

        status = in_child(die)
        check_trust(broken, sorted(set(STUDIES)))
        run_study(broken, settings)
        left, expected = tree(broken), tree(whole)
        traces = {name for name in left | expected if left.get(name) != expected.get(name)}
        assert not traces, f"crash {number} of {whole.name} left a trace: {sorted(traces)}"
        shutil.rmtree(broken)
        if status == 0:
            return whole, number - 1
        assert status == -signal.SIGKILL
    raise AssertionError


def main() -> None:
    os.fsync = lambda handle: None  # a killed process is no power cut
    os.getpid = lambda: 1
    folder = Path(sys.argv[1]) / "run-"
    folder.mkdir()
    for settings in STUDIES:
        folder, crashes = try_every_crash(folder, settings)
        sys.stdout.write(f"{folder.name}: {crashes} crashes\n")


if __name__ == "__main__":
    main()
