"""How are tensors kept on disk?"""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from prunescope.base.errors import DataError
from prunescope.base.files import write_atomically


def save_tensors(
    path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None
) -> None:
    """Write tensors as one safetensors file, whole or not at all; equal input gives equal bytes."""
    plain = {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, tensor in tensors.items()
    }
    write_atomically(path, save(plain, dict(sorted((metadata or {}).items())) or None))


def load_tensors(path: Path) -> dict[str, Tensor]:
    """Read every tensor of a safetensors file. Raises DataError if it is missing or damaged."""
    with _open(path) as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def load_metadata(path: Path) -> dict[str, str]:
    """Read the metadata of a safetensors file; empty if it has none."""
    with _open(path) as file:
        return dict(file.metadata() or {})


def _open(path: Path) -> safe_open:
    if not path.is_file():
        raise DataError(f"{path} does not exist")
    try:
        return safe_open(path, framework="pt")
    except SafetensorError as error:
        raise DataError(f"{path} is not a whole safetensors file: {error}") from None
