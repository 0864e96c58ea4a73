"""On how many pixels do a unit's masks and the labels meet?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import torch
from jaxtyping import Bool, Float64, Int64
from torch import Tensor, from_numpy
from torch.nn.functional import embedding_bag

from prunescope.base.ranks import Ranks
from prunescope.concepts.protocol import Label
from prunescope.dissection.kept import ActiveMaps
from prunescope.dissection.regions import Regions, label_table
from prunescope.dissection.upsample import Centring, pixels_above

_TABLE_VALUES = 1 << 23  # 32 MiB in float32


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

    def allowed(self, categories: Sequence[str]) -> Bool[np.ndarray, " label"]:
        """Whether each label is of one of some categories."""
        chosen = [self.categories.index(name) for name in categories]
        return np.isin(self.category_of.numpy(), chosen)


@dataclass(frozen=True, kw_only=True)
class Meeting:
    """Where masks and labels meet on some images.

    of: how many images.
    units, images: of which unit, and of which of the images, each mask is; image by image.
    area: pixels of the mask. hits: their places in the label map, one mask after the other.
    pixels: of them, those that carry the label of each code, from 1.
    """

    of: int
    units: Int64[Tensor, " mask"]
    images: Int64[Tensor, " mask"]
    area: Int64[Tensor, " mask"]
    hits: Int64[Tensor, " hit"]
    pixels: Int64[Tensor, "mask label"]


class OverlapTally:
    """Counts of masks and labels, batch by batch; tallies of shards of the images merge."""

    def __init__(
        self,
        thresholds: Float64[Tensor, " unit"],
        labels: Sequence[Label],
        categories: Sequence[str],
        device: torch.device | None = None,
        *,
        centring: Centring = "half-pixel",
        inside: bool = False,
    ) -> None:
        """Make an empty tally.

        labels: of the whole set, by ascending number. categories: all of the set.
        centring: see `pixels_above`. inside: A counts an image for a category only if a label of
            it lies inside the unit's mask, instead of anywhere in the image.
        """
        self._thresholds = thresholds.to(device)
        self._numbers = torch.tensor([label.number for label in labels], dtype=torch.int64)
        self._names = tuple(label.name for label in labels)
        self._categories = tuple(categories)
        places = [self._categories.index(label.category) for label in labels]
        self._category_of = torch.tensor(places, dtype=torch.int64, device=device)
        self._centring = centring
        self._inside = inside
        units = len(thresholds)
        # One column more than there are: images with fewer labels than others fill up with it.
        self._intersection = _zeros(units, len(labels) + 1, device=device)
        self._activation = _zeros(units, len(self._categories), device=device)
        self._truth = np.zeros(len(labels), np.int64)

    def add(self, active: ActiveMaps, regions: Sequence[Regions]) -> Iterator[Meeting]:
        """Take in the images of a batch, and return, for some of them at a time, what was met.

        active: their maps; those that do not exceed their threshold have empty masks.
        regions: where the labels of each are. Nothing is taken in but what is iterated over.
        """
        active = active.above(self._thresholds)
        order = active.places.argsort(stable=True)
        units, places, maps = active.units[order], active.places[order], active.maps[order]
        for images in _alike(regions):
            some = regions[images.start : images.stop]
            for one in some:
                self._truth[one.columns] += one.truth
            first, last = torch.searchsorted(
                places, torch.tensor([images.start, images.stop], device=places.device)
            ).tolist()
            chosen = slice(first, last)
            meeting = self._meet(units[chosen], places[chosen] - images.start, maps[chosen], some)
            self._count(meeting, some)
            yield meeting

    def merge(self, other: "OverlapTally") -> None:
        """Take in the images of another tally with the same thresholds and labels."""
        self._intersection += other._intersection.to(self._intersection.device)
        self._activation += other._activation.to(self._activation.device)
        self._truth += other._truth

    def exchange(self, ranks: Ranks) -> None:
        """Take in the images of the tallies of other processes."""
        self._intersection = ranks.total(self._intersection)
        self._activation = ranks.total(self._activation)
        self._truth = ranks.total(from_numpy(self._truth)).numpy()

    def overlap(self) -> Overlap:
        """Return the counts so far."""
        return Overlap(
            thresholds=self._thresholds.cpu(),
            intersection=self._intersection[:, :-1].cpu().clone(),
            activation=self._activation.cpu().clone(),
            truth=from_numpy(self._truth.copy()),
            label_numbers=self._numbers.clone(),
            category_of=self._category_of.cpu().clone(),
            categories=self._categories,
            label_names=self._names,
        )

    def _meet(
        self, units: Tensor, images: Tensor, maps: Tensor, regions: Sequence[Regions]
    ) -> Meeting:
        table = label_table(regions, maps.device)
        hits = pixels_above(maps, self._thresholds[units], regions[0].shape, self._centring)
        start = (images * regions[0].pixels).repeat_interleave(hits.counts)
        # A sum of zeros, ones and twos is exact while every count can be represented, which an
        # autocast around all this would end.
        with torch.autocast(maps.device.type, enabled=False):
            met = embedding_bag(
                hits.pixels + start, table, hits.counts.cumsum(0) - hits.counts, mode="sum"
            )
        return Meeting(
            of=len(regions),
            units=units,
            images=images,
            area=hits.counts,
            hits=hits.pixels,
            pixels=met.long(),
        )

    def _count(self, meeting: Meeting, regions: Sequence[Regions]) -> None:
        device = self._intersection.device
        width = self._intersection.shape[1]
        columns = torch.full((len(regions), meeting.pixels.shape[1]), width - 1)
        present = torch.zeros(len(regions), len(self._categories), dtype=torch.bool)
        for row, one in enumerate(regions):
            own = from_numpy(one.columns)
            columns[row, : len(own)] = own
            present[row, self._category_of.cpu()[own]] = True
        columns = columns.to(device)[meeting.images]
        places = meeting.units[:, None] * width + columns
        self._intersection.view(-1).index_add_(0, places.flatten(), meeting.pixels.flatten())
        fired = present.to(device)[meeting.images]
        if self._inside:
            fired = self._met_categories(meeting, columns)
        self._activation.index_add_(0, meeting.units, meeting.area[:, None] * fired)

    def _met_categories(self, meeting: Meeting, columns: Tensor) -> Bool[Tensor, "mask category"]:
        nothing = self._category_of.new_tensor([len(self._categories)])
        categories = torch.cat([self._category_of, nothing])[columns]
        met = meeting.pixels.new_zeros(len(columns), len(self._categories) + 1)
        return met.scatter_add_(1, categories, meeting.pixels)[:, :-1] > 0


def _alike(regions: Sequence[Regions]) -> Iterator[range]:
    """Cut images into stretches whose label maps have one size, and whose labels fit in memory."""
    for _, stretch in groupby(range(len(regions)), key=lambda place: regions[place].shape):
        places = list(stretch)
        labels = max(len(regions[place].columns) for place in places)
        step = max(1, _TABLE_VALUES // (regions[places[0]].pixels * (labels + 1)))
        for start in range(places[0], places[-1] + 1, step):
            yield range(start, min(start + step, places[-1] + 1))


def _zeros(*shape: int, device: torch.device | None) -> Tensor:
    return torch.zeros(shape, dtype=torch.int64, device=device)
