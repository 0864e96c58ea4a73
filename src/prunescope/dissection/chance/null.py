"""How well do units fit labels that are permuted among the images?"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float64, Int32, Int64
from torch import Tensor

from prunescope.base.progress import Task
from prunescope.base.ranks import ALONE, Ranks
from prunescope.dissection.chance.column_sums import Shared, Stacks
from prunescope.dissection.chance.shuffle import permuted_sources
from prunescope.dissection.kept_masks import NOT_WANTED, KeptMasks, Masks
from prunescope.dissection.label_maps import LabelMaps
from prunescope.results.overlap import Overlap, iou_of_counts

_MOST_IN_INT32 = (1 << 31) - 1
_BYTES_A_COUNT = 4
_ROOM = 256 << 20  # bytes for the counts of the draws that are made at a time
_AT_A_TIME = 32
_AT_MOST_AT_A_TIME = 256


class NullTally:
    """The pixels that masks of a layer's units share with the labels of every draw."""

    def __init__(
        self,
        units: Int64[np.ndarray, " unit"],
        labels: int,
        draws: int,
        pixels: int,
        device: torch.device,
    ) -> None:
        """Make an empty tally.

        units: those that are counted. pixels: of all label maps together, an upper bound of counts.
        """
        dtype = torch.int32 if pixels <= _MOST_IN_INT32 else torch.int64
        self.units = units
        self._counts = torch.zeros(draws, labels, len(units), dtype=dtype, device=device)

    def add(self, masks: Masks, shared: Shared) -> None:
        """Add the pixels that masks on one image share with labels. masks: by rows of the tally."""
        _, labels, units = self._counts.shape
        first = (shared.draws * labels + shared.labels) * units
        cells = first[:, None] + masks.units
        pixels = shared.pixels.to(self._counts.dtype)
        counts = self._counts.view(-1)
        if cells.device.type == "cpu":
            counts.numpy()[cells.numpy()] += pixels.numpy()
        else:
            counts[cells] += pixels

    def exchange(self, ranks: Ranks) -> None:
        """Add the counts of other processes."""
        self._counts = ranks.total(self._counts)

    def intersection(self, draw: int) -> Int64[Tensor, "unit label"]:
        """Return I of the units and every label in a draw, in pixels. draw: index in the tally."""
        return self._counts[draw].T.long().cpu()

    def ious(
        self, overlap: Overlap, categories: Sequence[str], draw: int
    ) -> Float64[np.ndarray, "unit label"]:
        """Return the IoU of the units and the labels of these categories; nan where undefined.

        overlap: the counts without permutation. Its A and G are those of every draw, since a draw
        changes neither the images that carry a category nor the category's labels.
        """
        allowed = np.flatnonzero(overlap.allowed(categories))
        return iou_of_counts(
            self.intersection(draw).numpy()[:, allowed],
            overlap.activation[self.units],
            overlap.truth[allowed],
            overlap.category_of[allowed],
        )


class Null:
    """Counts, layer by layer, of masks and labels permuted among the images."""

    def __init__(
        self,
        label_maps: LabelMaps,
        masks: Mapping[str, KeptMasks],
        categories: Sequence[str],
        device: torch.device,
        ranks: Ranks = ALONE,
    ) -> None:
        """Prepare the labels to be permuted, on a device.

        label_maps: the labels of all images. masks: of each layer, on this process's images.
        categories: only their labels count. ranks: the processes that share the images.
        """
        names = label_maps.concepts.categories
        self._label_maps = label_maps
        self._masks = masks
        self._chosen = [index for index, name in enumerate(names) if name in categories]
        self._stacks = Stacks(label_maps, self._chosen, device)
        self._names = [names[index] for index in self._chosen]
        self._labels = len(label_maps.concepts.labels)
        self._device = device
        self._ranks = ranks
        self._pixels = int(label_maps.shapes.prod(axis=1).sum())
        self._indices = sorted({index for kept in masks.values() for index in kept.indices})

    @property
    def image_count(self) -> int:
        """How many images this process counts in every draw."""
        return len(self._indices)

    def at_a_time(self, units: Mapping[str, Int64[np.ndarray, " unit"]]) -> int:
        """Return how many draws to make at a time; the fewer units are counted, the more draws."""
        counted = sum(map(len, units.values()))
        total = sum(self._masks[layer].units for layer in units)
        wanted = min(_AT_MOST_AT_A_TIME, _AT_A_TIME * total // counted)
        return max(1, min(wanted, _ROOM // (_BYTES_A_COUNT * self._labels * counted)))

    def count(
        self,
        units: Mapping[str, Int64[np.ndarray, " unit"]],
        draws: range,
        task: Task | None = None,
    ) -> dict[str, NullTally]:
        """Make draws, by their numbers, and count the pixels units share with labels in them."""
        carried = self._label_maps.carried[:, self._chosen]
        sources = [
            permuted_sources(carriers, self._label_maps.shapes, category, draws)
            for carriers, category in zip(carried.T, self._names, strict=True)
        ]
        tallies = {
            layer: NullTally(chosen, self._labels, len(draws), self._pixels, self._device)
            for layer, chosen in units.items()
        }
        rows = {layer: self._rows(layer, chosen) for layer, chosen in units.items()}
        for image in self._indices:
            of_layers = {layer: self._masks[layer].of(image, rows[layer]) for layer in units}
            masks = {
                layer: of_layer.to(self._device)
                for layer, of_layer in of_layers.items()
                if of_layer
            }
            if masks:
                self._add(image, masks, carried[image], sources, tallies)
            if task is not None:
                task.advance(len(draws), note="drawing")
        for tally in tallies.values():
            tally.exchange(self._ranks)
        return tallies

    def _rows(self, layer: str, units: Int64[np.ndarray, " row"]) -> Int64[np.ndarray, " unit"]:
        rows = np.full(self._masks[layer].units, NOT_WANTED, np.int64)
        rows[units] = np.arange(len(units))
        return rows

    def _add(
        self,
        image: int,
        masks: Mapping[str, Masks],
        carried: Bool[np.ndarray, " category"],
        sources: Sequence[Int32[np.ndarray, "draw image"]],
        tallies: Mapping[str, NullTally],
    ) -> None:
        for index in np.flatnonzero(carried).tolist():
            stack, rows = self._stacks.of(sources[index][:, image], self._chosen[index])
            for layer, of_layer in masks.items():
                for shared in stack.shared(rows, of_layer):
                    tallies[layer].add(of_layer, shared)
