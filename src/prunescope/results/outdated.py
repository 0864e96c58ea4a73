"""What lies finished in a run folder that its study has no use for?"""

import os
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from prunescope.results.artifacts import Artifact, Slot
from prunescope.results.layout import WORK, is_manifest, part_named


def find_outdated(
    root: Path, artifacts: Sequence[Artifact], whole: Collection[Artifact] = frozenset()
) -> list[str]:
    """Return what is finished and not in the list, sorted: paths, and parts with their names.

    Artifacts inside an outdated one are left out, as are former versions of derived ones, which
    the next run replaces.
    whole: those of the list that are known to be at their path.
    """
    wanted = {(artifact.path, artifact.part, artifact.key) for artifact in artifacts}
    known = {(artifact.path, artifact.part) for artifact in whole}
    derived = {artifact.path for artifact in artifacts if artifact.derived}
    parts_at: dict[Path, set[str]] = {}
    for name, part in _manifests(root):
        if name in derived or (name, part) in known:
            continue
        key = Slot(root / name, part).key
        if key is not None and (name, part, key) not in wanted:
            parts_at.setdefault(Path(name), set()).add(part)
    folders = {path for path, parts in parts_at.items() if "" in parts}
    return sorted(
        f"{path.as_posix()} ({part})" if part and path not in folders else path.as_posix()
        for path, parts in parts_at.items()
        for part in ({""} if path in folders else parts)
        if folders.isdisjoint(path.parents)
    )


def _manifests(root: Path) -> Iterator[tuple[str, str]]:
    """Yield the path, relative to the run's, and the part of every manifest outside of work."""
    waiting = [""]
    while waiting:
        path = waiting.pop()
        for entry in _entries(f"{root}/{path}"):
            name = entry.name
            if entry.is_dir(follow_symlinks=False):
                if path or name != WORK:
                    waiting.append(f"{path}/{name}" if path else name)
            elif is_manifest(name):
                yield path or ".", part_named(name)


def _entries(folder: str) -> list["os.DirEntry[str]"]:
    """Return what lies in a folder; nothing where it is gone, or may not be read."""
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []
