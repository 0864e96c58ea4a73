"""What is counted of a layer, and saved before its units are scored?"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from prunescope.results.basis import Directions, save_basis
from prunescope.results.layout import CONDITIONS, EXAMPLES, IMAGES, MASKS
from prunescope.results.overlap import Overlap, load_overlap, save_overlap
from prunescope.results.quantiles import load_quantiles, save_quantiles
from prunescope.results.reading import read_form, read_table
from prunescope.results.schemas import DISSECTION_FORM, EXAMPLE_COLUMNS, IMAGE_COLUMNS
from prunescope.results.tables import write_json, write_parquet


@dataclass(frozen=True, kw_only=True)
class LayerCounts:
    """The counts of a layer, from which its scores follow without the network.

    overlap, examples, images: as in a LayerDissection. conditions: those under which it was
    counted, as in its `summary`. basis: the directions that were dissected; None for units.
    quantiles: the best labels at other quantiles, see `score_quantiles`; None without any.
    masks: returns a row of masks per image; None unless kept.
    """

    layer: str
    overlap: Overlap
    examples: pd.DataFrame
    images: pd.DataFrame
    conditions: Mapping[str, Any]
    basis: Directions | None = None
    quantiles: pd.DataFrame | None = None
    masks: Callable[[], pd.DataFrame] | None = None

    def save(self, folder: Path) -> None:
        """Write everything but the scores into an existing folder."""
        write_parquet(folder / EXAMPLES, self.examples, "zstd")
        write_parquet(folder / IMAGES, self.images, "zstd")
        save_overlap(folder, self.layer, self.overlap)
        save_basis(folder, self.basis)
        save_quantiles(folder, self.quantiles)
        write_json(folder / CONDITIONS, self.conditions)
        if self.masks is not None:
            write_parquet(folder / MASKS, self.masks(), "zstd")

    @classmethod
    def load(cls, folder: Path) -> "LayerCounts":
        """Read what `save` wrote, except basis and masks. Raises DataError for damaged files."""
        layer, overlap = load_overlap(folder)
        conditions = read_form(folder / CONDITIONS, DISSECTION_FORM)
        return cls(
            layer=layer,
            overlap=overlap,
            examples=read_table(folder / EXAMPLES, EXAMPLE_COLUMNS),
            images=read_table(folder / IMAGES, IMAGE_COLUMNS),
            conditions=conditions,
            quantiles=load_quantiles(folder, conditions),
        )
