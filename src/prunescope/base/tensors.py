"""How are tensors of torch stored on disk?"""

from collections.abc import Mapping
from pathlib import Path

from safetensors.torch import save
from torch import Tensor, contiguous_format

from prunescope.base.arrays import load_metadata, read_safetensors, with_ordered_header
from prunescope.base.files import write_atomically

__all__ = ["load_metadata", "load_tensors", "save_tensors", "tensor_bytes"]


def save_tensors(
    path: Path,
    tensors: Mapping[str, Tensor],
    metadata: Mapping[str, str] | None = None,
    *,
    sealed: bool = False,
) -> None:
    """Write tensors as one safetensors file, whole or not at all; equal input gives equal bytes.

    The order of the tensors is kept. sealed: add a checksum, where nothing else records one.
    Raises StoreError where the system refuses to write.
    """
    write_atomically(path, tensor_bytes(tensors, metadata, sealed=sealed))


def tensor_bytes(
    tensors: Mapping[str, Tensor],
    metadata: Mapping[str, str] | None = None,
    *,
    sealed: bool = False,
) -> bytes:
    """Return what `save_tensors` writes."""
    plain = {
        name: tensor.detach().cpu().clone(memory_format=contiguous_format)
        for name, tensor in tensors.items()
    }
    content = save(plain, dict(metadata) if metadata else None)
    return with_ordered_header(content, list(tensors), sealed=sealed)


def load_tensors(path: Path) -> dict[str, Tensor]:
    """Read every tensor of a safetensors file, in the order they were saved.

    Raises DataError if the file is missing or damaged.
    """
    return read_safetensors(path, "pt")
