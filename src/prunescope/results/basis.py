"""Along which directions was a layer dissected, if not unit by unit?"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32

from prunescope.base.arrays import load_arrays, save_arrays
from prunescope.base.errors import DataError
from prunescope.base.text import counted
from prunescope.results.layout import BASIS
from prunescope.results.manifest import check_recorded

Directions = Float32[np.ndarray, "direction unit"]
_NAME = "directions"


def save_basis(folder: Path, directions: Directions | None) -> None:
    """Write the directions of a layer; nothing where its units were dissected."""
    if directions is not None:
        save_arrays(folder / BASIS, {_NAME: directions})


def load_basis(folder: Path, summary: Mapping[str, Any]) -> Directions | None:
    """Return the directions of a layer; None where its summary states none.

    Raises DataError where they are missing, damaged, or not as many as the summary says.
    """
    stated = summary.get("basis")
    if stated is None:
        return None
    path = folder / BASIS
    check_recorded(path)
    directions = load_arrays(path).get(_NAME)
    wanted = (summary.get("units", 0), stated["units"])
    if directions is None or directions.dtype != np.float32 or directions.shape != wanted:
        raise DataError(
            f"{path} is damaged: it does not hold the {' x '.join(map(str, wanted))} numbers of "
            "the directions that were dissected"
        )
    return directions


def basis_text(summary: Mapping[str, Any]) -> str | None:
    """Say along which directions a layer was dissected; None where its units were.

    summary: of the layer, or its counts.
    """
    basis = summary.get("basis")
    if basis is None:
        return None
    seed = "" if basis.get("seed") is None else f", seed {basis['seed']}"
    return f"directions of {counted(basis['units'], 'unit')} ({basis['kind']}{seed})"


def axes_of(summaries: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Return the fingerprint of the directions of each layer of which directions were dissected.

    summaries: of layers, by name. Numbers of units say which is which only where it is the same.
    """
    stated = {layer: summary.get("basis") for layer, summary in summaries.items()}
    return {layer: basis["fingerprint"] for layer, basis in stated.items() if basis is not None}
