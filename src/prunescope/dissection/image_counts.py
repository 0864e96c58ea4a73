"""What does every image add to the counts, so that images can be resampled later?"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from prunescope.base.ranks import Ranks
from prunescope.dissection.kept_masks import narrow
from prunescope.dissection.overlap import MaskLabelCounts
from prunescope.dissection.regions import Regions

_COUNTS = ("truth", "units", "activation", "intersection")


class ImageCounts:
    """The counts of every image, of the units that fire on it and the labels it carries."""

    def __init__(self) -> None:
        self._rows: dict[int, dict[str, Any]] = {}

    def add(
        self, indices: Sequence[int], counts: MaskLabelCounts, regions: Sequence[Regions]
    ) -> None:
        """Add the counts of some images. indices: of these in the set."""
        units, areas, pixels = (
            part.cpu().numpy() for part in (counts.units, counts.runs.areas, counts.pixels)
        )
        cuts = np.searchsorted(counts.image_in_portion.cpu().numpy(), np.arange(len(indices) + 1))
        for image, labelled, (start, stop) in zip(indices, regions, pairwise(cuts), strict=True):
            self._rows[image] = {
                "pixels": labelled.pixels,
                "label_indices": labelled.label_indices.astype(np.int32),
                "truth": narrow(labelled.truth),
                "units": narrow(units[start:stop]),
                "activation": narrow(areas[start:stop]),
                "intersection": narrow(
                    pixels[start:stop, : len(labelled.label_indices)].reshape(-1)
                ),
            }

    def exchange(self, ranks: Ranks) -> None:
        """Add the images that other processes have counted."""
        for rows in ranks.gather(self._rows):
            self._rows = self._rows | rows

    def table(self, names: Sequence[str], label_numbers: Sequence[int]) -> pd.DataFrame:
        """Return a row per image, in the set's order.

        image, row: its path and index. pixels: of its label map. labels: numbers of its labels,
        ascending; truth: the pixels of each. units: those with a cell above their threshold;
        activation: the pixels of each one's mask; intersection: those with each label, unit by
        unit.
        """
        numbers = np.asarray(label_numbers, np.int32)
        rows = [
            {
                "image": names[image],
                "row": image,
                "pixels": counts["pixels"],
                "labels": numbers[counts["label_indices"]],
                **{key: counts[key].astype(np.int32) for key in _COUNTS},
            }
            for image, counts in sorted(self._rows.items())
        ]
        return pd.DataFrame(rows)
