"""With what do more draws of chance begin?"""

from pathlib import Path

from prunescope.base.arrays import load_arrays
from prunescope.base.errors import DataError
from prunescope.dissection.draws import Draws
from prunescope.dissection.kept_masks import KeptMasks
from prunescope.results.layout import DRAWS, MASKS
from prunescope.results.manifest import check_recorded
from prunescope.results.reading import read_table
from prunescope.results.schemas import MASK_COLUMNS


def load_draws(folder: Path, units: int) -> tuple[KeptMasks, Draws]:
    """Read the masks of a layer with so many units on all images, and what its draws have left.

    Raises DataError where they are not there, damaged, or of another layer.
    """
    if not (folder / MASKS).is_file():
        raise DataError(
            f"{folder} has no {MASKS}, which more draws of chance begin with: "
            "dissect again, with --null"
        )
    masks = load_masks(folder, units)
    try:
        check_recorded(folder / DRAWS)
        draws = Draws.of_arrays(load_arrays(folder / DRAWS))
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise DataError(f"{folder / DRAWS} holds no draws of chance: {error}") from None
    if len(draws.counted) != units:
        raise DataError(f"{folder / DRAWS} is not of the {units:,} units beside it")
    return masks, draws


def load_masks(folder: Path, units: int) -> KeptMasks:
    """Read the masks of a layer with so many units on all images. Raises as `load_draws`."""
    try:
        return KeptMasks.of_table(units, read_table(folder / MASKS, MASK_COLUMNS))
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise DataError(f"{folder / MASKS} holds no masks: {error}") from None
