"""What do more draws of chance begin with, and how is it kept on disk?"""

from pathlib import Path

from torch import from_numpy

from prunescope.base.errors import DataError
from prunescope.base.files import write_atomically
from prunescope.base.tensors import load_tensors, save_tensors
from prunescope.dissection.draws import Draws
from prunescope.dissection.kept_masks import KeptMasks
from prunescope.dissection.tables import parquet_bytes
from prunescope.results.layout import DRAWS, MASKS
from prunescope.results.manifest import check_recorded
from prunescope.results.reading import read_table
from prunescope.results.schemas import MASK_COLUMNS


def save_draws(folder: Path, masks: KeptMasks, draws: Draws) -> None:
    """Write the masks of a layer on all images, and what its draws have left."""
    write_atomically(folder / MASKS, parquet_bytes(masks.table()))
    tensors = {name: from_numpy(array) for name, array in draws.as_arrays().items()}
    save_tensors(folder / DRAWS, tensors)


def load_draws(folder: Path, units: int) -> tuple[KeptMasks, Draws]:
    """Read what `save_draws` wrote of a layer with so many units.

    Raises DataError where it is not there, damaged, or of another layer.
    """
    if not (folder / MASKS).is_file():
        raise DataError(
            f"{folder} has no {MASKS}, which more draws of chance begin with: "
            "dissect again, with --null"
        )
    try:
        masks = KeptMasks.of_table(units, read_table(folder / MASKS, MASK_COLUMNS))
        check_recorded(folder / DRAWS)
        tensors = load_tensors(folder / DRAWS)
        draws = Draws.of_arrays({name: own.numpy() for name, own in tensors.items()})
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise DataError(f"{folder} holds no masks and draws of chance: {error}") from None
    if len(draws.counted) != units:
        raise DataError(f"{folder / DRAWS} is not of the {units:,} units beside it")
    return masks, draws
