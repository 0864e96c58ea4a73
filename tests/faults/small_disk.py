"""How does a run come to lie on a disk that is full?"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PLENTY = ("size=256m", "nr_inodes=0")


class SmallDisk:
    """A disk in memory with room for so much, or for so many files."""

    def __init__(self, folder: Path, room: str) -> None:
        self.folder = folder
        self.room = room
        _system("mount", "-t", "tmpfs", "-o", room, "tmpfs", str(folder))

    def make_room(self) -> None:
        """Give it room for a whole run."""
        _system("mount", "-o", ",".join(("remount", *_PLENTY)), str(self.folder))


@contextmanager
def small_disk(folder: Path, room: str) -> Iterator[SmallDisk]:
    """Mount a small disk at a folder. room: "size=400k" or "nr_inodes=40", as `mount` takes it."""
    folder.mkdir(exist_ok=True)
    disk = SmallDisk(folder, room)
    try:
        yield disk
    finally:
        _system("umount", "--lazy", str(folder))


def why_no_disk(folder: Path) -> str:
    """Return why this process cannot mount a disk; empty if it can."""
    if os.geteuid() != 0:
        return "only root can mount a small disk"
    try:
        with small_disk(folder / "trial", "size=64k"):
            return ""
    except (OSError, subprocess.CalledProcessError) as error:
        return f"this system lets nobody mount a small disk: {error}"


def _system(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True)
