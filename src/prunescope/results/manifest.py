"""What does a finished folder say of itself, and is all of it still there?"""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from prunescope.base.errors import DamagedArtifact
from prunescope.base.files import hash_file
from prunescope.results.checksums import check_against_record
from prunescope.results.layout import MANIFEST

_LARGEST = 2**24  # bytes; one has a few hundred
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
    """sizes: in bytes; empty in one of an earlier version, whose files need only be there."""

    key: str
    files: dict[str, str]
    sizes: dict[str, int]


def read_manifest(folder: Path) -> Manifest | None:
    """Return what an artifact says of itself; None where it says nothing, or it is damaged."""
    path = folder / MANIFEST
    try:
        if not path.is_file() or path.stat().st_size > _LARGEST:
            return None
        values = json.loads(path.read_bytes())
        key, files, sizes = values["key"], values["files"], values.get("sizes", {})
        texts = (key, *files, *files.values(), *sizes)
        if not all(isinstance(text, str) for text in texts):
            return None
        return Manifest(key=key, files=files, sizes={name: int(sizes[name]) for name in sizes})
    except _DAMAGED:
        return None


def flaws_of(folder: Path) -> list[str]:
    """Return what is missing, damaged or of another size of what a manifest names, and how."""
    manifest = read_manifest(folder)
    if manifest is None:
        return [f"{MANIFEST} is damaged"] if os.path.lexists(folder / MANIFEST) else []
    return [flaw for name in manifest.files if (flaw := _flaw(folder, name, manifest))]


def _flaw(folder: Path, name: str, manifest: Manifest) -> str:
    file = folder / name
    if not file.is_file():
        return f"{name} is missing" if not os.path.lexists(file) else f"{name} is no file any more"
    size, recorded = file.stat().st_size, manifest.sizes.get(name)
    if recorded is not None and size != recorded:
        return f"{name} has {size:,} bytes, but had {recorded:,}"
    return ""


def changes_in(folder: Path) -> list[str]:
    """Return the files of which a manifest recorded the size as it is, but another checksum."""
    manifest = read_manifest(folder)
    files = {} if manifest is None else manifest.files
    return [
        name
        for name, digest in files.items()
        if manifest and not _flaw(folder, name, manifest) and hash_file(folder / name) != digest
    ]


def check_recorded(file: Path) -> None:
    """Raise DataError where a file is not as it was recorded.

    Of a run's folder the manifest beside it says so (DamagedArtifact), of a saved dissection or
    comparison its record of checksums; where there is neither, there is nothing to check.
    """
    check_against_record(file)
    check_manifest(file)


def check_manifest(file: Path) -> None:
    """Raise DamagedArtifact where a file is not as the manifest beside it, if any, recorded it."""
    manifest = read_manifest(file.parent)
    digest = None if manifest is None else manifest.files.get(file.name)
    if digest is not None and (not file.is_file() or hash_file(file) != digest):
        raise damaged(file, file.parent)


def damaged(file: Path, folder: Path) -> DamagedArtifact:
    """Return the error for a file of a folder that is not as its manifest recorded."""
    return DamagedArtifact(
        f"{file} is missing or damaged (its checksum is not the recorded one): "
        f"remove {folder} and run the study again to make it anew"
    )


def key_at(folder: Path) -> str | None:
    manifest = read_manifest(folder)
    return manifest.key if manifest else None
