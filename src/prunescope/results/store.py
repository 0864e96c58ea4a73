"""What has a run already made, can it be trusted, and who may write to it?

A run folder holds *artifacts*: folders at readable paths, each published whole by one rename and
described by the `manifest.json` in it: the key it was made for, size and checksum of every file.
The key is the hash of all that determines the content, so an artifact is done exactly if the one
at its path carries its key. One that carries another key was made under other settings: it is set
aside under `outdated/` with all artifacts inside it, and comes back when its settings do.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from prunescope.base.errors import ConfigError, StoreError
from prunescope.base.files import canonical_json, hash_file, write_atomically
from prunescope.base.folders import move, sync_tree
from prunescope.base.lock import check_free, holder, only_writer
from prunescope.results.layout import LOCK, MANIFEST, OUTDATED, PROVENANCE, STUDY, WORK
from prunescope.results.manifest import damaged, flaws_of, key_at, read_manifest

_TORN = ".*.[0-9]*.tmp"  # what a process killed in `write_atomically` leaves


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """One thing a study makes: where it lies in the run folder, and what it was made from.

    path: relative to the run folder; it may lie inside another artifact.
    key: hash of everything that determines the content.
    derived: cheap to make again from other artifacts, so an outdated one is not kept.
    """

    path: str
    key: str
    derived: bool = False


class Store:
    """The artifacts of one run folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def check_place(self) -> None:
        """Raise ConfigError where something that is no run lies in the place of the folder."""
        if self.root.exists() and not self.root.is_dir():
            raise ConfigError(f"{self.root} is a file, not a run folder: give another --out")
        if self.root.is_dir() and not self.is_run() and not self._is_empty():
            raise ConfigError(
                f"{self.root} is neither empty nor a run folder: give another --out, or empty it"
            )

    def create(self) -> None:
        """Make the run folder. Raises ConfigError where something else lies there already."""
        self.check_place()
        try:
            self.root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(
                f"{self.root} cannot be made ({error.strerror}): give another --out"
            ) from None

    def is_run(self) -> bool:
        """Say whether a study was begun here; somebody's own study.yaml is not enough."""
        if not (self.root / STUDY).is_file():
            return has_lost_study(self.root)
        return (self.root / LOCK).is_file() or (self.root / PROVENANCE).is_file()

    def writing(self) -> AbstractContextManager[None]:
        """Be the only writer. Raises RunBusyError naming the process that is. Ends with it, too."""
        return only_writer(self.root / LOCK)

    def check_free(self) -> None:
        """Raise RunBusyError where a process writes here at the moment; write nothing."""
        check_free(self.root / LOCK)

    def holder(self) -> str:
        """Return who writes to this run at the moment; empty if nobody does."""
        return holder(self.root / LOCK)

    def has(self, artifact: Artifact) -> bool:
        """Say whether the artifact is finished and no file of it is missing or of another size.

        What its files hold is compared when it is opened, see `folder`.
        """
        folder = self.root / artifact.path
        return key_at(folder) == artifact.key and not flaws_of(folder)

    def loss(self, artifact: Artifact) -> str:
        """Return how an artifact is gone from its path; empty where it, or another, is there.

        Empty also where it is kept aside under its key.
        """
        folder = self.root / artifact.path
        if key_at(folder) is not None or self._aside(artifact.path, artifact.key).exists():
            return ""
        if not os.path.lexists(folder):
            return "is missing"
        damaged = os.path.lexists(folder / MANIFEST)
        return f"has a damaged {MANIFEST}" if damaged else f"has no {MANIFEST}"

    def flaws(self, artifact: Artifact) -> list[str]:
        """Return the files of a finished artifact that are missing or of another size, and how.

        Empty where it is whole, and where it was never finished under its key.
        """
        folder = self.root / artifact.path
        if key_at(folder) != artifact.key:
            return []
        return [f"{artifact.path}/{flaw}" for flaw in flaws_of(folder)]

    def folder(self, artifact: Artifact) -> Path:
        """Return the folder of a finished artifact after checking every file in it.

        Raises StoreError where it is not there, DamagedArtifact where a file is missing or differs
        from its checksum.
        """
        folder = self.root / artifact.path
        manifest = read_manifest(folder)
        if manifest is None or manifest.key != artifact.key:
            raise StoreError(f"{folder} is not there in the form this study needs: run it again")
        for name, digest in manifest.files.items():
            file = folder / name
            if not file.is_file() or hash_file(file) != digest:
                raise damaged(file, folder)
        return folder

    def workplace(self, artifact: Artifact) -> Path:
        """Return the folder in which an unfinished artifact's checkpoints survive a crash, made."""
        folder = self.place_of_work(artifact)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def place_of_work(self, artifact: Artifact) -> Path:
        """Return where that folder is, or would be."""
        return self.root / WORK / _flat_name(artifact.path, artifact.key)

    @contextmanager
    def making(self, artifact: Artifact, *, kind: str) -> Iterator[Path]:
        """Give an empty folder to fill; when the block ends well, it becomes the artifact.

        When it does not, nothing stays of it but the checkpoints in its workplace.
        """
        folder = self.workplace(artifact) / "new"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        try:
            yield folder
            self._publish(folder, artifact, kind)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(self.workplace(artifact))

    def reclaim(self, artifact: Artifact) -> None:
        """Set aside what lies at the path of an artifact that was finished but lost its manifest.

        It is known to have been finished from elsewhere; nothing but its folder says so any more.
        """
        folder = self.root / artifact.path
        if os.path.lexists(folder) and key_at(folder) is None:
            former = self._aside(artifact.path, "damaged")
            self._remove(former)
            move(folder, former)

    def discard(self, artifact: Artifact) -> None:
        """Remove an artifact, if it is there, so that it is made again."""
        self._remove(self.root / artifact.path)

    def tidy(self, artifacts: list[Artifact]) -> None:
        """Set aside what lies at the artifacts' paths under another key; bring back what fits.

        Also removes what killed processes left over, but for checkpoints of unfinished artifacts.
        artifacts: one that lies inside another comes after it.
        Raises StoreError where something that no study made is in the way.
        """
        results = [artifact for artifact in artifacts if artifact.derived]
        others = [artifact for artifact in artifacts if not artifact.derived]
        for artifact in (*reversed(results), *others):  # no page is left of a run in part
            self._set_aside(artifact)
        missing: list[Artifact] = []
        for artifact in artifacts:
            homeless = any(artifact.path.startswith(f"{other.path}/") for other in missing)
            if not self.has(artifact) and (homeless or not self._bring_back(artifact)):
                missing.append(artifact)
        wanted = {_flat_name(artifact.path, artifact.key) for artifact in missing}
        for folder in (self.root / WORK).glob("*"):
            if folder.name not in wanted:
                shutil.rmtree(folder)
        for file in self.root.glob(_TORN):
            file.unlink()

    def outdated(self, artifacts: list[Artifact]) -> list[str]:
        """Return the paths of finished artifacts that are not in the list, sorted.

        An artifact inside an outdated one goes without saying.
        """
        wanted = {(artifact.path, artifact.key) for artifact in artifacts}
        folders = (manifest.parent for manifest in self.root.rglob(MANIFEST))
        found = {
            path
            for folder in folders
            if (path := folder.relative_to(self.root)).parts[:1] != (WORK,)
            and (key := key_at(folder)) is not None
            and (path.as_posix(), key) not in wanted
        }
        return sorted(path.as_posix() for path in found if found.isdisjoint(path.parents))

    def _is_empty(self) -> bool:
        """Say whether there is nothing but what a run killed at its very beginning leaves."""
        return all(path.name == LOCK or path.match(_TORN) for path in self.root.iterdir())

    def _publish(self, folder: Path, artifact: Artifact, kind: str) -> None:
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        digests = {path.relative_to(folder).as_posix(): hash_file(path) for path in files}
        sizes = {path.relative_to(folder).as_posix(): path.stat().st_size for path in files}
        manifest = {"key": artifact.key, "kind": kind, "files": digests, "sizes": sizes}
        write_atomically(folder / MANIFEST, canonical_json(manifest).encode() + b"\n")
        sync_tree(folder)
        self._set_aside(artifact)
        self._replace_damaged(folder, self.root / artifact.path)
        move(folder, self.root / artifact.path)

    def _replace_damaged(self, folder: Path, damaged: Path) -> None:
        """Clear the way for an artifact made again; what was finished inside it moves with it."""
        if not damaged.exists():
            return
        for inner in sorted(damaged.rglob(MANIFEST)):
            place = folder / inner.parent.relative_to(damaged)
            if inner.parent != damaged and inner.parent.is_dir() and not place.exists():
                move(inner.parent, place)
        self._remove(damaged)

    def _set_aside(self, artifact: Artifact) -> None:
        folder = self.root / artifact.path
        key = key_at(folder)
        if key == artifact.key or not folder.exists():
            return
        if key is None:
            raise StoreError(
                f"{folder} is in the way: it is no finished part of a study (it has no readable "
                f"{MANIFEST}); move it elsewhere and run the study again"
            )
        former = self._aside(artifact.path, key)
        self._remove(folder if artifact.derived else former)
        if folder.exists():
            move(folder, former)

    def _bring_back(self, artifact: Artifact) -> bool:
        former = self._aside(artifact.path, artifact.key)
        fits = key_at(former) == artifact.key
        if fits:
            self._set_aside(artifact)  # it may have come back inside another
            move(former, self.root / artifact.path)
        return fits

    def _aside(self, path: str, key: str) -> Path:
        return self.root / OUTDATED / _flat_name(path, key)

    def _remove(self, folder: Path) -> None:
        """Remove a folder so that a crash leaves it whole or gone, never in part."""
        if folder.exists():
            trash = self.root / WORK / "trash"
            if trash.exists():  # of a process that was killed here
                shutil.rmtree(trash)
            move(folder, trash)
            shutil.rmtree(trash)


def require_study(root: Path) -> None:
    """Raise ConfigError where a folder is no run's, or its study.yaml is lost."""
    if has_lost_study(root):
        raise ConfigError(
            f"{root} has lost its {STUDY}: run its recipe again with --out {root}, which writes it"
        )
    if not os.path.lexists(root / STUDY):
        raise ConfigError(f"{root} is not a run folder: it has no {STUDY}")


def has_lost_study(root: Path) -> bool:
    """Return whether all of a run is there but its study.yaml."""
    kept = (root / PROVENANCE).is_file() and (root / LOCK).is_file()
    return kept and not os.path.lexists(root / STUDY)


def _flat_name(path: str, key: str) -> str:
    """Name an artifact among others in one folder, so that a person knows it."""
    return f"{path.replace('/', '+')}.{key[:16]}"
