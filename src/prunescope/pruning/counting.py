"""How many weights of a layer are left, and what do they cost?"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool
from torch import Tensor, nn

from prunescope.pruning.acting import outputs_first
from prunescope.pruning.flow import LayerFlow

_INDEX_BYTES = 4
FORMATS = ("dense", "bitmap", "csr")
"""How a tensor can be kept: see `LayerCount.bytes`."""
SUMMED_COUNTS = (
    *("weights", "nonzero", "pruned", "revived", "filters", "dead_filters", "dead_units"),
    *("multiply_adds", "sparse_multiply_adds"),
)
"""Counts of a layer that are summed over layers."""


@dataclass(frozen=True, kw_only=True)
class LayerCount:
    """The counts of one prunable tensor.

    shape: as it is stored. nonzero: values that are not zero when the layer computes with them,
        including nan; -0 is zero.
    pruned, revived: weights that the mask removes, and those of them that are not zero; None
        without a mask for this tensor.
    not_finite: values that are nan or infinite.
    filters: outputs; none for a tensor of one axis, such as a bias. dead_filters: outputs whose
        weights are all zero.
    dead_units: outputs that no path of weights connects to the image, see `trace_flow`.
    multiply_adds, sparse_multiply_adds: for one image, of all weights and of those that are not
        zero; products with padding count, biases do not.
    element_bytes: size of a stored value.
    A count is None if the network is not known or does not run the layer as a module; dead_units
    also if a path cannot be followed.
    """

    shape: tuple[int, ...]
    nonzero: int
    pruned: int | None
    revived: int | None
    not_finite: int
    filters: int
    dead_filters: int
    dead_units: int | None
    multiply_adds: int | None
    sparse_multiply_adds: int | None
    element_bytes: int

    @property
    def weights(self) -> int:
        """Number of values."""
        return torch.Size(self.shape).numel()

    @property
    def sparsity(self) -> float:
        """The share of values that are zero."""
        return 1 - self.nonzero / self.weights

    @property
    def bytes(self) -> dict[str, int]:
        """Size by format.

        dense: every value. bitmap: a bit for each value, rounded up to bytes, and the values that
        are not zero. csr (compressed sparse rows, along the first axis): the values that are not
        zero, an int32 column for each, an int32 offset for each row and one more.
        """
        values = self.nonzero * self.element_bytes
        rows = self.shape[0] if len(self.shape) > 1 else 0
        return {
            "dense": self.weights * self.element_bytes,
            "bitmap": (self.weights + 7) // 8 + values,
            "csr": values + _INDEX_BYTES * (self.nonzero + rows + 1),
        }

    def as_dict(self) -> dict[str, object]:
        """Return the counts by name, for a program."""
        return {
            "shape": list(self.shape),
            "weights": self.weights,
            "nonzero": self.nonzero,
            "zeros": self.weights - self.nonzero,
            "sparsity": self.sparsity,
            **{name: getattr(self, name) for name in SUMMED_COUNTS[2:]},
            "bytes": self.bytes,
        }


def count_layer(
    weight: Tensor,
    kept: Bool[Tensor, "..."] | None,
    flow: LayerFlow | None,
    module: nn.Module | None = None,
) -> LayerCount:
    """Count one tensor as it acts.

    kept: its mask. flow: how an image passes the layer. module: the layer, whose type says along
    which axis the outputs lie; None takes the first axis.
    """
    live = weight != 0
    is_vector = live.dim() < 2
    outputs = live.new_empty(0, 0) if is_vector else outputs_first(live, module).flatten(1)
    nonzero = int(torch.count_nonzero(live))
    return LayerCount(
        shape=tuple(weight.shape),
        nonzero=nonzero,
        pruned=None if kept is None else kept.numel() - int(torch.count_nonzero(kept)),
        revived=None if kept is None else int(torch.count_nonzero(live & ~kept)),
        not_finite=_not_finite(weight),
        filters=len(outputs),
        dead_filters=int((~outputs.any(dim=1)).sum()),
        dead_units=None if flow is None else flow.dead_units,
        multiply_adds=None if flow is None else weight.numel() * flow.cells,
        sparse_multiply_adds=None if flow is None else nonzero * flow.cells,
        element_bytes=weight.element_size(),
    )


def _not_finite(weight: Tensor) -> int:
    if bool(torch.isfinite(weight.sum())):  # a tenth of the time, and nan and infinity show in it
        return 0
    return weight.numel() - int(torch.count_nonzero(torch.isfinite(weight)))
