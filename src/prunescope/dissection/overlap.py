"""How many pixels do masks and labels share, counted image by image?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

import numpy as np
import torch
from jaxtyping import Bool, Float32, Float64, Int64
from torch import Tensor, from_numpy
from torch.nn.functional import embedding_bag

from prunescope.base.ranks import Ranks
from prunescope.concepts.protocol import Label
from prunescope.dissection.conventions import Centring
from prunescope.dissection.kept_maps import ActiveMaps
from prunescope.dissection.regions import Regions, label_sums
from prunescope.dissection.upsample import Runs, runs_above
from prunescope.results.overlap import Overlap

_SUMS_IN_A_CACHE = 1 << 19  # 2 MiB in float32
_SUMS_ON_A_GPU = 1 << 23
_EXACT_IN_FLOAT32 = 1 << 24


@dataclass(frozen=True, kw_only=True)
class MaskLabelCounts:
    """How many pixels of each mask carry each label, on a few images.

    image_count: how many images.
    units, image_in_portion, maps: the unit of each mask, its image's index among these, and its
    map; image by image.
    runs: the pixels of the masks in the label map.
    pixels: how many of them carry the label of each code, from 1.
    """

    image_count: int
    units: Int64[Tensor, " mask"]
    image_in_portion: Int64[Tensor, " mask"]
    maps: Float32[Tensor, "mask height width"]
    runs: Runs
    pixels: Int64[Tensor, "mask label"]


class OverlapTally:
    """Counts of masks and labels, batch by batch; processes exchange their counts."""

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
        centring: see `read_axis`. inside: A counts an image for a category only if one of its
            labels lies inside the unit's mask, instead of anywhere in the image.
        """
        self._thresholds = thresholds.to(device)
        self._numbers = np.array([label.number for label in labels], np.int64)
        self._names = tuple(label.name for label in labels)
        self._categories = tuple(categories)
        homes = [self._categories.index(label.category) for label in labels]
        self._category_of = torch.tensor(homes, dtype=torch.int64, device=device)
        self._centring = centring
        self._inside = inside
        units = len(thresholds)
        # An extra column pads images that have fewer labels than others.
        self._intersection = _zeros(units, len(labels) + 1, device=device)
        self._activation = _zeros(units, len(self._categories), device=device)
        self._truth = np.zeros(len(labels), np.int64)

    def add(self, active: ActiveMaps, regions: Sequence[Regions]) -> Iterator[MaskLabelCounts]:
        """Count the images of a batch, and yield the counts of a few of them at a time.

        active: their maps; those that do not exceed their threshold have empty masks.
        regions: the labels of each. Only what is iterated over is counted.
        """
        active = active.by_image(self._thresholds)
        for indices in _of_one_size(regions):
            portion = regions[indices.start : indices.stop]
            for labelled in portion:
                self._truth[labelled.label_indices] += labelled.truth
            bounds = torch.tensor([indices.start, indices.stop], device=active.units.device)
            masks = slice(*torch.searchsorted(active.image_in_batch, bounds).tolist())
            counts = self._measure(
                active.units[masks],
                active.image_in_batch[masks] - indices.start,
                active.maps[masks],
                portion,
            )
            self._take(counts, portion)
            yield counts

    def exchange(self, ranks: Ranks) -> None:
        """Add the counts of other processes."""
        self._intersection = ranks.total(self._intersection)
        self._activation = ranks.total(self._activation)
        self._truth = ranks.total(from_numpy(self._truth)).numpy()

    def overlap(self) -> Overlap:
        """Return the counts so far."""
        return Overlap(
            thresholds=self._thresholds.cpu().numpy().copy(),
            intersection=self._intersection[:, :-1].cpu().numpy().copy(),
            activation=self._activation.cpu().numpy().copy(),
            truth=self._truth.copy(),
            label_numbers=self._numbers.copy(),
            category_of=self._category_of.cpu().numpy().copy(),
            categories=self._categories,
            label_names=self._names,
        )

    def _measure(
        self, units: Tensor, image_in_portion: Tensor, maps: Tensor, regions: Sequence[Regions]
    ) -> MaskLabelCounts:
        runs = runs_above(maps, self._thresholds[units], regions[0].shape, self._centring)
        return MaskLabelCounts(
            image_count=len(regions),
            units=units,
            image_in_portion=image_in_portion,
            maps=maps,
            runs=runs,
            pixels=_labelled_pixels(runs, image_in_portion, regions),
        )

    def _take(self, counts: MaskLabelCounts, regions: Sequence[Regions]) -> None:
        device = self._intersection.device
        width = self._intersection.shape[1]
        label_indices = torch.full((len(regions), counts.pixels.shape[1]), width - 1)
        carried = torch.zeros(len(regions), len(self._categories), dtype=torch.bool)
        for row, labelled in enumerate(regions):
            labels = from_numpy(labelled.label_indices)
            label_indices[row, : len(labels)] = labels
            carried[row, self._category_of.cpu()[labels]] = True
        label_indices = label_indices.to(device)[counts.image_in_portion]
        cells = counts.units[:, None] * width + label_indices
        self._intersection.view(-1).index_add_(0, cells.flatten(), counts.pixels.flatten())
        counted = carried.to(device)[counts.image_in_portion]
        if self._inside:
            counted = self._categories_within(counts, label_indices)
        self._activation.index_add_(0, counts.units, counts.runs.areas[:, None] * counted)

    def _categories_within(
        self, counts: MaskLabelCounts, label_indices: Tensor
    ) -> Bool[Tensor, "mask category"]:
        """Return the categories of which a label lies inside each mask."""
        no_category = self._category_of.new_tensor([len(self._categories)])
        categories = torch.cat([self._category_of, no_category])[label_indices]
        pixels = counts.pixels.new_zeros(len(label_indices), len(self._categories) + 1)
        return pixels.scatter_add_(1, categories, counts.pixels)[:, :-1] > 0


def _labelled_pixels(
    runs: Runs, image_in_portion: Int64[Tensor, " mask"], regions: Sequence[Regions]
) -> Int64[Tensor, "mask label"]:
    """Return how many pixels of each mask carry each label of its image.

    In a run they are the difference of two cumulative sums of its column, at its end and its start.
    """
    labels = max(len(labelled.label_indices) for labelled in regions)
    device = image_in_portion.device
    pixels = torch.zeros(len(image_in_portion), labels, dtype=torch.int64, device=device)
    if labels == 0 or not runs.counts.any():
        return pixels
    # Sums of whole numbers are exact as long as they can be represented; autocast would break that.
    multiplicity = max(labelled.multiplicity for labelled in regions)
    highest = int(runs.counts.max()) * regions[0].shape[0] * multiplicity
    dtype = torch.float32 if highest <= _EXACT_IN_FLOAT32 else torch.float64
    cuts = _portions(regions, device)
    ends = torch.searchsorted(image_in_portion, torch.tensor(cuts, device=device)).tolist()
    for part, (start, stop), (first, last) in zip(
        runs.parts(ends), pairwise(cuts), pairwise(ends), strict=True
    ):
        sums = label_sums(regions[start:stop], dtype, device)
        bags = part.counts.cumsum(0) - part.counts
        image = (image_in_portion[first:last] - start) * sums.shape[1]
        shift = image.repeat_interleave(part.counts)
        with torch.autocast(device.type, enabled=False):
            upto, before = (
                embedding_bag(pixel + shift, sums.flatten(0, 1), bags, mode="sum")
                for pixel in (part.ends, part.starts)
            )
        width = min(labels, sums.shape[2])
        pixels[first:last, :width] = (upto - before)[:, :width]
    return pixels


def _of_one_size(regions: Sequence[Regions]) -> Iterator[range]:
    """Split images, by their indices, into ranges whose label maps have one size."""
    for _, stretch in groupby(range(len(regions)), key=lambda image: regions[image].shape):
        indices = list(stretch)
        yield range(indices[0], indices[-1] + 1)


def _portions(regions: Sequence[Regions], device: torch.device) -> list[int]:
    """Return where to split images so that the sums of all labels fit into the cache."""
    values = regions[0].pixels * max(len(labelled.label_indices) | 1 for labelled in regions)
    room = _SUMS_ON_A_GPU if device.type == "cuda" else _SUMS_IN_A_CACHE
    return [*range(0, len(regions), max(1, room // values)), len(regions)]


def _zeros(*shape: int, device: torch.device | None) -> Tensor:
    return torch.zeros(shape, dtype=torch.int64, device=device)
