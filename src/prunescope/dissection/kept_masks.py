"""How are a layer's masks on every image stored compactly?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Int64, Integer
from torch import Tensor, from_numpy

from prunescope.base.ranks import Ranks
from prunescope.dissection.overlap import MaskLabelCounts
from prunescope.dissection.upsample import Runs

NOT_WANTED = -1
_LISTS = ("units", "runs", "starts", "lengths")


@dataclass(frozen=True, kw_only=True)
class Masks:
    """The masks on one image, as runs down the columns of its label map, one mask after the other.

    units: the unit of each mask. area: its pixels. last: index of its last run. starts: index of
    each run's first pixel. ends: index of the pixel below its last, which may be below the map.
    """

    units: Int64[Tensor, " mask"]
    area: Int64[Tensor, " mask"]
    last: Int64[Tensor, " mask"]
    starts: Int64[Tensor, " run"]
    ends: Int64[Tensor, " run"]

    def to(self, device: torch.device) -> "Masks":
        """Return the masks on a device."""
        return Masks(**{name: part.to(device) for name, part in vars(self).items()})


@dataclass(frozen=True, kw_only=True)
class _ImageMasks:
    """The masks on one image, as runs down the columns of its label map, in narrow integers.

    width: of the label map. units: the unit of each mask, ascending. runs: how many each has.
    starts: index of each run's first pixel. lengths: its pixels.
    """

    width: int
    units: Integer[np.ndarray, " mask"]
    runs: Integer[np.ndarray, " mask"]
    starts: Integer[np.ndarray, " run"]
    lengths: Integer[np.ndarray, " run"]

    def check(self, units: int) -> None:
        """Raise ValueError where the parts do not fit each other, or the number of units."""
        parts = [getattr(self, name) for name in _LISTS]
        if not all(part.ndim == 1 and np.issubdtype(part.dtype, np.integer) for part in parts):
            raise ValueError("masks are lists of whole numbers")
        ordered = bool((np.diff(self.units.astype(np.int64)) > 0).all())
        sound = ordered and _all_within(self.units, 0, units - 1)
        sound = sound and len(self.units) == len(self.runs) and _all_within(self.runs, 1)
        sound = sound and len(self.starts) == len(self.lengths) == int(self.runs.sum())
        if not (sound and _all_within(self.starts, 0) and _all_within(self.lengths, 1)):
            raise ValueError("the runs of masks do not fit each other")

    def of_rows(self, row_of: Int64[np.ndarray, " unit"]) -> Masks | None:
        """Return the masks of the units that have a row, numbered by row; None without any."""
        rows = row_of[self.units]
        has_row = rows != NOT_WANTED
        if not has_row.any():
            return None
        kept = np.repeat(has_row, self.runs)
        starts, lengths = (part[kept].astype(np.int64) for part in (self.starts, self.lengths))
        runs = self.runs[has_row].astype(np.int64)
        behind = runs.cumsum()
        return Masks(
            units=from_numpy(rows[has_row]),
            area=from_numpy(np.add.reduceat(lengths, behind - runs)),
            last=from_numpy(behind - 1),
            starts=from_numpy(starts),
            ends=from_numpy(starts + lengths * self.width),
        )


class KeptMasks:
    """The masks of one layer on every image, so that permuting labels needs no further pass."""

    def __init__(self, units: int, by_image: Mapping[int, _ImageMasks] | None = None) -> None:
        """Begin empty, or with masks by their image's index. units: how many the layer has."""
        self.units = units
        self._by_image = dict(by_image or {})

    @property
    def indices(self) -> list[int]:
        """Indices of the images that were added; some may have no mask."""
        return sorted(self._by_image)

    @property
    def count(self) -> int:
        """How many masks there are."""
        return sum(len(masks.units) for masks in self._by_image.values())

    def width_of(self, image: int) -> int:
        """Return the width of the label map of an image that was added."""
        return self._by_image[image].width

    def add(self, indices: Sequence[int], counts: MaskLabelCounts) -> None:
        """Add the masks on some images. indices: of these in the set."""
        ends = torch.arange(counts.image_count + 1, device=counts.units.device)
        cuts = torch.searchsorted(counts.image_in_portion, ends).tolist()
        parts = zip(indices, counts.runs.parts(cuts), pairwise(cuts), strict=True)
        for image, runs, (start, stop) in parts:
            self._by_image[image] = _narrowed(counts.units[start:stop], runs)

    def check_within(self, shapes: Int64[np.ndarray, "image 2"]) -> None:
        """Raise ValueError where an image is missing, or a mask leaves its label map.

        shapes: of the label maps.
        """
        if self.indices != list(range(len(shapes))):
            raise ValueError("the masks are not of all images")
        for image, masks in self._by_image.items():
            height, width = shapes[image]
            last = masks.starts.astype(np.int64) + (masks.lengths.astype(np.int64) - 1) * width
            if masks.width != width or int(last.max(initial=0)) >= height * width:
                raise ValueError(f"the masks of image {image} are not within its label map")

    def activation(
        self, carried: Bool[np.ndarray, "image category"]
    ) -> Int64[np.ndarray, "unit category"]:
        """Return A: the pixels of every unit's masks on the images that carry a category.

        carried: whether each image carries a label of each.
        """
        pixels = np.zeros((self.units, carried.shape[1]), np.int64)
        for image, masks in self._by_image.items():
            if len(masks.units):
                runs = masks.runs.astype(np.int64)
                area = np.add.reduceat(masks.lengths.astype(np.int64), runs.cumsum() - runs)
                pixels[masks.units] += area[:, None] * carried[image]
        return pixels

    def of(self, image: int, row_of: Int64[np.ndarray, " unit"]) -> Masks | None:
        """Return the masks on an image of the units that have a row; None without any."""
        return self._by_image[image].of_rows(row_of)

    def exchange(self, ranks: Ranks) -> None:
        """Add the masks on the images of other processes."""
        for by_image in ranks.gather(self._by_image):
            self._by_image |= by_image

    def table(self) -> pd.DataFrame:
        """Return a row per image, in the set's order, as `masks.parquet` holds them."""
        rows: list[dict[str, Any]] = [
            {
                "row": image,
                "width": masks.width,
                **{name: getattr(masks, name).astype(np.int32) for name in _LISTS},
            }
            for image, masks in sorted(self._by_image.items())
        ]
        return pd.DataFrame(rows)

    @classmethod
    def of_table(cls, units: int, table: pd.DataFrame) -> "KeptMasks":
        """Read what `table` returned. Raises KeyError or ValueError for anything else."""
        by_image = {}
        for row in table.to_dict("records"):
            lists = {name: row[name] for name in _LISTS}
            masks = _ImageMasks(width=int(row["width"]), **lists)
            masks.check(units)
            by_image[int(row["row"])] = masks
        return cls(units, by_image)


def _all_within(numbers: np.ndarray, lowest: int, highest: int | None = None) -> bool:
    return bool((numbers >= lowest).all()) and (highest is None or bool((numbers <= highest).all()))


def _narrowed(units: Int64[Tensor, " mask"], runs: Runs) -> _ImageMasks:
    lengths = (runs.ends - runs.starts).div(runs.width, rounding_mode="floor")
    filled = runs.counts > 0
    parts = {
        "units": units[filled],
        "runs": runs.counts[filled],
        "starts": runs.starts,
        "lengths": lengths,
    }
    return _ImageMasks(
        width=runs.width,
        **{name: narrow(part.cpu().numpy()) for name, part in parts.items()},
    )


def narrow(numbers: np.ndarray) -> np.ndarray:
    """Store numbers of 0 or more in as few bytes as hold the largest."""
    return numbers.astype(np.min_scalar_type(int(numbers.max(initial=0))))
