"""What is left of the replacement of a folder killed before its n-th change to the disk, for any n?

A program, since it forks: `crashing_folders.py FOLDER` does that for every n.
"""

import os
import shutil
import signal
import sys
from itertools import count
from pathlib import Path

from crashing import in_child, kill_before_change, tree

from prunescope.base.folders import replacing


def replace(path: Path, word: str) -> None:
    with replacing(path) as draft:
        (draft / word).mkdir()
        (draft / word / "file").write_text(word)


def holding(word: str) -> dict[str, bytes | None]:
    return {word: None, f"{word}/file": word.encode()}


def crash(root: Path, number: int) -> tuple[int, str]:
    """Kill one replacement; return how it ended, and what lies in the place of the folder then."""
    path = root / "a.b" / "D"
    replace(path, "old")

    def die() -> None:
        kill_before_change(number)
        replace(path, "new")

    status = in_child(die)
    found = {"old": holding("old"), "new": holding("new"), "nothing": {}}
    state = next(name for name, content in found.items() if tree(path) == content)
    if state == "nothing":
        aside = [tree(folder) for folder in (path.parent / ".D.tmp").iterdir()]
        assert sorted(aside, key=str) == [holding("new"), holding("old")]
    replace(path, "next")
    assert tree(root) == {"a.b": None, "a.b/D": None} | {
        f"a.b/D/{name}": content for name, content in holding("next").items()
    }
    return status, state


def main() -> None:
    os.fsync = lambda handle: None  # a killed process is no power cut
    os.getpid = lambda: 1  # as in a container
    root = Path(sys.argv[1]) / "root"
    states = []
    for number in count(1):
        status, state = crash(root, number)
        states.append(state)
        shutil.rmtree(root)
        if status == 0:
            break
        assert status == -signal.SIGKILL
    sys.stdout.write(" ".join(states))


if __name__ == "__main__":
    main()
