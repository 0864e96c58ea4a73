"""How active is each unit on each image as a whole?"""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float32
from torch import Tensor

from prunescope.base.ranks import Ranks
from prunescope.dissection.capture import Maps
from prunescope.dissection.words.settings import Pooling


class ImageLevel:
    """Collects one activation for each unit of several layers and each image, batch by batch."""

    def __init__(self, pooling: Pooling) -> None:
        """Begin empty. pooling: of the cells of a map; the mean is taken in float64."""
        self._pooling = pooling
        self._rows: dict[str, dict[int, Tensor]] = {}

    def add(self, indices: Sequence[int], all_maps: Mapping[str, Maps]) -> None:
        """Add a batch. indices: of its images in the set."""
        for layer, maps in all_maps.items():
            rows = self._rows.setdefault(layer, {})
            rows |= dict(zip(indices, self._pooled(maps).cpu(), strict=True))

    def of_layers(
        self, layers: Sequence[str], ranks: Ranks
    ) -> dict[str, Float32[Tensor, "image unit"]]:
        """Return the activations of layers on the images of all processes, in the set's order."""
        return {layer: self._of_layer(layer, ranks) for layer in layers}

    def _of_layer(self, layer: str, ranks: Ranks) -> Float32[Tensor, "image unit"]:
        own = self._rows.get(layer, {})
        every = {index: row for held in ranks.gather(own) for index, row in held.items()}
        return torch.stack([every[index] for index in range(len(every))])

    def _pooled(self, maps: Maps) -> Float32[Tensor, "image unit"]:
        if self._pooling == "max":
            return maps.amax(dim=(2, 3)).float()
        return maps.mean(dim=(2, 3), dtype=torch.float64).float()
