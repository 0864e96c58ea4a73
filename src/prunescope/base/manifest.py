"""What does a finished folder say of itself, and is all of it still there?"""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from prunescope.base.errors import StoreError

MANIFEST = "manifest.json"


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """sizes: in bytes; empty in one of an earlier version, whose files need only be there."""

    key: str
    files: dict[str, str]
    sizes: dict[str, int]


def read_manifest(folder: Path) -> Manifest | None:
    """Read what an artifact says of itself; None where there is none. Raises StoreError."""
    path = folder / MANIFEST
    if not path.is_file():
        return None
    try:
        values = json.loads(path.read_bytes())
        return Manifest(
            key=str(values["key"]), files=dict(values["files"]), sizes=dict(values.get("sizes", {}))
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise StoreError(
            f"{path} is damaged ({error!r}): remove {folder} and run the study again"
        ) from None


def flaws_of(folder: Path) -> list[str]:
    manifest = read_manifest(folder)
    return (
        [flaw for name in manifest.files if (flaw := _flaw(folder, name, manifest))]
        if manifest
        else []
    )


def _flaw(folder: Path, name: str, manifest: Manifest) -> str:
    file = folder / name
    if not file.is_file():
        return f"{name} is missing" if not os.path.lexists(file) else f"{name} is no file any more"
    size, recorded = file.stat().st_size, manifest.sizes.get(name)
    if recorded is not None and size != recorded:
        return f"{name} has {size:,} bytes, but had {recorded:,}"
    return ""


def key_at(folder: Path) -> str | None:
    manifest = read_manifest(folder)
    return manifest.key if manifest else None
