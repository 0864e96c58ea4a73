"""What does a run folder hold, byte for byte?"""

from pathlib import Path

BESIDE = {"provenance.json", ".lock"}
"""The record of when and where, and who writes: the only files that may differ."""


def contents(out: Path) -> dict[str, bytes]:
    """Return every file of a run folder by its name, but the record of when and where."""
    files = (path for path in out.rglob("*") if path.is_file())
    named = {path.relative_to(out).as_posix(): path for path in files}
    return {name: path.read_bytes() for name, path in named.items() if name not in BESIDE}
