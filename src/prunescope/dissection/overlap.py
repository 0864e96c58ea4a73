"""On how many pixels do a unit's masks and the labels meet?"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float32, Float64, Int64
from torch import Tensor

from prunescope.concepts.protocol import Label
from prunescope.dissection.regions import Regions
from prunescope.dissection.upsample import masks_above

_EXACT_IN_FLOAT32 = 1 << 24
_MASKED_AT_ONCE = 1 << 22  # pixels of all units together: 32 MiB in float64


@dataclass(frozen=True, kw_only=True)
class Overlap:
    """The counts of a layer, in pixels, from which every IoU follows (METHOD section 2).

    thresholds: T_k. intersection: I. truth: G. activation: A of each category.
    label_numbers: the global number of every column of I and G, ascending.
    category_of: for each of them, the column of A of its primary category.
    categories: the names of the columns of A.
    label_names: those of the columns of I and G; empty where nothing says them.
    """

    thresholds: Float64[Tensor, " unit"]
    intersection: Int64[Tensor, "unit label"]
    activation: Int64[Tensor, "unit category"]
    truth: Int64[Tensor, " label"]
    label_numbers: Int64[Tensor, " label"]
    category_of: Int64[Tensor, " label"]
    categories: tuple[str, ...]
    label_names: tuple[str, ...] = ()

    @property
    def dead(self) -> Bool[Tensor, " unit"]:
        """Whether a unit never fires: its A is 0 over every category."""
        return (self.activation == 0).all(dim=1)


class OverlapTally:
    """Counts of masks and labels, image by image; tallies of shards of the images merge."""

    def __init__(
        self,
        thresholds: Float64[Tensor, " unit"],
        labels: Sequence[Label],
        categories: Sequence[str],
        device: torch.device | None = None,
    ) -> None:
        """Make an empty tally.

        labels: of the whole set, by ascending number. categories: all of the set.
        """
        self._thresholds = thresholds.to(device)
        self._numbers = torch.tensor([label.number for label in labels], dtype=torch.int64)
        self._names = tuple(label.name for label in labels)
        self._categories = tuple(categories)
        places = [self._categories.index(label.category) for label in labels]
        self._category_of = torch.tensor(places, dtype=torch.int64, device=device)
        units = len(thresholds)
        self._intersection = _zeros(units, len(labels), device=device)
        self._activation = _zeros(units, len(self._categories), device=device)
        self._truth = _zeros(len(labels), device=device)

    def add(self, maps: Float32[Tensor, "unit height width"], regions: Regions) -> None:
        """Take in one image: the maps of all units, and where its labels are."""
        device = self._truth.device
        columns, pixels = regions.columns.to(device), regions.pixels.to(device)
        self._truth[columns] += pixels.sum(dim=1)
        present = torch.unique(self._category_of[columns])
        # A matrix product of zeros and ones is exact while every sum can be represented.
        number = torch.float32 if pixels.shape[1] < _EXACT_IN_FLOAT32 else torch.float64
        firing = (maps.amax(dim=(1, 2)) > self._thresholds).nonzero()[:, 0]
        for units in torch.split(firing, max(1, _MASKED_AT_ONCE // pixels.shape[1])):
            masks = masks_above(maps[units], self._thresholds[units], regions.shape).flatten(1)
            meeting = masks.to(number) @ pixels.T.to(number)
            self._intersection[units[:, None], columns] += meeting.long()
            self._activation[units[:, None], present] += masks.sum(dim=1)[:, None]

    def merge(self, other: "OverlapTally") -> None:
        """Take in the images of another tally with the same thresholds and labels."""
        device = self._truth.device
        self._intersection += other._intersection.to(device)
        self._activation += other._activation.to(device)
        self._truth += other._truth.to(device)

    def overlap(self) -> Overlap:
        """Return the counts so far."""
        return Overlap(
            thresholds=self._thresholds.cpu(),
            intersection=self._intersection.cpu().clone(),
            activation=self._activation.cpu().clone(),
            truth=self._truth.cpu().clone(),
            label_numbers=self._numbers.clone(),
            category_of=self._category_of.cpu().clone(),
            categories=self._categories,
            label_names=self._names,
        )


def _zeros(*shape: int, device: torch.device | None) -> Tensor:
    return torch.zeros(shape, dtype=torch.int64, device=device)
