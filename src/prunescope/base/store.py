"""What has a run already made, can it be trusted, and who may write to it?

A run folder holds *artifacts*: folders at readable paths, each published whole by one rename and
described by the `manifest.json` in it: the key it was made for, and the checksum of every file.
The key is the hash of all that determines the content, so an artifact is done exactly if the one
at its path carries its key. One that carries another key was made under other settings: it is set
aside under `outdated/`, and comes back when its settings do.
"""

import json
import os
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from prunescope.base.errors import ConfigError, RunBusyError, StoreError
from prunescope.base.files import canonical_json, hash_file, sync_folder, write_atomically

MANIFEST = "manifest.json"
STUDY = "study.yaml"
_WORK = ".work"
_OUTDATED = "outdated"
_LOCK = ".lock"


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """One thing a study makes: where it lies in the run folder, and what it was made from.

    path: relative to the run folder. key: hash of everything that determines the content.
    derived: cheap to make again from other artifacts, so an outdated one is not kept.
    """

    path: str
    key: str
    derived: bool = False


class Store:
    """The artifacts of one run folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def create(self) -> None:
        """Make the run folder. Raises ConfigError where something else lies there already."""
        if self.root.is_file():
            raise ConfigError(f"{self.root} is a file, not a run folder: give another --out")
        if self.root.is_dir() and not self.is_run() and any(self.root.iterdir()):
            raise ConfigError(
                f"{self.root} is neither empty nor a run folder (it has no {STUDY}): "
                f"give another --out, or empty it"
            )
        self.root.mkdir(parents=True, exist_ok=True)

    def is_run(self) -> bool:
        """Say whether a study was begun here."""
        return (self.root / STUDY).is_file() or (self.root / _LOCK).is_file()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Be the only writer. Raises RunBusyError naming the process that is. Ends with it, too."""
        import fcntl

        with (self.root / _LOCK).open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise RunBusyError(f"{self.root} is being written by {self.holder()}") from None
            lock.truncate(0)
            started = time.strftime("%Y-%m-%d %H:%M:%S")
            lock.write(f"process {os.getpid()} on {socket.gethostname()}, since {started}")
            lock.flush()
            try:
                yield
            finally:
                lock.truncate(0)

    def holder(self) -> str:
        """Return who writes to this run at the moment; empty if nobody does."""
        import fcntl

        path = self.root / _LOCK
        if not path.is_file():
            return ""
        with path.open() as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return lock.read() or "another process"
        return ""

    def has(self, artifact: Artifact) -> bool:
        """Say whether the artifact is finished, by its manifest alone."""
        return _key_at(self.root / artifact.path) == artifact.key

    def folder(self, artifact: Artifact) -> Path:
        """Return the folder of a finished artifact after checking every file in it.

        Raises StoreError where a file is missing or differs from its checksum.
        """
        folder = self.root / artifact.path
        if not self.has(artifact):
            raise StoreError(f"{folder} is not there in the form this study needs: run it again")
        for name, digest in read_manifest(folder)["files"].items():
            file = folder / name
            if not file.is_file() or hash_file(file) != digest:
                raise StoreError(
                    f"{file} is missing or damaged (its checksum is not the recorded one): "
                    f"remove {folder} and run the study again to make it anew"
                )
        return folder

    def workplace(self, artifact: Artifact) -> Path:
        """Return the folder in which an unfinished artifact's checkpoints survive a crash."""
        folder = self.root / _WORK / artifact.key
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @contextmanager
    def making(self, artifact: Artifact, *, kind: str) -> Iterator[Path]:
        """Give an empty folder to fill; when the block ends well, it becomes the artifact."""
        folder = self.workplace(artifact) / "new"
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir()
        yield folder
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        digests = {path.relative_to(folder).as_posix(): hash_file(path) for path in files}
        manifest = {"key": artifact.key, "kind": kind, "files": digests}
        write_atomically(folder / MANIFEST, canonical_json(manifest).encode() + b"\n")
        _sync_tree(folder)
        self._set_aside(artifact)
        target = self.root / artifact.path
        target.parent.mkdir(parents=True, exist_ok=True)
        folder.rename(target)
        sync_folder(target.parent)
        shutil.rmtree(self.workplace(artifact))

    def discard(self, artifact: Artifact) -> None:
        """Remove an artifact, finished or not, so that it is made again."""
        shutil.rmtree(self.root / artifact.path, ignore_errors=True)

    def tidy(self, artifacts: list[Artifact]) -> None:
        """Set aside what lies at the artifacts' paths under another key; bring back what fits.

        Also removes work left over from artifacts that are not in the list.
        """
        for artifact in artifacts:
            self._set_aside(artifact)
            former = self.root / _OUTDATED / artifact.key
            if former.is_dir() and not self.has(artifact):
                (self.root / artifact.path).parent.mkdir(parents=True, exist_ok=True)
                former.rename(self.root / artifact.path)
        wanted = {artifact.key for artifact in artifacts if not self.has(artifact)}
        for folder in (self.root / _WORK).glob("*"):
            if folder.name not in wanted:
                shutil.rmtree(folder)

    def outdated(self, artifacts: list[Artifact]) -> list[str]:
        """Return the paths of finished artifacts that are not in the list, sorted."""
        wanted = {(artifact.path, artifact.key) for artifact in artifacts}
        found = []
        for manifest in self.root.rglob(MANIFEST):
            path = manifest.parent.relative_to(self.root)
            if path.parts[0] == _WORK or (path.as_posix(), _key_at(manifest.parent)) in wanted:
                continue
            found.append(path.as_posix())
        return sorted(found)

    def _set_aside(self, artifact: Artifact) -> None:
        folder = self.root / artifact.path
        key = _key_at(folder)
        if key == artifact.key or not folder.exists():
            return
        target = self.root / _OUTDATED / (key or "unknown")
        if artifact.derived or key is None or target.exists():
            shutil.rmtree(folder)
        else:
            target.parent.mkdir(exist_ok=True)
            folder.rename(target)


def read_manifest(folder: Path) -> dict[str, dict[str, str]]:
    """Read what an artifact says of itself. Raises StoreError where it cannot be read."""
    try:
        manifest: dict[str, dict[str, str]] = json.loads((folder / MANIFEST).read_text())
    except (OSError, json.JSONDecodeError) as error:
        raise StoreError(f"{folder / MANIFEST} cannot be read: {error}") from None
    return manifest


def _key_at(folder: Path) -> str | None:
    if not (folder / MANIFEST).is_file():
        return None
    return str(read_manifest(folder)["key"])


def _sync_tree(folder: Path) -> None:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            handle = os.open(path, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
        else:
            sync_folder(path)
    sync_folder(folder)
