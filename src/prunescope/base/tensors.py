"""How are tensors kept on disk?"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from prunescope.base.errors import DataError
from prunescope.base.files import write_atomically
from prunescope.base.paths import require_file

_PREFIX = 8  # a file begins with the length of its header in so many bytes
_METADATA = "__metadata__"


def save_tensors(
    path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None
) -> None:
    """Write tensors as one safetensors file, whole or not at all; equal input gives equal bytes.

    The order of the tensors is kept. Raises StoreError where the system refuses to write.
    """
    write_atomically(path, tensor_bytes(tensors, metadata))


def tensor_bytes(tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None) -> bytes:
    """Return what `save_tensors` writes."""
    plain = {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, tensor in tensors.items()
    }
    content = save(plain, dict(metadata) if metadata else None)
    return _with_ordered_header(content, list(tensors))


def load_tensors(path: Path) -> dict[str, Tensor]:
    """Read every tensor of a safetensors file, in the order they were saved.

    Raises DataError if the file is missing or damaged.
    """
    with _open(path) as file:
        names = [name for name in _read_header(path) if name != _METADATA]
        try:
            return {name: file.get_tensor(name) for name in names}
        except (SafetensorError, RuntimeError, ValueError, OverflowError) as error:
            raise DataError(f"{path} is not a whole safetensors file: {error}") from None


def load_metadata(path: Path) -> dict[str, str]:
    """Read the metadata of a safetensors file; empty if it has none."""
    with _open(path) as file:
        return dict(file.metadata() or {})


def _open(path: Path) -> safe_open:
    require_file(path)
    try:
        return safe_open(path, framework="pt")
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


def _with_ordered_header(content: bytes, names: list[str]) -> bytes:
    """Describe the tensors in the order given, and sort the metadata.

    safetensors sorts the tensors by name, and leaves the metadata in the order of a random hash.
    """
    end = _PREFIX + int.from_bytes(content[:_PREFIX], "little")
    found = json.loads(content[_PREFIX:end])
    ordered = {name: found[name] for name in names}
    if _METADATA in found:
        ordered = {_METADATA: dict(sorted(found[_METADATA].items())), **ordered}
    header = json.dumps(ordered, separators=(",", ":")).encode()
    header += b" " * (-len(header) % _PREFIX)  # the tensors behind it stay aligned
    return len(header).to_bytes(_PREFIX, "little") + header + content[end:]
