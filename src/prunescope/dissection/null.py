"""How well would units fit labels that do not belong to their images?"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Float32, Float64, Int64, Shaped
from torch import Tensor, from_numpy
from torch.nn.functional import embedding_bag

from prunescope.base.ranks import Ranks
from prunescope.dissection.label_maps import CategoryLabels, LabelMaps
from prunescope.dissection.overlap import Meeting, Overlap
from prunescope.dissection.regions import Regions
from prunescope.dissection.scores import best_labels, iou_matrix
from prunescope.dissection.shuffle import Shuffle

_SHARED = 3  # counts that share a float32, which holds 24 bits
_BITS = 8
_MOST = (1 << _BITS) - 1
_MOST_IN_INT32 = (1 << 31) - 1


@dataclass(frozen=True, kw_only=True)
class Masks:
    """The masks on one image: of which unit each is, and its pixels, one mask after the other."""

    units: Int64[Tensor, " mask"]
    area: Int64[Tensor, " mask"]
    pixels: Int64[Tensor, " hit"]

    def bags(self, most: int) -> tuple[Int64[Tensor, " mask"], Int64[Tensor, " bag"]]:
        """Cut the pixels of every mask into bags of at most so many.

        Return the first bag of each mask, and where each bag starts.
        """
        bags = (self.area + most - 1).div(most, rounding_mode="floor")
        first = bags.cumsum(0) - bags
        owners = torch.arange(len(bags), device=bags.device).repeat_interleave(bags)
        place = torch.arange(len(owners), device=bags.device) - first[owners]
        return first, (self.area.cumsum(0) - self.area)[owners] + place * most


@dataclass(frozen=True, kw_only=True)
class Lent:
    """The labels of one category that an image gets in every draw.

    columns: place of each among the set's labels, by its code in the image it comes from; the
        number of the set's labels where there is none. whole: the same of those that fill the map.
    table: how often a pixel carries each code, three of them in one number, draw after draw.
    most: bags of so many pixels can be summed without the three running into each other.
    """

    columns: Int64[Tensor, "draw code"]
    whole: Int64[Tensor, "draw place"]
    table: Float32[Tensor, "pixel column"]
    most: int


class NullTally:
    """For one layer, the pixels that masks share with the labels of every draw."""

    def __init__(
        self, units: int, labels: int, draws: int, pixels: int, device: torch.device
    ) -> None:
        """Make an empty tally. pixels: of all label maps together: no count can exceed it."""
        kind = torch.int32 if pixels <= _MOST_IN_INT32 else torch.int64
        # One column more than there are: for where a draw has fewer labels than another.
        self._counts = torch.zeros(units, draws, labels + 1, dtype=kind, device=device)

    def add(self, masks: Masks, lent: Lent) -> None:
        """Take in one image's labels of one category."""
        if len(masks.units) == 0:
            return
        if lent.table.shape[1]:
            self._count(masks.units, lent.columns, _meet(masks, lent))
        if lent.whole.shape[1]:
            area = masks.area.to(self._counts.dtype)[:, None, None]
            self._count(masks.units, lent.whole, area.expand(-1, *lent.whole.shape))

    def exchange(self, ranks: Ranks) -> None:
        """Take in the images of the tallies of other processes."""
        self._counts = ranks.total(self._counts)

    def intersection(self, draw: int) -> Int64[Tensor, "unit label"]:
        """Return I of every unit and label in a draw, in pixels."""
        return self._counts[:, draw, :-1].long().cpu()

    def best_ious(
        self, overlap: Overlap, categories: Sequence[str]
    ) -> Float64[np.ndarray, "draw unit"]:
        """Return every unit's highest IoU in each draw, among the labels of some categories.

        overlap: the counts of the labels where they belong, whose A and G are those of every draw:
        the carriers of a category stay the same, and its labels too. nan as in `best_labels`.
        """
        rows = []
        for draw in range(self._counts.shape[1]):
            drawn = Overlap(**(vars(overlap) | {"intersection": self.intersection(draw)}))
            rows.append(best_labels(iou_matrix(drawn), drawn.allowed(categories))[1])
        return np.array(rows).reshape(-1, len(self._counts))

    def _count(
        self, units: Tensor, columns: Tensor, met: Shaped[Tensor, "mask draw place"]
    ) -> None:
        _, draws, width = self._counts.shape
        within = torch.arange(draws, device=columns.device)[:, None] * width + columns
        places = (units * (draws * width))[:, None] + within.flatten()
        counts = met.to(self._counts.dtype).reshape(-1)
        self._counts.view(-1).index_add_(0, places.flatten(), counts)


class Null:
    """Counts, layer by layer, of masks and labels that were permuted among the images."""

    def __init__(
        self,
        maps: LabelMaps,
        units: Mapping[str, int],
        categories: Sequence[str],
        draws: int,
        device: torch.device,
    ) -> None:
        """Draw, and make empty tallies.

        maps: the labels of all images. units: of each layer. categories: only their labels count.
        """
        names = maps.concepts.categories
        self._maps = maps
        self._shuffle = Shuffle(maps.carried, maps.shapes, names, draws)
        self._chosen = [place for place, name in enumerate(names) if name in categories]
        self._labels = len(maps.concepts.labels)
        self._device = device
        pixels = int(maps.shapes.prod(axis=1).sum())
        self.tallies = {
            layer: NullTally(number, self._labels, draws, pixels, device)
            for layer, number in units.items()
        }

    def regions(self, images: Sequence[int]) -> tuple[Regions, ...]:
        """Return where the labels of some images belong."""
        return tuple(self._maps.regions(image) for image in images)

    def add(self, images: Sequence[int], met: Mapping[str, Sequence[Meeting]]) -> None:
        """Take in a batch. images: their indexes. met: what each layer's masks are there."""
        masks = {layer: masks_by_image(meetings) for layer, meetings in met.items()}
        for image in images:
            own = {layer: next(of_images) for layer, of_images in masks.items()}
            for category in self._chosen:
                if self._maps.carried[image, category]:
                    lent = self._lend(image, category)
                    for layer, tally in self.tallies.items():
                        tally.add(own[layer], lent)

    def _lend(self, image: int, category: int) -> Lent:
        sources = self._shuffle.sources(image, category).tolist()
        pixels = int(self._maps.shapes[image].prod())
        labels = [self._maps.of(source, category) for source in sources]
        return lend(labels, pixels, self._labels, self._device)


def lend(labels: Sequence[CategoryLabels], pixels: int, nothing: int, device: torch.device) -> Lent:
    """Lay out what every draw lends to an image.

    labels: of each draw. pixels: of the label map. nothing: the column for where there is none.
    """
    wide = -(-max(len(one.columns) for one in labels) // _SHARED) * _SHARED
    planes = max(len(one.codes) for one in labels)
    wholes = max(len(one.whole) for one in labels)
    columns = np.full((len(labels), wide), nothing, np.int64)
    whole = np.full((len(labels), wholes), nothing, np.int64)
    kind = np.result_type(*(one.codes for one in labels))
    codes = np.zeros((planes, len(labels), pixels), kind)
    for draw, one in enumerate(labels):
        columns[draw, : len(one.columns)] = one.columns
        whole[draw, : len(one.whole)] = [one.columns[code - 1] for code in one.whole]
        codes[: len(one.codes), draw] = one.codes
    return Lent(
        columns=from_numpy(columns).to(device),
        whole=from_numpy(whole).to(device),
        table=_table(codes, wide // _SHARED, device),
        most=_MOST // max(1, planes),
    )


def masks_by_image(meetings: Sequence[Meeting]) -> Iterator[Masks]:
    """Yield the masks of each image in turn."""
    for meeting in meetings:
        images = torch.arange(meeting.of + 1, device=meeting.images.device)
        cuts = torch.searchsorted(meeting.images, images).tolist()
        for (first, last), runs in zip(pairwise(cuts), meeting.runs.parts(cuts), strict=True):
            units = meeting.units[first:last]
            yield Masks(units=units, area=runs.areas, pixels=runs.pixels())


def _table(
    codes: Shaped[np.ndarray, "plane draw pixel"], groups: int, device: torch.device
) -> Float32[Tensor, "pixel column"]:
    """Return the sum over the planes of what stands for each code: 1, 256 or 65536 in its group."""
    planes, draws, pixels = codes.shape
    labels = torch.arange(groups * _SHARED, device=device)
    values = torch.zeros(len(labels) + 1, groups, device=device)
    values[labels + 1, labels // _SHARED] = 2.0 ** (_BITS * (labels % _SHARED))
    if planes == 0:
        return values.new_zeros(pixels, 0)
    rows = (np.ascontiguousarray(plane.T).astype(np.int32) for plane in codes)
    tables = (values.index_select(0, from_numpy(row).to(device).flatten()) for row in rows)
    table = next(tables)
    for more in tables:
        table += more
    return table.view(pixels, draws * groups)


def _meet(masks: Masks, lent: Lent) -> Shaped[Tensor, "mask draw code"]:
    """Return how many pixels of each mask carry each code in each draw."""
    first, starts = masks.bags(lent.most)
    # A sum of such numbers is exact while it stays within 24 bits, which autocast would end.
    with torch.autocast(starts.device.type, enabled=False):
        sums = embedding_bag(masks.pixels, lent.table, starts, mode="sum").int()
        parts = torch.stack([(sums >> (_BITS * place)) & _MOST for place in range(_SHARED)], dim=2)
        every = torch.arange(len(starts), device=starts.device)
        met = embedding_bag(every, parts.flatten(1).double(), first, mode="sum")
    return met.view(len(met), *lent.columns.shape)
