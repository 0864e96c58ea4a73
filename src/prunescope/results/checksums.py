"""Are the files of a saved dissection or comparison those that were saved together?

A run's folders have manifests. What `dissect --out` and `compare --out` write has a record of the
checksums instead: `layers.json` beside the folders of the layers, `checksums.json` beside the
files of a comparison. Results of earlier versions have none, and are read without.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from prunescope.base.errors import DataError
from prunescope.base.files import hash_once, write_atomically
from prunescope.base.paths import is_there
from prunescope.results.forms import TEXT, Each, Object, fault_in
from prunescope.results.json_files import read_json
from prunescope.results.layout import CHECKSUMS, LAYERS

FILES = "files"  # the key of the checksums, in both


def checksums_of(folder: Path, files: Iterable[Path]) -> dict[str, str]:
    """Return the sha256 of files by their paths in a folder, sorted."""
    return {path.relative_to(folder).as_posix(): hash_once(path) for path in sorted(files)}


def record_checksums(folder: Path) -> None:
    """Write down the checksums of all files that lie in a folder, not of those further below."""
    files = [path for path in folder.iterdir() if path.is_file()]
    write_record(folder / CHECKSUMS, {FILES: checksums_of(folder, files)})


def write_record(record: Path, values: dict[str, Any]) -> None:
    """Write `layers.json` or `checksums.json`."""
    write_atomically(record, json.dumps(values, indent=1, ensure_ascii=False).encode() + b"\n")


def check_against_record(file: Path) -> None:
    """Raise DataError where a file is not the one whose checksum was recorded, or is missing.

    Where nothing was recorded of it, there is nothing to check.
    """
    folder = file.parent.resolve()
    for record, name in (
        (folder / CHECKSUMS, file.name),
        (folder.parent / LAYERS, f"{folder.name}/{file.name}"),
    ):
        digest = _recorded(record).get(name)
        if digest is not None and not is_there(file):
            raise DataError(f"{file} is missing, though {record.name} names it: {_AGAIN}")
        if digest is not None and hash_once(file) != digest:
            raise DataError(
                f"{file} is damaged, or of another result: its checksum is not the one in "
                f"{record.name}; {_AGAIN}"
            )


_AGAIN = "run again what made it, with the same --out"


def _recorded(record: Path) -> dict[str, str]:
    """Return the checksums in a record; none where there is no record, or it holds none."""
    if not is_there(record):
        return {}
    values = read_json(record)
    fault = fault_in(values, Object({FILES: Each(TEXT, may_lack=True)}))
    if fault is not None:
        raise DataError(f"{record} is damaged: {fault}")
    return values.get(FILES) or {}
