"""Are the files of a saved dissection or comparison those that were saved together?

A run's folders have manifests. `dissect --out` and `compare --out` write a record of checksums
instead: `layers.json` beside the folders of the layers, `checksums.json` beside the files of a
comparison. A file for other tools has `NAME.sha256` beside it, in the format of `sha256sum`.
Results of earlier versions and of other tools have none and are read unchecked.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from prunescope.base.errors import DataError
from prunescope.base.files import canonical_json, fingerprint, hash_once, write_atomically
from prunescope.base.paths import is_there, require_file
from prunescope.results.forms import TEXT, Each, read_object
from prunescope.results.layout import CHECKSUMS, LAYERS

FILES = "files"  # the key of the checksums, in both
_CHECKSUM = "checksum"


def with_checksum(values: dict[str, Any]) -> dict[str, Any]:
    """Return an object with the checksum of its other values."""
    return {**values, _CHECKSUM: fingerprint({**values, _CHECKSUM: None})}


def is_as_written(values: Mapping[str, Any]) -> bool:
    """Return whether an object matches its checksum; one without a checksum counts as matching."""
    stated = values.get(_CHECKSUM)
    try:
        return stated is None or stated == fingerprint({**values, _CHECKSUM: None})
    except (ValueError, RecursionError):  # of a number that is none
        return False


def text_with_checksum(values: Mapping[str, str]) -> bytes:
    """Return what `with_checksum` does as text, a line for each value.

    values: canonical JSON, which may have line breaks between its tokens.
    """
    lines = dict(sorted({**values, _CHECKSUM: "null"}.items()))

    def written() -> str:
        return "{" + ",\n".join(f'"{name}":{text}' for name, text in lines.items()) + "}"

    digest = hashlib.sha256(written().replace("\n", "").encode()).hexdigest()
    lines[_CHECKSUM] = f'"{digest}"'
    return f"{written()}\n".encode()


def is_text_as_written(text: bytes, values: Mapping[str, Any]) -> bool:
    """Return what `is_as_written` does, sooner where `text_with_checksum` wrote the text.

    text: from which the values were read.
    """
    stated = f'"{_CHECKSUM}":{canonical_json(values.get(_CHECKSUM))}'.encode()
    canonical = text.replace(b"\n", b"").replace(stated, f'"{_CHECKSUM}":null'.encode(), 1)
    digest = hashlib.sha256(canonical).hexdigest()
    return digest == values.get(_CHECKSUM) or is_as_written(values)


def checksums_of(folder: Path, files: Iterable[Path]) -> dict[str, str]:
    """Return the sha256 of files by their paths in a folder, sorted."""
    return {path.relative_to(folder).as_posix(): hash_once(path) for path in sorted(files)}


def record_checksums(folder: Path) -> None:
    """Record the checksums of all files directly in a folder."""
    files = [path for path in folder.iterdir() if path.is_file()]
    write_record(folder / CHECKSUMS, {FILES: checksums_of(folder, files)})


def write_record(record: Path, values: dict[str, Any]) -> None:
    """Write `layers.json` or `checksums.json`."""
    text = json.dumps(with_checksum(values), indent=1, ensure_ascii=False)
    write_atomically(record, text.encode() + b"\n")


def checksum_beside(path: Path, content: bytes) -> dict[Path, bytes]:
    """Return path and content of the file that states the checksum of another (`sha256sum`)."""
    line = f"{hashlib.sha256(content).hexdigest()}  {path.name}\n"
    return {_beside(path): line.encode()}


def is_checksum(path: Path) -> bool:
    """Return whether a file states the checksum of another."""
    return _LINE.match(path.read_bytes()) is not None


def check_against_record(file: Path) -> None:
    """Raise DataError where a recorded file is missing or has another checksum.

    A file without a record passes.
    """
    if is_there(_beside(file)) and is_there(file):
        _check_beside(file)
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


def _check_beside(file: Path) -> None:
    beside = _beside(file)
    require_file(beside)
    stated, computed = beside.read_bytes()[:64], hash_once(file).encode()
    if stated != computed:
        raise DataError(
            f"{file} is damaged: its checksum is not the one in {beside.name}; {_AGAIN}, or remove "
            f"{beside.name} if you changed {file.name}"
        )


def _beside(file: Path) -> Path:
    return file.with_name(f"{file.name}.sha256")


_LINE = re.compile(rb"[0-9a-f]{64}  ")
_AGAIN = "run again what made it, with the same --out"


def _recorded(record: Path) -> dict[str, str]:
    """Return the checksums in a record; empty if it is missing or holds none."""
    if not is_there(record):
        return {}
    values = read_object(record, {FILES: Each(TEXT, may_lack=True)})
    if not is_as_written(values):
        raise DataError(f"{record} is damaged: its checksum is not the one in it")
    return values.get(FILES) or {}
