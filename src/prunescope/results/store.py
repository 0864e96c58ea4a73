"""What has a run already made, can it be trusted, and who may write to it?

A run folder holds *artifacts*: folders at readable paths, each published whole by one rename and
described by its `manifest.json`: the key it was made for, size and checksum of every file. What
another stage adds to such a folder is an artifact too, a *part* of it: its files, and last a
separate manifest (`manifest-evaluation.json`), without which the files are ignored.
The key is the hash of all that determines the content, so an artifact is done if and only if the
one at its path has its key. One with another key was made under other settings: it is set aside
under `outdated/` with all artifacts inside it, and brought back when its settings return.
"""

import errno
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path, PurePosixPath

from prunescope.base.errors import ConfigError, StoreError
from prunescope.base.files import hash_once, process_mark
from prunescope.base.folders import discard, remove, sync_tree
from prunescope.base.lock import blaming, check_free, check_held, holder, only_writer
from prunescope.results.artifacts import Artifact, Slot, move_inner
from prunescope.results.layout import (
    LOCK,
    OUTDATED,
    PROVENANCE,
    STUDY,
    WORK,
    is_of_a_study,
)
from prunescope.results.manifest import (
    changes_in,
    damaged,
    flaws_in,
    read_manifest,
    replaced_in,
    write_manifest,
)
from prunescope.results.places import check_files, check_folders
from prunescope.results.reclaiming import holds_only_inner, put_away, reclaim

_ATTEMPTS = 10
_IN_EACH_OTHERS_WAY = {errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT}  # two processes, one place
_OURS = re.compile(r"trash.*|.+\.\w{16}(\.\d+-[0-9a-f]+)?")
"""What we put into the folder of work, which may be a link to a folder with more."""
_TORN = ".*.[0-9]*.tmp"  # left by a process killed in `write_atomically`


class Store:
    """The artifacts of one run folder.

    lease: the token of the lock that the process which runs the study holds, once it does.
    """

    def __init__(self, root: Path, lease: str = "") -> None:
        self.root = root
        self.lease = lease

    def check_place(self) -> None:
        """Raise ConfigError where the path holds something that is no run.

        Raises StoreError where something else stands in the place of a file of the run.
        """
        check_files(self.root)
        if self.root.exists() and not self.root.is_dir():
            raise ConfigError(f"{self.root} is a file, not a run folder: give another --out")
        if self.root.is_dir() and not self.is_begun() and not self._is_empty():
            raise ConfigError(
                f"{self.root} is neither empty nor a run folder: give another --out, or empty it"
            )

    def create(self) -> None:
        """Make the run folder. Raises ConfigError as `check_place` does."""
        self.check_place()
        try:
            self.root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            text = f"{self.root} cannot be made ({error.strerror}): give another --out"
            raise ConfigError(text) from None

    def is_begun(self) -> bool:
        """Return whether a study was begun here; a study.yaml alone is not enough."""
        if not (self.root / STUDY).is_file():
            return has_lost_study(self.root)
        return (self.root / LOCK).is_file() or (self.root / PROVENANCE).is_file()

    @contextmanager
    def writing(self, say: Callable[[str], None] = lambda _: None) -> Iterator[None]:
        """Lock the run as its only writer.

        say: is told what was found of a former one. Raises RunBusyError naming the process that
        writes, or that has taken over while the block went on.
        """
        with only_writer(self.root / LOCK, say=say) as lease:
            self.lease = lease
            try:
                with self.blaming():
                    yield
            finally:
                self.lease = ""

    def check_lease(self) -> None:
        """Raise RunBusyError where another process has taken over since this run was locked."""
        if self.lease:
            check_held(self.root / LOCK, self.lease)

    @contextmanager
    def blaming(self) -> Iterator[None]:
        """Raise what `check_lease` does in place of an error that another process caused."""
        with blaming(self.root / LOCK, self.lease) if self.lease else nullcontext():
            yield

    def check_free(self) -> None:
        """Raise RunBusyError if a process is writing here; write nothing."""
        check_free(self.root / LOCK)

    def holder(self) -> str:
        """Return which process is writing to this run; empty if none is."""
        return holder(self.root / LOCK)

    def has(self, artifact: Artifact) -> bool:
        """Return whether the artifact is finished, with every file present and of the right size.

        Checksums are compared when it is opened, see `folder`.
        """
        slot = artifact.at(self.root)
        manifest = read_manifest(slot.folder, slot.part)
        return (
            manifest is not None
            and manifest.key == artifact.key
            and not flaws_in(slot.folder, manifest)
        )

    def is_stale(self, artifact: Artifact) -> bool:
        """Return whether something of another key is at its path, and it is not set aside."""
        key = artifact.at(self.root).key
        return key not in (None, artifact.key) and self._aside(artifact).key != artifact.key

    def loss(self, artifact: Artifact) -> str:
        """Return in what way an artifact is lost; empty if it, or another, is at its path.

        Empty also if it was set aside under its key.
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

        Empty if it is whole, or was never finished under its key.
        """
        slot = artifact.at(self.root)
        if slot.key != artifact.key:
            return []
        return [f"{artifact.path}/{flaw}" for flaw in slot.flaws]

    def changes(self, artifact: Artifact) -> list[Path]:
        """Return the files of a finished artifact whose content is no longer as written.

        Also where something else stands in the place of a file.
        """
        slot = artifact.at(self.root)
        names = (*changes_in(slot.folder, slot.part), *replaced_in(slot.folder, slot.part))
        return [slot.folder / name for name in names]

    def folder(self, artifact: Artifact) -> Path:
        """Return the folder of a finished artifact after checking every file of it.

        Raises StoreError where it is missing, DamagedArtifact where a file of it is not as written.
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
                raise damaged(file)
        return folder

    def workplace(self, artifact: Artifact) -> Path:
        """Make the folder of an unfinished artifact's checkpoints, which survive a crash."""
        folder = self.place_of_work(artifact)
        if not folder.is_dir():
            remove(folder)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def place_of_work(self, artifact: Artifact) -> Path:
        """Return the path of that folder, which may not exist."""
        return self.root / WORK / artifact.flat_name

    @contextmanager
    def making(self, artifact: Artifact, *, kind: str, again: bool = False) -> Iterator[Path]:
        """Yield an empty folder to fill; when the block succeeds, its files become the artifact.

        When it fails, only the checkpoints in its workplace remain. again: also where the artifact
        is finished; otherwise one that another process has finished in the meantime stays.
        Raises RunBusyError where another process has taken over the run.
        """
        workplace = self.workplace(artifact)
        folder = workplace.with_name(f"{workplace.name}.{process_mark()}")
        discard(folder)
        folder.mkdir()
        try:
            yield folder
            write_manifest(folder, key=artifact.key, kind=kind, part=artifact.part)
            sync_tree(folder)
            self._publish(folder, artifact, again)
        finally:
            discard(folder)
        discard(workplace)

    def is_half_there(self, artifact: Artifact) -> bool:
        """Return whether its folder lacks a manifest, and holds nothing but what a study makes."""
        slot = artifact.at(self.root)
        if artifact.part or artifact.derived or slot.key is not None:
            return False
        folder = slot.folder
        if not folder.is_dir() or holds_only_inner(folder):
            return False
        return all(is_of_a_study(path) for path in folder.iterdir())

    def reclaim(self, artifact: Artifact) -> None:
        """Make way for an artifact that was finished but lost its manifest; the caller knows so.

        Artifacts inside it stay, as do files of a part, to be replaced by the new ones.
        """
        slot = artifact.at(self.root)
        if slot.is_taken() and slot.key is None:
            reclaim(self.root, artifact)

    def tidy(self, artifacts: list[Artifact]) -> None:
        """Set aside what is at the artifacts' paths under another key; bring back what fits.

        Derived artifacts stay until they are made anew. Also removes leftovers of killed processes,
        except checkpoints of unfinished artifacts.
        artifacts: one that is inside another comes after it.
        Raises StoreError where something that no study made is in the way.
        """
        self.check_lease()
        check_folders(self.root, [artifact.path for artifact in artifacts])
        for artifact in artifacts:
            if not artifact.derived:
                self._set_aside(artifact)
        lost = _Lost()
        for artifact in artifacts:
            if self.has(artifact):
                continue
            if lost.holds(artifact) or not self._bring_back(artifact):
                lost.add(artifact)
        wanted = lost.names
        for folder in (self.root / WORK).glob("*"):
            if folder.name not in wanted and _OURS.fullmatch(folder.name):
                discard(folder)
        for file in self.root.glob(_TORN):
            file.unlink(missing_ok=True)

    def _is_empty(self) -> bool:
        """Return whether there is nothing but leftovers of a run killed at its start."""
        return all(path.name == LOCK or path.match(_TORN) for path in self.root.iterdir())

    def _publish(self, folder: Path, artifact: Artifact, again: bool) -> None:
        """Move a finished folder to its place, also while another process does the same."""
        for attempt in range(1, _ATTEMPTS + 1):
            self.check_lease()
            if not again and self.has(artifact):
                move_inner(folder, artifact.at(self.root).folder)
                return
            try:
                self._install(folder, artifact)
                return
            except OSError as error:
                if error.errno not in _IN_EACH_OTHERS_WAY or attempt == _ATTEMPTS:
                    raise

    def _install(self, folder: Path, artifact: Artifact) -> None:
        slot = artifact.at(self.root)
        if artifact.derived:
            slot.remove(self._trash)
        else:
            self._set_aside(artifact)
        if not artifact.part:
            self._replace_damaged(folder, slot.folder)
        Slot(folder, artifact.part).move(slot)

    def _replace_damaged(self, folder: Path, damaged: Path) -> None:
        """Make way for an artifact made again; artifacts inside the old one move to the new one."""
        if damaged.exists():
            move_inner(damaged, folder)
            Slot(damaged).remove(self._trash)

    def _set_aside(self, artifact: Artifact) -> None:
        slot = artifact.at(self.root)
        key = slot.key
        if key == artifact.key or not slot.is_taken():
            return
        if key is None and not artifact.part and holds_only_inner(slot.folder):
            return  # artifacts inside one that is made again
        if key is None and not artifact.part:
            raise StoreError(
                f"{slot.folder} is in the way: it is no finished part of a study (it has no "
                f"readable {slot.manifest.name}); move it elsewhere and run the study again"
            )
        if key is None:  # a damaged manifest
            put_away(self.root, slot.manifest)
            return
        former = self._aside(artifact.under(key))
        former.remove(self._trash)
        slot.move(former)

    def _bring_back(self, artifact: Artifact) -> bool:
        former = self._aside(artifact)
        fits = former.key == artifact.key
        if fits:
            self._set_aside(artifact)  # it may have come back inside another
            former.move(artifact.at(self.root))
            discard(former.folder)
        return fits

    def _aside(self, artifact: Artifact) -> Slot:
        return Slot(self.root / OUTDATED / artifact.flat_name, artifact.part)

    @property
    def _trash(self) -> Path:
        return self.root / WORK / f"trash.{process_mark()}"


class _Lost:
    """Artifacts that are missing, of which there may be ten thousand."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self._folders: set[str] = set()
        self._whole: set[str] = set()

    def add(self, artifact: Artifact) -> None:
        self.names.add(artifact.flat_name)
        self._folders.add(artifact.path)
        if not artifact.part:
            self._whole.add(artifact.path)

    def holds(self, artifact: Artifact) -> bool:
        """Return whether an artifact's files lie in the folder of one of them."""
        if artifact.part and artifact.path in self._whole:
            return True
        return not self._folders.isdisjoint(map(str, PurePosixPath(artifact.path).parents))


def require_study(root: Path) -> None:
    """Raise ConfigError where a folder is no run, or its study.yaml is lost."""
    if has_lost_study(root):
        raise ConfigError(
            f"{root} has lost its {STUDY}: run its recipe again with --out {root}, which writes it"
        )
    if not os.path.lexists(root / STUDY):
        raise ConfigError(f"{root} is not a run folder: it has no {STUDY}")


def has_lost_study(root: Path) -> bool:
    """Return whether a folder is a run that lost its study.yaml."""
    kept = (root / PROVENANCE).is_file() and (root / LOCK).is_file()
    return kept and not os.path.lexists(root / STUDY)
