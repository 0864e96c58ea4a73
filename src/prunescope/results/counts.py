"""What is counted of a layer, and saved before its units are scored?"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from prunescope.results.association import Association
from prunescope.results.layout import CONDITIONS, EXAMPLES, IMAGES, MASKS
from prunescope.results.overlap import Overlap, load_overlap, save_overlap
from prunescope.results.reading import read_form, read_table
from prunescope.results.schemas import DISSECTION_FORM, EXAMPLE_COLUMNS, IMAGE_COLUMNS
from prunescope.results.tables import write_json, write_parquet


@dataclass(frozen=True, kw_only=True)
class LayerCounts:
    """The counts of a layer, from which its scores follow without the network.

    overlap, examples, images: as in a LayerDissection. conditions: those under which it was
    counted, as in its `summary`. association: None where it was not measured. masks: returns a row
    of masks per image; None unless kept.
    """

    layer: str
    overlap: Overlap
    examples: pd.DataFrame
    images: pd.DataFrame
    conditions: Mapping[str, Any]
    association: Association | None = None
    masks: Callable[[], pd.DataFrame] | None = None

    def save(self, folder: Path) -> None:
        """Write everything but the scores into an existing folder."""
        write_parquet(folder / EXAMPLES, self.examples, "zstd")
        write_parquet(folder / IMAGES, self.images, "zstd")
        save_overlap(folder, self.layer, self.overlap)
        write_json(folder / CONDITIONS, self.conditions)
        if self.association is not None:
            self.association.save(folder)
        if self.masks is not None:
            write_parquet(folder / MASKS, self.masks(), "zstd")

    @classmethod
    def load(cls, folder: Path) -> "LayerCounts":
        """Read what `save` wrote, except the masks. Raises DataError for damaged files."""
        layer, overlap = load_overlap(folder)
        conditions = read_form(folder / CONDITIONS, DISSECTION_FORM)
        measured = (conditions.get("settings") or {}).get("association", False)
        return cls(
            layer=layer,
            overlap=overlap,
            examples=read_table(folder / EXAMPLES, EXAMPLE_COLUMNS),
            images=read_table(folder / IMAGES, IMAGE_COLUMNS),
            conditions=conditions,
            association=Association.load(folder) if measured else None,
        )
