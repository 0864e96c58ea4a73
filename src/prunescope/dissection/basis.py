"""Along which directions is a layer dissected, instead of its units?"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float32
from torch import Tensor

from prunescope.base.progress import Progress
from prunescope.dissection.basis_file import read_directions
from prunescope.dissection.forward import Observation
from prunescope.dissection.settings import DissectionSettings
from prunescope.dissection.stated import BASES

Bases = Mapping[str, Float32[Tensor, "direction unit"]]
"""The directions of a layer, by its name, as combinations of its units."""


def find_bases(
    observation: Observation,
    settings: DissectionSettings,
    numbers: Mapping[str, Sequence[int]],
    progress: Progress,
) -> Bases:
    """Return the directions of every layer; nothing where units themselves are dissected.

    numbers: of the units of layers that have lost some. Raises DataError as `read_directions`.
    """
    if settings.basis is None:
        return {}
    shapes = {layer: maps.shape for layer, maps in observation.probe(settings.layers).items()}
    units = {layer: shapes[layer][1] for layer in settings.layers}
    file = settings.basis_file
    if file is not None:
        found = {
            layer: read_directions(file, layer, settings.layers, count, numbers.get(layer))
            for layer, count in units.items()
        }
    else:
        found = BASES.call(settings.basis, observation, units, settings.basis_seed, progress)
    # in one layout, in which the saved matrix gives the same sums
    return {layer: rows.to(observation.device).contiguous() for layer, rows in found.items()}


def describe(
    directions: Float32[np.ndarray, "direction unit"], settings: DissectionSettings
) -> dict[str, Any]:
    """Return what results state of a basis: which it is, and a hash of the matrix.

    Of a file it is the name, without the path.
    """
    is_drawn = settings.basis_file is None and BASES.stated(settings.along, "DRAWN")
    shape = "x".join(map(str, directions.shape))
    content = np.ascontiguousarray(directions, "<f4").tobytes()
    return {
        "kind": settings.along,
        **({"seed": settings.basis_seed} if is_drawn else {}),
        "units": directions.shape[1],
        "fingerprint": hashlib.sha256(f"{shape}:".encode() + content).hexdigest(),
    }
