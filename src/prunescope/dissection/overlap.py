"""On how many pixels do a unit's masks and the labels meet?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

import numpy as np
import torch
from jaxtyping import Bool, Float64, Int64
from torch import Tensor, from_numpy
from torch.nn.functional import embedding_bag

from prunescope.base.ranks import Ranks
from prunescope.concepts.protocol import Label
from prunescope.dissection.conventions import Centring
from prunescope.dissection.kept import ActiveMaps
from prunescope.dissection.regions import Regions, label_sums
from prunescope.dissection.upsample import Runs, runs_above

_SUMS_IN_A_CACHE = 1 << 19  # 2 MiB in float32
_SUMS_ON_A_GPU = 1 << 23
_EXACT_IN_FLOAT32 = 1 << 24


@dataclass(frozen=True, kw_only=True)
class Overlap:
    """The counts of a layer, in pixels, from which every IoU follows (docs/method.md).

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
    runs: where in the label map the pixels of the masks are.
    pixels: how many of them carry the label of each code, from 1.
    """

    of: int
    units: Int64[Tensor, " mask"]
    images: Int64[Tensor, " mask"]
    runs: Runs
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
        centring: see `read_axis`. inside: A counts an image for a category only if a label of
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
        active = active.by_image(self._thresholds)
        units, places, maps = active.units, active.images, active.maps
        for images in _alike(regions):
            some = regions[images.start : images.stop]
            for one in some:
                self._truth[one.columns] += one.truth
            bounds = torch.tensor([images.start, images.stop], device=places.device)
            chosen = slice(*torch.searchsorted(places, bounds).tolist())
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
        runs = runs_above(maps, self._thresholds[units], regions[0].shape, self._centring)
        return Meeting(
            of=len(regions),
            units=units,
            images=images,
            runs=runs,
            pixels=_labels_met(runs, images, regions),
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
        self._activation.index_add_(0, meeting.units, meeting.runs.areas[:, None] * fired)

    def _met_categories(self, meeting: Meeting, columns: Tensor) -> Bool[Tensor, "mask category"]:
        nothing = self._category_of.new_tensor([len(self._categories)])
        categories = torch.cat([self._category_of, nothing])[columns]
        met = meeting.pixels.new_zeros(len(columns), len(self._categories) + 1)
        return met.scatter_add_(1, categories, meeting.pixels)[:, :-1] > 0


def _labels_met(
    runs: Runs, images: Int64[Tensor, " mask"], regions: Sequence[Regions]
) -> Int64[Tensor, "mask label"]:
    """Return how many pixels of each mask carry each label of its image.

    In a run they are the difference of two sums down its column: to its end, and to its start.
    """
    labels = max(len(one.columns) for one in regions)
    met = torch.zeros(len(images), labels, dtype=torch.int64, device=images.device)
    if labels == 0 or not runs.counts.any():
        return met
    # A sum of whole numbers is exact while it can be represented, which an autocast around all
    # this would end.
    most = int(runs.counts.max()) * regions[0].shape[0] * max(one.times for one in regions)
    kind = torch.float32 if most <= _EXACT_IN_FLOAT32 else torch.float64
    cuts = _portions(regions, images.device)
    ends = torch.searchsorted(images, torch.tensor(cuts, device=images.device)).tolist()
    for own, (start, stop), (first, last) in zip(
        runs.parts(ends), pairwise(cuts), pairwise(ends), strict=True
    ):
        sums = label_sums(regions[start:stop], kind, images.device)
        bags = own.counts.cumsum(0) - own.counts
        image = (images[first:last] - start) * sums.shape[1]
        shift = image.repeat_interleave(own.counts)
        with torch.autocast(images.device.type, enabled=False):
            upto, before = (
                embedding_bag(places + shift, sums.flatten(0, 1), bags, mode="sum")
                for places in (own.ends, own.starts)
            )
        width = min(labels, sums.shape[2])
        met[first:last, :width] = (upto - before)[:, :width]
    return met


def _alike(regions: Sequence[Regions]) -> Iterator[range]:
    """Cut images into stretches whose label maps have one size."""
    for _, stretch in groupby(range(len(regions)), key=lambda place: regions[place].shape):
        places = list(stretch)
        yield range(places[0], places[-1] + 1)


def _portions(regions: Sequence[Regions], device: torch.device) -> list[int]:
    """Return where to cut images so that the sums of all labels fit in the room there is."""
    values = regions[0].pixels * max(len(one.columns) | 1 for one in regions)
    room = _SUMS_ON_A_GPU if device.type == "cuda" else _SUMS_IN_A_CACHE
    return [*range(0, len(regions), max(1, room // values)), len(regions)]


def _zeros(*shape: int, device: torch.device | None) -> Tensor:
    return torch.zeros(shape, dtype=torch.int64, device=device)
