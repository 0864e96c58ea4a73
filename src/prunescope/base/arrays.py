"""How are arrays stored in the safetensors format, with or without torch?"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from prunescope.base.errors import DataError
from prunescope.base.files import write_atomically
from prunescope.base.paths import require_file

_PREFIX = 8  # a file begins with the length of its header in so many bytes
_METADATA = "__metadata__"
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
    """Read the metadata of a safetensors file; empty if it has none. Raises as `load_arrays`."""
    with _open(path, "np") as file:
        return dict(file.metadata() or {})


def read_safetensors(path: Path, framework: Literal["np", "pt"]) -> dict[str, Any]:
    """Read every tensor of a file for numpy or for torch. Raises as `load_arrays`."""
    with _open(path, framework) as file:
        names = [name for name in _read_header(path) if name != _METADATA]
        try:
            return {name: file.get_tensor(name) for name in names}
        except _DAMAGED as error:
            raise DataError(f"{path} is not a whole safetensors file: {error}") from None


def with_ordered_header(content: bytes, names: list[str]) -> bytes:
    """Describe the tensors of a file in the order of their names here, and sort the metadata.

    safetensors sorts the tensors by name, and leaves the metadata in the order of a random hash.
    """
    end = _PREFIX + int.from_bytes(content[:_PREFIX], "little")
    described = json.loads(content[_PREFIX:end])
    ordered = {name: described[name] for name in names}
    if _METADATA in described:
        ordered = {_METADATA: dict(sorted(described[_METADATA].items())), **ordered}
    header = json.dumps(ordered, separators=(",", ":")).encode()
    header += b" " * (-len(header) % _PREFIX)  # the tensors behind it stay aligned
    return len(header).to_bytes(_PREFIX, "little") + header + content[end:]


def _open(path: Path, framework: str) -> safe_open:
    require_file(path)
    try:
        return safe_open(path, framework=framework)
    except SafetensorError as error:
        raise DataError(f"{path} is not a whole safetensors file: {error}") from None


def _read_header(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        length = int.from_bytes(file.read(_PREFIX), "little")
        try:
            header: dict[str, Any] = json.loads(file.read(length))
        except (ValueError, RecursionError):
            raise DataError(
                f"{path} is not a whole safetensors file: its header is no JSON"
            ) from None
    return header
