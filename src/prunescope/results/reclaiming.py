"""How is way made for what was finished, is damaged, and is made again?

Nothing that is whole is lost by that: artifacts inside a damaged one stay where they are. What is
damaged is kept under `outdated`.
"""

from collections.abc import Iterator
from pathlib import Path

from prunescope.base.folders import remove
from prunescope.results.artifacts import Artifact, Slot, linked
from prunescope.results.layout import MANIFESTS, OUTDATED, part_named
from prunescope.results.manifest import read_manifest
from prunescope.results.places import check_folders

_DAMAGED = "damaged"  # stands for a lost key


def put_away(root: Path, path: Path) -> None:
    """Move what is damaged in a run to `outdated/damaged`, so that it is made again.

    Raises StoreError where something else stands in the place of `outdated`.
    """
    name = path.relative_to(root).as_posix().replace("/", "+")
    _move(path, root / OUTDATED / _DAMAGED / name, root)


def reclaim(root: Path, artifact: Artifact) -> None:
    """Set aside the files at the path of an artifact without a readable manifest.

    Those stay that belong to artifacts inside it, and those of a part, which the new ones replace.
    Raises StoreError as `put_away` does.
    """
    slot = artifact.at(root)
    if slot.part:
        put_away(root, slot.manifest)
        return
    former = root / OUTDATED / artifact.under(_DAMAGED).flat_name
    inner = set() if slot.folder.is_symlink() else set(_inner_files(slot.folder))
    if not inner:
        _move(slot.folder, former, root)
        return
    for file in sorted(slot.folder.rglob("*")):
        if file not in inner and (file.is_symlink() or not file.is_dir()):
            _move(file, former / file.relative_to(slot.folder), root)


def holds_only_inner(folder: Path) -> bool:
    """Return whether a folder holds artifacts inside it, and no other file."""
    inner = set(_inner_files(folder))
    files = {path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()}
    return bool(inner) and files <= inner


def _inner_files(folder: Path) -> Iterator[Path]:
    """Yield the files of artifacts that lie in a folder, or links to them, but not of its own."""
    yield from linked(folder)
    for manifest in folder.rglob(MANIFESTS):
        part = part_named(manifest.name)
        found = read_manifest(manifest.parent, part)
        if found is not None and Slot(manifest.parent, part) != Slot(folder):
            yield manifest
            yield from (manifest.parent / name for name in found.files)


def _move(path: Path, target: Path, root: Path) -> None:
    check_folders(
        root, ()
    )  # what nobody of us put in the place of `outdated` is not ours to remove
    for parent in reversed(target.parents):
        if not parent.is_dir():  # something else may stand in its place
            remove(parent)
            break
    remove(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    path.rename(target)
