"""What does the manifest of a finished folder record, and are its files still as recorded?"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from prunescope.base.errors import DamagedArtifact
from prunescope.base.files import canonical_json, hash_once, write_atomically
from prunescope.results.checksums import check_against_record, is_as_written, with_checksum
from prunescope.results.layout import MANIFESTS, manifest_name

_LARGEST = 2**24  # bytes; a manifest has a few hundred
_DAMAGED = (
    OSError,
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    RecursionError,
    OverflowError,
)


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What was finished in a folder: the key it was made for, and each file's checksum.

    sizes: in bytes; empty in manifests of earlier versions, whose files need only exist.
    """

    key: str
    files: dict[str, str]
    sizes: dict[str, int]


def write_manifest(folder: Path, *, key: str, kind: str, part: str = "") -> None:
    """Record all files in a folder in its manifest, or in that of a part of it."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    digests = {path.relative_to(folder).as_posix(): hash_once(path) for path in files}
    sizes = {path.relative_to(folder).as_posix(): path.stat().st_size for path in files}
    manifest = with_checksum({"key": key, "kind": kind, "files": digests, "sizes": sizes})
    write_atomically(folder / manifest_name(part), canonical_json(manifest).encode() + b"\n")


def read_manifest(folder: Path, part: str = "") -> Manifest | None:
    """Return the manifest of a folder, or of a part of it; None if it is missing or damaged.

    part: name of a part of the folder's files; empty for the folder itself.
    """
    return _read(folder / manifest_name(part))


def flaws_of(folder: Path, part: str = "") -> list[str]:
    """Return which files of a manifest are missing, damaged or of another size, and how."""
    path = folder / manifest_name(part)
    manifest = _read(path)
    if manifest is None:
        return [f"{path.name} is damaged"] if os.path.lexists(path) else []
    return flaws_in(folder, manifest)


def flaws_in(folder: Path, manifest: Manifest) -> list[str]:
    """Return which files of a folder are not as its manifest says, and how."""
    return [flaw for name in manifest.files if (flaw := _flaw(folder, name, manifest))]


def changes_in(folder: Path, part: str = "") -> list[str]:
    """Return the files whose size is as recorded, but whose checksum is not."""
    manifest = read_manifest(folder, part)
    files = {} if manifest is None else manifest.files
    return [
        name
        for name, digest in files.items()
        if manifest and not _flaw(folder, name, manifest) and hash_once(folder / name) != digest
    ]


def replaced_in(folder: Path, part: str = "") -> list[str]:
    """Return the files in whose place something else stands, a folder or a link to nothing."""
    manifest = read_manifest(folder, part)
    names = manifest.files if manifest else ()
    return [n for n in names if os.path.lexists(folder / n) and not (folder / n).is_file()]


def stamp_of(folder: Path, part: str = "", manifest: Manifest | None = None) -> str:
    """Return a text that is another once a file of a manifest, or the manifest, was written again.

    As in git, the system's word on size, inode and times of each file decides. What a disk changes
    by itself, without that word, is found when the file is read. Empty where a file is gone.
    manifest: what it holds, if it was read already.
    """
    manifest = manifest or read_manifest(folder, part)
    names = [*(manifest.files if manifest else ()), manifest_name(part)]
    try:
        return canonical_json([[name, *_facts(f"{folder}/{name}")] for name in names])
    except OSError:
        return ""


def is_untouched(folder: str, stamp: str) -> bool:
    """Return whether no file of an artifact was written again since it had a stamp; "" is none.

    No file is read.
    """
    try:
        stated = json.loads(stamp) if stamp else []
        for name, *facts in stated:
            now = os.stat(f"{folder}/{name}")  # noqa: PTH116  # as in `_facts`, for every file
            if [now.st_size, now.st_ino, now.st_mtime_ns, now.st_ctime_ns] != facts:
                return False
        return bool(stated)
    except (OSError, ValueError, TypeError):
        return False


def _facts(path: str) -> tuple[int, int, int, int]:
    """Return the system's word on a file: size, inode, and when it was written and changed."""
    status = os.stat(path)  # noqa: PTH116  # a Path takes longer to make
    return status.st_size, status.st_ino, status.st_mtime_ns, status.st_ctime_ns


def check_recorded(file: Path) -> None:
    """Raise DataError where a file is not as it was recorded.

    In a run the manifest beside it decides (DamagedArtifact), in a saved dissection or comparison
    the record of checksums. A file with neither passes.
    """
    check_against_record(file)
    check_manifest(file)


def check_manifest(file: Path) -> None:
    """Raise DamagedArtifact where a file is not as a manifest beside it recorded it."""
    digest = recorded_in(file.parent).get(file.name)
    if digest is not None and (not file.is_file() or hash_once(file) != digest):
        raise damaged(file)


def recorded_in(folder: Path) -> dict[str, str]:
    """Return the checksums of a folder's files, by name, from all manifests in it."""
    return {
        name: digest for manifest in _manifests(folder) for name, digest in manifest.files.items()
    }


def damaged(file: Path) -> DamagedArtifact:
    """Return the error for a file that is not as the manifest of its folder recorded."""
    return DamagedArtifact(
        f"{file} is missing or damaged (its checksum is not the recorded one): "
        "remove it, if it is still there, and run the study again, which makes it anew"
    )


def _manifests(folder: Path) -> Iterator[Manifest]:
    for path in sorted(folder.glob(MANIFESTS)):
        manifest = _read(path)
        if manifest is not None:
            yield manifest


def _read(path: Path) -> Manifest | None:
    try:
        if not path.is_file() or path.stat().st_size > _LARGEST:
            return None
        values = json.loads(path.read_bytes())
        key, files, sizes = values["key"], values["files"], values.get("sizes", {})
        texts = (key, *files, *files.values(), *sizes)
        if not all(isinstance(text, str) for text in texts) or not all(map(_is_within, files)):
            return None
        if not is_as_written(values):
            return None
        return Manifest(key=key, files=files, sizes={name: int(sizes[name]) for name in sizes})
    except _DAMAGED:
        return None


def _is_within(name: str) -> bool:
    """Return whether a file's name stays within the folder."""
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts


def _flaw(folder: Path, name: str, manifest: Manifest) -> str:
    file = folder / name
    if not file.is_file():
        return f"{name} is missing" if not os.path.lexists(file) else f"{name} is no file any more"
    size, recorded = file.stat().st_size, manifest.sizes.get(name)
    if recorded is not None and size != recorded:
        return f"{name} has {size:,} bytes, but had {recorded:,}"
    return ""
