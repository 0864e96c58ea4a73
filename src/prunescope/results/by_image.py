"""What of a dissected layer is saved image by image: examples, counts, borderline, peaks?"""

from pathlib import Path
from typing import Protocol, TypedDict, runtime_checkable

import pandas as pd

from prunescope.results.columns import COUNTS, LISTS, NAMES, NUMBERS, Columns, where_there
from prunescope.results.layout import BORDERLINE, EXAMPLES, IMAGES, PEAKS
from prunescope.results.reading import read_if_there, read_table
from prunescope.results.schemas import EXAMPLE_COLUMNS, IMAGE_COLUMNS
from prunescope.results.tables import write_parquet

BORDERLINE_COLUMNS: Columns = where_there(
    {
        **{"unit": COUNTS, "rank": COUNTS, "image": NAMES, "row": COUNTS, "pixels": COUNTS},
        **{"map": LISTS, "height": COUNTS, "width": COUNTS},
    }
)
"""`borderline.parquet` of a dissected layer."""

PEAK_COLUMNS: Columns = where_there(
    {"unit": COUNTS, "bin_width": NUMBERS, "first_bin": NUMBERS, "counts": LISTS}
)
"""`peaks.parquet` of a dissected layer."""


class ByImage(TypedDict):
    """See `examples.parquet` and the others in docs/formats.md.

    Results of earlier versions lack `borderline` and `peaks`, which are empty then.
    """

    examples: pd.DataFrame
    images: pd.DataFrame
    borderline: pd.DataFrame
    peaks: pd.DataFrame


@runtime_checkable
class HasImages(Protocol):
    """A layer with these tables."""

    @property
    def examples(self) -> pd.DataFrame: ...
    @property
    def images(self) -> pd.DataFrame: ...
    @property
    def borderline(self) -> pd.DataFrame: ...
    @property
    def peaks(self) -> pd.DataFrame: ...


def save_by_image(folder: Path, layer: HasImages) -> None:
    """Write the tables into an existing folder; empty ones of earlier versions are left out."""
    write_parquet(folder / EXAMPLES, layer.examples, "zstd")
    write_parquet(folder / IMAGES, layer.images, "zstd")
    for name, table in ((BORDERLINE, layer.borderline), (PEAKS, layer.peaks)):
        if len(table.columns):
            write_parquet(folder / name, table, "zstd")


def load_by_image(folder: Path) -> ByImage:
    """Read what `save_by_image` wrote. Raises DataError for damaged files."""
    return {
        "examples": read_table(folder / EXAMPLES, EXAMPLE_COLUMNS),
        "images": read_table(folder / IMAGES, IMAGE_COLUMNS),
        "borderline": read_if_there(folder / BORDERLINE, BORDERLINE_COLUMNS),
        "peaks": read_if_there(folder / PEAKS, PEAK_COLUMNS),
    }
