"""How are saved tensors read by what needs no torch?"""

from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open

from prunescope.base.errors import DataError
from prunescope.base.paths import require_file

# what safetensors raises for a stated type or shape that cannot be
_DAMAGED = (SafetensorError, RuntimeError, ValueError, TypeError, KeyError, OverflowError)


def load_arrays(path: Path) -> dict[str, np.ndarray]:
    """Read every tensor of a safetensors file as an array.

    Raises DataError if the file is missing or damaged.
    """
    with _open(path) as file:
        try:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except _DAMAGED as error:
            raise DataError(f"{path} is not a whole safetensors file: {error}") from None


def load_arrays_metadata(path: Path) -> dict[str, str]:
    """Read the metadata of a safetensors file; empty if it has none. Raises as `load_arrays`."""
    with _open(path) as file:
        return dict(file.metadata() or {})


def _open(path: Path) -> safe_open:
    require_file(path)
    try:
        return safe_open(path, framework="np")
    except SafetensorError as error:
        raise DataError(f"{path} is not a whole safetensors file: {error}") from None
