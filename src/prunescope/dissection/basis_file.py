"""Which directions does a user's file state for a layer?"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from prunescope.base.errors import DataError, nearest
from prunescope.base.text import counted, on_one_line

if TYPE_CHECKING:
    from torch import Tensor

SUFFIX = ".safetensors"


def hash_directions(path: Path, layer: str, layers: Sequence[str]) -> str:
    """Return a hash of the tensor of a layer, without torch. Raises as `_tensor_of`."""
    from prunescope.base.arrays import hash_tensor

    return hash_tensor(path, _tensor_of(path, layer, layers))


def read_directions(
    path: Path, layer: str, layers: Sequence[str], units: int, numbers: Sequence[int] | None = None
) -> "Tensor":
    """Return the matrix of a layer, float32 [direction, unit].

    layers: all that are dissected. units: how many the layer has. numbers: of these in the network
    before some were removed: a matrix of that network's units loses the columns of the others,
    whose activations are gone.
    Raises DataError, naming file and tensor, for anything else than finite numbers in that form, or
    a direction of zeros; and as `_tensor_of`.
    """
    import torch

    from prunescope.base.tensors import load_tensors

    name = _tensor_of(path, layer, layers)
    where, tensor = f'the tensor "{on_one_line(name)}" of {path}', load_tensors(path)[name]
    shape = " x ".join(map(str, tensor.shape)) or "()"
    if not tensor.is_floating_point():
        kind = str(tensor.dtype).removeprefix("torch.")
        raise DataError(f"{where} is of {kind}, but directions are floating-point numbers")
    if tensor.ndim != 2 or not len(tensor):
        raise DataError(
            f"{where} has the shape {shape}, but must have a row for each direction and a column "
            "for each unit"
        )
    rows = tensor.float()
    if not bool(rows.isfinite().all()):
        row, column = (~rows.isfinite()).nonzero()[0].tolist()
        raise DataError(f"{where} is not finite in float32 at row {row}, column {column}")
    empty = (rows == 0).all(dim=1).nonzero().flatten().tolist()
    if empty:
        raise DataError(
            f"{where} has {counted(len(empty), 'row')} of zeros, the first at {empty[0]}, which "
            "are no directions: leave them out"
        )
    if numbers is not None and rows.shape[1] > max(numbers):
        rows = rows[:, torch.tensor(numbers)]
    if rows.shape[1] != units:
        raise DataError(
            f'{where} has the shape {shape}, but layer "{layer}" has {counted(units, "unit")}: '
            "give as many columns"
        )
    return rows


def _tensor_of(path: Path, layer: str, layers: Sequence[str]) -> str:
    """Return the name of a layer's tensor: its own, or any where there is but one of both.

    Raises DataError where there is none, and for anything but a safetensors file.
    """
    from prunescope.base.arrays import tensor_names

    names = tensor_names(path)
    if layer in names:
        return layer
    if len(names) == len(layers) == 1:
        return names[0]
    shown = ", ".join(on_one_line(name) for name in names[:8]) or "nothing"
    raise DataError(
        f'{path} has no tensor "{layer}"{nearest(layer, names)}: name a matrix after each layer '
        f"that is dissected (it holds {shown})"
    )
