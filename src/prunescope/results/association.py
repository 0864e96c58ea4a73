"""How closely do a layer's units go with their best labels, over all pixels?"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float64, Int64

from prunescope.base.arrays import load_arrays, save_arrays
from prunescope.base.errors import DataError
from prunescope.results.layout import ASSOCIATION
from prunescope.results.manifest import check_recorded

MEASURES = ("pearson", "auprc")
"""The measures of association, by the names of their columns in a table of units."""


@dataclass(frozen=True, kw_only=True)
class Association:
    """Pearson's correlation and AUPRC of units with the labels that may be their concepts.

    labels: of each unit, the numbers of the best labels of every category by IoU; 0 for none.
    pearson, auprc: with each of them, see docs/method.md; nan where undefined.
    """

    labels: Int64[np.ndarray, "unit rank"]
    pearson: Float64[np.ndarray, "unit rank"]
    auprc: Float64[np.ndarray, "unit rank"]

    def of(self, numbers: "pd.Series[int]") -> dict[str, Float64[np.ndarray, " unit"]]:
        """Return each measure of every unit with one of its labels; nan without a label.

        numbers: of the label of each unit; NA for none.
        """
        wanted = numbers.fillna(-1).to_numpy(np.int64)[:, None]
        is_wanted = self.labels == wanted
        rank = is_wanted.argmax(axis=1)[:, None]
        found = is_wanted.any(axis=1)
        return {
            name: np.where(found, np.take_along_axis(getattr(self, name), rank, 1)[:, 0], np.nan)
            for name in MEASURES
        }

    def save(self, folder: Path) -> None:
        """Write the measures into an existing folder."""
        save_arrays(folder / ASSOCIATION, vars(self))

    @classmethod
    def load(cls, folder: Path) -> "Association":
        """Read what `save` wrote. Raises DataError where it is missing or damaged."""
        path = folder / ASSOCIATION
        check_recorded(path)
        arrays = load_arrays(path)
        shapes = {array.shape for array in arrays.values()}
        dtypes = {name: array.dtype for name, array in arrays.items()}
        expected = {"labels": np.int64, **dict.fromkeys(MEASURES, np.float64)}
        if dtypes != expected or len(shapes) != 1 or len(next(iter(shapes))) != 2:
            raise DataError(f"{path} is damaged: its measures do not fit each other")
        return cls(**arrays)
