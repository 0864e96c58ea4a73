"""What is an artifact of a study, and how is it moved, copied and removed?"""

import os
import shutil
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path

from prunescope.base.files import sync
from prunescope.base.folders import discard, move, remove
from prunescope.results.layout import MANIFESTS, manifest_name, part_named
from prunescope.results.manifest import flaws_of, read_manifest


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """Something a study makes: its path in the run folder, and the key of what it was made from.

    path: of its folder, relative to the run's; it may be inside another artifact.
    part: its name if its files are in the folder of another artifact, with a separate manifest;
        empty if it has a folder of its own.
    key: hash of everything that determines the content.
    derived: made from other artifacts within seconds; an outdated one is not set aside, but stays
        where it is until the new one replaces it.
    """

    path: str
    key: str
    part: str = ""
    derived: bool = False

    @property
    def title(self) -> str:
        """Its name in messages."""
        return f"{self.path} ({self.part})" if self.part else self.path

    @property
    def flat_name(self) -> str:
        """A readable name, unique among all artifacts in one folder."""
        part = f"+{self.part}" if self.part else ""
        return f"{self.path.replace('/', '+')}{part}.{self.key[:16]}"

    def under(self, key: str) -> "Artifact":
        """Return what is made at the same place under a key."""
        return Artifact(path=self.path, key=key, part=self.part, derived=self.derived)

    def at(self, root: Path) -> "Slot":
        """Return its slot in a run folder."""
        return Slot(root / self.path, self.part)


@dataclass(frozen=True)
class Slot:
    """A folder, or a part of a folder's files, that may hold an artifact."""

    folder: Path
    part: str = ""

    @property
    def manifest(self) -> Path:
        """The path of its manifest, which may be missing."""
        return self.folder / manifest_name(self.part)

    @property
    def key(self) -> str | None:
        """Key of what is finished here; None if nothing is, or its manifest is damaged."""
        manifest = read_manifest(self.folder, self.part)
        return manifest.key if manifest else None

    @property
    def flaws(self) -> list[str]:
        """The files finished here that are missing, damaged or of another size, and how."""
        return flaws_of(self.folder, self.part)

    def is_taken(self) -> bool:
        """Return whether anything is here, finished or not."""
        return os.path.lexists(self.manifest if self.part else self.folder)

    def move(self, target: "Slot") -> None:
        """Move everything that is here.

        A folder moves at once. The files of a part go one by one and their manifest last, so that
        after a crash the same call completes the move.
        """
        if not self.part:
            move(self.folder, target.folder)
            return
        manifest = read_manifest(self.folder, self.part)
        for name in manifest.files if manifest else ():
            if os.path.lexists(self.folder / name):
                (target.folder / name).parent.mkdir(parents=True, exist_ok=True)
                _replace(self.folder / name, target.folder / name)
        target.folder.mkdir(parents=True, exist_ok=True)
        sync(target.folder)
        _replace(self.manifest, target.manifest)
        for folder in (target.folder, self.folder):
            sync(folder)

    def copy(self, target: "Slot") -> None:
        """Copy the files that the manifest names, and last the manifest."""
        manifest = read_manifest(self.folder, self.part)
        names = [*(manifest.files if manifest else ()), self.manifest.name]
        for name in names:
            (target.folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self.folder / name, target.folder / name)

    def remove(self, trash: Path) -> None:
        """Remove what is here; a crash leaves it either whole or, to any reader, gone.

        trash: a path on the same disk, to which a folder is moved while its files are removed.
        """
        if not self.is_taken():
            return
        if self.part:
            manifest = read_manifest(self.folder, self.part)
            self.manifest.unlink(missing_ok=True)
            for name in manifest.files if manifest else ():
                remove(self.folder / name)
            return
        discard(trash)
        move(self.folder, trash)
        discard(trash)


def linked(folder: Path) -> list[Path]:
    """Return the links in a folder that lead to artifacts elsewhere, as on a larger disk."""
    return [
        link
        for parent, folders, _ in os.walk(folder)
        for link in (Path(parent, name) for name in sorted(folders))
        if link.is_symlink() and any(link.resolve().rglob(MANIFESTS))
    ]


def move_inner(source: Path, target: Path) -> None:
    """Move the artifacts inside a folder that are not inside another one already.

    Of those that a link leads to the link moves.
    """
    for link in linked(source):
        new = target / link.relative_to(source)
        if not os.path.lexists(new):
            new.parent.mkdir(parents=True, exist_ok=True)
            new.symlink_to(link.resolve())
            link.unlink()
            sync(new.parent)
    found = (Slot(path.parent, part_named(path.name)) for path in source.rglob(MANIFESTS))
    for inner in sorted(found, key=attrgetter("folder", "part")):  # a folder before its parts
        new = Slot(target / inner.folder.relative_to(source), inner.part)
        went_along = not inner.manifest.exists()
        if inner != Slot(source) and not went_along and not new.is_taken():
            inner.move(new)


def _replace(file: Path, target: Path) -> None:
    """Rename a file, also where a folder has taken the place of the former one."""
    if target.is_dir() and not target.is_symlink():
        remove(target)
    file.replace(target)
