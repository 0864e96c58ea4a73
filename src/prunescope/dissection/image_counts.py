"""What does every image add to the counts, so that images can be resampled later?"""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from prunescope.base.errors import DataError
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

    def exchange(self, ranks: Ranks, names: Sequence[str]) -> None:
        """Add the images that other processes have counted.

        names: of all images of the set. Raises DataError where they are not counted once each.
        """
        everything = ranks.gather(self._rows)
        counted = Counter(image for rows in everything for image in rows)
        for image, name in enumerate(names):
            if counted[image] != 1:
                those = [str(rank) for rank, rows in enumerate(everything) if image in rows]
                raise DataError(
                    f"the {ranks.count} processes that share the images contradict each other: "
                    f"{name} was counted by {' and '.join(those) or 'none'} of them, but each "
                    "image belongs to one: give all of them the same concept set and settings"
                )
        self._rows = {image: row for rows in everything for image, row in rows.items()}

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
