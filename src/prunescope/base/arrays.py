"""How are arrays stored in the safetensors format, with or without torch?

A file that no record of checksums covers is *sealed*: its metadata holds the sha256 of the file as
it is with zeros in place of the checksum, which is compared whenever the file is opened.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from prunescope.base.errors import DataError
from prunescope.base.files import once_per_file, write_atomically
from prunescope.base.paths import require_file

_PREFIX = 8  # a file begins with the length of its header in so many bytes
_METADATA = "__metadata__"
_SEAL = "sha256"  # the key in the metadata
_NO_SEAL = "0" * 64
# what safetensors raises for a stated type or shape that cannot be
_DAMAGED = (SafetensorError, RuntimeError, ValueError, TypeError, KeyError, OverflowError)


def save_arrays(
    path: Path, arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str] | None = None
) -> None:
    """Write arrays as one safetensors file, whole or not at all; equal input gives equal bytes.

    The order of the arrays is kept. Raises StoreError where the system refuses to write.
    """
    plain = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    content = save(plain, dict(metadata) if metadata else None)
    write_atomically(path, with_ordered_header(content, list(arrays)))


def load_arrays(path: Path) -> dict[str, np.ndarray]:
    """Read every tensor of a safetensors file as an array, in the order they were saved.

    Raises DataError if the file is missing or damaged.
    """
    return read_safetensors(path, "np")


def load_metadata(path: Path) -> dict[str, str]:
    """Read the metadata of a safetensors file without its seal; empty if it has none.

    Raises as `load_arrays`.
    """
    with _open(path, "np") as file:
        metadata: dict[str, str] = file.metadata() or {}
    return {name: text for name, text in metadata.items() if name != _SEAL}


def tensor_names(path: Path) -> list[str]:
    """Return the names of a file's tensors, in the order they were saved.

    Raises as `load_arrays`.
    """
    _open(path, "np")
    return [name for name in _read_header(path) if name != _METADATA]


def hash_tensor(path: Path, name: str) -> str:
    """Return the sha256 of a tensor's type, shape and bytes in hex. Raises as `load_arrays`.

    All tensors of the file are hashed at once, and again only if it has changed.
    """
    _open(path, "np")
    return str(json.loads(once_per_file(_hash_tensors, path))[name])


def read_safetensors(path: Path, framework: Literal["np", "pt"]) -> dict[str, Any]:
    """Read every tensor of a file for numpy or for torch. Raises as `load_arrays`."""
    with _open(path, framework) as file:
        names = [name for name in _read_header(path) if name != _METADATA]
        try:
            return {name: file.get_tensor(name) for name in names}
        except _DAMAGED as error:
            raise DataError(f"{path} is not a whole safetensors file: {error}") from None


def with_ordered_header(content: bytes, names: list[str], *, sealed: bool = False) -> bytes:
    """Return a file whose header lists tensors in the order of names, and sorts the metadata.

    safetensors sorts the tensors by name and leaves the metadata in a random order.
    sealed: add the checksum of the file.
    """
    end = _PREFIX + int.from_bytes(content[:_PREFIX], "little")
    described = json.loads(content[_PREFIX:end])
    metadata = described.get(_METADATA, {}) | ({_SEAL: _NO_SEAL} if sealed else {})
    ordered = {_METADATA: dict(sorted(metadata.items()))} if metadata else {}
    ordered |= {name: described[name] for name in names}
    header = json.dumps(ordered, separators=(",", ":")).encode()
    header += b" " * (-len(header) % _PREFIX)  # the tensors behind it stay aligned
    tensors = memoryview(content)[end:]  # which a slice would copy, and they may be large
    whole = b"".join([len(header).to_bytes(_PREFIX, "little"), header, tensors])
    if not sealed:
        return whole
    return whole.replace(_NO_SEAL.encode(), hashlib.sha256(whole).hexdigest().encode(), 1)


def _open(path: Path, framework: str) -> Any:
    require_file(path)
    try:
        file: Any = safe_open(path, framework=framework)
    except SafetensorError as error:
        raise DataError(f"{path} is not a whole safetensors file: {error}") from None
    metadata: dict[str, str] = file.metadata() or {}
    seal = metadata.get(_SEAL)
    if seal is not None and once_per_file(_checksum, path) != seal:
        raise DataError(f"{path} is damaged: its checksum is not the one in its header")
    return file


def _checksum(path: Path) -> str:
    """Return the sha256 of a sealed file, as it was before its seal was put in."""
    with path.open("rb") as file:
        prefix = file.read(_PREFIX)
        header = file.read(int.from_bytes(prefix, "little"))
        seal = str(_parsed(header, path)[_METADATA][_SEAL]).encode()
        digest = hashlib.sha256(prefix + header.replace(seal, _NO_SEAL.encode(), 1))
        return hashlib.file_digest(file, lambda: digest).hexdigest()


def _read_header(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        length = int.from_bytes(file.read(_PREFIX), "little")
        return _parsed(file.read(length), path)


def _parsed(header: bytes, path: Path) -> dict[str, Any]:
    try:
        described: dict[str, Any] = json.loads(header)
    except (ValueError, RecursionError):
        raise DataError(f"{path} is not a whole safetensors file: its header is no JSON") from None
    return described


def _hash_tensors(path: Path) -> str:
    """Return what `hash_tensor` does for every tensor of a file, as JSON."""
    hashes = {}
    with path.open("rb") as file:
        header = _PREFIX + int.from_bytes(file.read(_PREFIX), "little")
        for name, described in _read_header(path).items():
            if name == _METADATA:
                continue
            first, behind = described["data_offsets"]
            file.seek(header + first)
            digest = hashlib.sha256(json.dumps([described["dtype"], described["shape"]]).encode())
            digest.update(file.read(behind - first))
            hashes[name] = digest.hexdigest()
    return json.dumps(hashes)
