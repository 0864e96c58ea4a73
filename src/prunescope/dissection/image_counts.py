"""What did every image add to the counts, so that images can be resampled later?"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from prunescope.base.ranks import Ranks
from prunescope.dissection.overlap import Meeting
from prunescope.dissection.regions import Regions

_COUNTS = ("truth", "units", "activation", "intersection")


class ImageCounts:
    """The counts of every image, of the units that fire on it and the labels it carries."""

    def __init__(self) -> None:
        self._rows: dict[int, dict[str, Any]] = {}

    def add(self, images: Sequence[int], meeting: Meeting, regions: Sequence[Regions]) -> None:
        """Take in what was met on some images. images: their indexes in the set."""
        units, area, met = (
            part.cpu().numpy() for part in (meeting.units, meeting.runs.areas, meeting.pixels)
        )
        cuts = np.searchsorted(meeting.images.cpu().numpy(), np.arange(len(images) + 1))
        for place, (image, one) in enumerate(zip(images, regions, strict=True)):
            own = slice(cuts[place], cuts[place + 1])
            self._rows[image] = {
                "pixels": one.pixels,
                "label_columns": one.columns.astype(np.int32),
                "truth": _narrow(one.truth),
                "units": _narrow(units[own]),
                "activation": _narrow(area[own]),
                "intersection": _narrow(met[own, : len(one.columns)].reshape(-1)),
            }

    def exchange(self, ranks: Ranks) -> None:
        """Take in the images that other processes have counted."""
        for rows in ranks.gather(self._rows):
            self._rows = self._rows | rows

    def table(self, names: Sequence[str], label_numbers: Sequence[int]) -> pd.DataFrame:
        """Return a row per image, in the set's order.

        image, row: its path and index. pixels: of its label map. labels: the numbers of those it
        carries, ascending; truth: on how many pixels. units: those with a cell above their
        threshold there; activation: the pixels of each one's mask; intersection: of these, those
        with each label, unit by unit.
        """
        numbers = np.asarray(label_numbers, np.int32)
        rows = [
            {
                "image": names[image],
                "row": image,
                "pixels": own["pixels"],
                "labels": numbers[own["label_columns"]],
                **{key: own[key].astype(np.int32) for key in _COUNTS},
            }
            for image, own in sorted(self._rows.items())
        ]
        return pd.DataFrame(rows)


def _narrow(counts: np.ndarray) -> np.ndarray:
    """Store counts in as few bytes as hold the largest."""
    return counts.astype(np.uint16 if counts.max(initial=0) < 1 << 16 else np.uint32)
