"""What is counted of a layer, and saved before its units are scored?"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from prunescope.results.association import Association
from prunescope.results.basis import Directions, save_basis
from prunescope.results.by_image import load_by_image, save_by_image
from prunescope.results.layout import CONDITIONS, MASKS
from prunescope.results.overlap import Overlap, load_overlap, save_overlap
from prunescope.results.quantiles import load_quantiles, save_quantiles
from prunescope.results.reading import read_form
from prunescope.results.schemas import DISSECTION_FORM
from prunescope.results.tables import write_json, write_parquet


@dataclass(frozen=True, kw_only=True)
class LayerCounts:
    """The counts of a layer, from which its scores follow without the network.

    overlap, examples, images, borderline, peaks: as in a LayerDissection. conditions: those under
    which it was counted, as in its `summary`. basis: the directions that were dissected; None for
    units. quantiles: the best labels at other quantiles, see `score_quantiles`; None without any.
    association: None where it was not measured. masks: returns a row of masks per image; None
    unless kept.
    """

    layer: str
    overlap: Overlap
    examples: pd.DataFrame
    images: pd.DataFrame
    borderline: pd.DataFrame
    peaks: pd.DataFrame
    conditions: Mapping[str, Any]
    basis: Directions | None = None
    quantiles: pd.DataFrame | None = None
    association: Association | None = None
    masks: Callable[[], pd.DataFrame] | None = None

    def save(self, folder: Path) -> None:
        """Write everything but the scores into an existing folder."""
        save_by_image(folder, self)
        save_overlap(folder, self.layer, self.overlap)
        save_basis(folder, self.basis)
        save_quantiles(folder, self.quantiles)
        write_json(folder / CONDITIONS, self.conditions)
        if self.association is not None:
            self.association.save(folder)
        if self.masks is not None:
            write_parquet(folder / MASKS, self.masks(), "zstd")

    @classmethod
    def load(cls, folder: Path) -> "LayerCounts":
        """Read what `save` wrote, except basis and masks. Raises DataError for damaged files."""
        layer, overlap = load_overlap(folder)
        conditions = read_form(folder / CONDITIONS, DISSECTION_FORM)
        measured = (conditions.get("settings") or {}).get("association", False)
        return cls(
            layer=layer,
            overlap=overlap,
            **load_by_image(folder),
            conditions=conditions,
            quantiles=load_quantiles(folder, conditions),
            association=Association.load(folder) if measured else None,
        )
