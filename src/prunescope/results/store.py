"""What has a run already made, can it be trusted, and who may write to it?

A run folder holds *artifacts*: folders at readable paths, each published whole by one rename and
described by the `manifest.json` in it: the key it was made for, size and checksum of every file.
What another stage adds to such a folder is an artifact too, a part of it: its files, and then
their own manifest (`manifest-evaluation.json`), without which they count for nothing.
The key is the hash of all that determines the content, so an artifact is done exactly if the one
at its path carries its key. One that carries another key was made under other settings: it is set
aside under `outdated/` with all artifacts inside it, and comes back when its settings do.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from operator import attrgetter
from pathlib import Path

from prunescope.base.errors import ConfigError, StoreError
from prunescope.base.files import hash_once
from prunescope.base.folders import sync_tree
from prunescope.base.lock import check_free, holder, only_writer
from prunescope.results.artifacts import Artifact, Slot
from prunescope.results.layout import (
    LOCK,
    MANIFESTS,
    OUTDATED,
    PROVENANCE,
    STUDY,
    WORK,
    part_named,
)
from prunescope.results.manifest import damaged, key_at, read_manifest, write_manifest

_DAMAGED = "damaged"  # stands for the key of what lost its own
_TORN = ".*.[0-9]*.tmp"  # what a process killed in `write_atomically` leaves


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
        """Return whether the artifact is finished and no file of it missing or of another size.

        What its files hold is compared when it is opened, see `folder`.
        """
        slot = artifact.at(self.root)
        return slot.key == artifact.key and not slot.flaws

    def loss(self, artifact: Artifact) -> str:
        """Return how an artifact is gone from its path; empty where it, or another, is there.

        Empty also where it is kept aside under its key.
        """
        slot = artifact.at(self.root)
        if slot.key is not None or self._aside(artifact).is_taken():
            return ""
        if not os.path.lexists(slot.folder):
            return "is missing"
        damaged = os.path.lexists(slot.manifest)
        return f"has a damaged {slot.manifest.name}" if damaged else f"has no {slot.manifest.name}"

    def flaws(self, artifact: Artifact) -> list[str]:
        """Return the files of a finished artifact that are missing or of another size, and how.

        Empty where it is whole, and where it was never finished under its key.
        """
        slot = artifact.at(self.root)
        if slot.key != artifact.key:
            return []
        return [f"{artifact.path}/{flaw}" for flaw in slot.flaws]

    def folder(self, artifact: Artifact) -> Path:
        """Return the folder of a finished artifact after checking every file of it.

        Raises StoreError where it is not there, DamagedArtifact where a file is missing or differs
        from its checksum.
        """
        folder = self.root / artifact.path
        manifest = read_manifest(folder, artifact.part)
        if manifest is None or manifest.key != artifact.key:
            raise StoreError(
                f"{self.root / artifact.title} is not there in the form this study needs: "
                "run it again"
            )
        for name, digest in manifest.files.items():
            file = folder / name
            if not file.is_file() or hash_once(file) != digest:
                raise damaged(file, folder)
        return folder

    def workplace(self, artifact: Artifact) -> Path:
        """Return the folder in which an unfinished artifact's checkpoints survive a crash, made."""
        folder = self.place_of_work(artifact)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def place_of_work(self, artifact: Artifact) -> Path:
        """Return where that folder is, or would be."""
        return self.root / WORK / artifact.flat_name

    @contextmanager
    def making(self, artifact: Artifact, *, kind: str) -> Iterator[Path]:
        """Give an empty folder to fill; when the block ends well, its files become the artifact.

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
        Of a part, whose files another folder holds, the new files will replace the old.
        """
        slot = artifact.at(self.root)
        if slot.is_taken() and slot.key is None:
            former = Slot(self.root / OUTDATED / replace(artifact, key=_DAMAGED).flat_name)
            former.remove(self._trash)
            slot.remove(self._trash) if slot.part else slot.move(former)

    def discard(self, artifact: Artifact) -> None:
        """Remove an artifact, if it is there, so that it is made again."""
        artifact.at(self.root).remove(self._trash)

    def tidy(self, artifacts: list[Artifact]) -> None:
        """Set aside what lies at the artifacts' paths under another key; bring back what fits.

        What is derived stays where it is until it is made anew. Also removes what killed processes
        left over, but for checkpoints of unfinished artifacts.
        artifacts: one that lies inside another comes after it.
        Raises StoreError where something that no study made is in the way.
        """
        for artifact in artifacts:
            if not artifact.derived:
                self._set_aside(artifact)
        missing: list[Artifact] = []
        for artifact in artifacts:
            homeless = any(_lies_in(artifact, other) for other in missing)
            if not self.has(artifact) and (homeless or not self._bring_back(artifact)):
                missing.append(artifact)
        wanted = {artifact.flat_name for artifact in missing}
        for folder in (self.root / WORK).glob("*"):
            if folder.name not in wanted:
                shutil.rmtree(folder)
        for file in self.root.glob(_TORN):
            file.unlink()

    def outdated(self, artifacts: list[Artifact]) -> list[str]:
        """Return what is finished and not in the list, sorted: paths, and parts with their names.

        An artifact inside an outdated one goes without saying, and so does an earlier form of what
        is derived, which the next run replaces.
        """
        wanted = {(artifact.path, artifact.part, artifact.key) for artifact in artifacts}
        derived = {artifact.path for artifact in artifacts if artifact.derived}
        found: dict[Path, set[str]] = {}
        for manifest in self.root.rglob(MANIFESTS):
            part, path = part_named(manifest.name), manifest.parent.relative_to(self.root)
            key, name = key_at(manifest.parent, part), path.as_posix()
            if path.parts[:1] == (WORK,) or name in derived or key is None:
                continue
            if (name, part, key) not in wanted:
                found.setdefault(path, set()).add(part)
        whole = {path for path, parts in found.items() if "" in parts}
        return sorted(
            f"{path.as_posix()} ({part})" if part and path not in whole else path.as_posix()
            for path, parts in found.items()
            for part in ({""} if path in whole else parts)
            if whole.isdisjoint(path.parents)
        )

    def _is_empty(self) -> bool:
        """Return whether there is nothing but what a run killed at its very beginning leaves."""
        return all(path.name == LOCK or path.match(_TORN) for path in self.root.iterdir())

    def _publish(self, folder: Path, artifact: Artifact, kind: str) -> None:
        write_manifest(folder, key=artifact.key, kind=kind, part=artifact.part)
        sync_tree(folder)
        slot = artifact.at(self.root)
        if artifact.derived:
            slot.remove(self._trash)
        else:
            self._set_aside(artifact)
        if not artifact.part:
            self._replace_damaged(folder, slot.folder)
        Slot(folder, artifact.part).move(slot)

    def _replace_damaged(self, folder: Path, damaged: Path) -> None:
        """Clear the way for an artifact made again; what was finished inside it moves with it."""
        if not damaged.exists():
            return
        found = (Slot(path.parent, part_named(path.name)) for path in damaged.rglob(MANIFESTS))
        for inner in sorted(found, key=attrgetter("folder", "part")):  # a folder before its parts
            new = Slot(folder / inner.folder.relative_to(damaged), inner.part)
            went_along = not inner.manifest.exists()
            if inner != Slot(damaged) and not went_along and not new.is_taken():
                inner.move(new)
        Slot(damaged).remove(self._trash)

    def _set_aside(self, artifact: Artifact) -> None:
        slot = artifact.at(self.root)
        key = slot.key
        if key == artifact.key or not slot.is_taken():
            return
        if key is None and not artifact.part:
            raise StoreError(
                f"{slot.folder} is in the way: it is no finished part of a study (it has no "
                f"readable {slot.manifest.name}); move it elsewhere and run the study again"
            )
        if key is None:  # a damaged manifest, which vouches for nothing
            slot.manifest.unlink()
            return
        former = self._aside(replace(artifact, key=key))
        former.remove(self._trash)
        slot.move(former)

    def _bring_back(self, artifact: Artifact) -> bool:
        former = self._aside(artifact)
        fits = former.key == artifact.key
        if fits:
            self._set_aside(artifact)  # it may have come back inside another
            former.move(artifact.at(self.root))
            shutil.rmtree(former.folder, ignore_errors=True)
        return fits

    def _aside(self, artifact: Artifact) -> Slot:
        return Slot(self.root / OUTDATED / artifact.flat_name, artifact.part)

    @property
    def _trash(self) -> Path:
        return self.root / WORK / "trash"


def _lies_in(artifact: Artifact, other: Artifact) -> bool:
    """Return whether an artifact's files lie in the folder of another."""
    is_part = artifact.path == other.path and artifact.part != "" and other.part == ""
    return is_part or artifact.path.startswith(f"{other.path}/")


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
