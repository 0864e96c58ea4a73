"""How many multiply-adds does a network cost, and how much cheaper is it under its mask?"""

import copy
from pathlib import Path

from torch import nn

from prunescope.networks.images import ImageSize
from prunescope.pruning.acting import layer_keys
from prunescope.pruning.audit import audit_weights
from prunescope.pruning.flow import trace_flow
from prunescope.pruning.mask import Mask
from prunescope.pruning.saved import SavedWeights


def dense_over_sparse(network: nn.Module, mask: Mask, resolution: int) -> float:
    """Return the multiply-adds of a network over those of its surviving weights.

    resolution: side of the images in pixels. Layers that are not pruned count in both, biases and
    normalisation in neither.
    """
    flows = trace_flow(copy.deepcopy(network).cpu(), resolution).layers
    parameters = dict(network.named_parameters())
    dense = {name: parameters[name].numel() * flow.cells for name, flow in flows.items()}
    sparse = {
        name: int(mask[name].sum()) * flow.cells if name in mask else dense[name]
        for name, flow in flows.items()
    }
    return sum(dense.values()) / sum(sparse.values())


def count_multiply_adds(network: nn.Module, resolution: ImageSize) -> dict[str, int | None]:
    """Return the multiply-adds for one image, all and those with weights that are not zero.

    As `audit` counts them. None where no layer is one that it counts. The network stays as it was.
    resolution: the image's size, which need be no square.
    """
    names = ("multiply_adds", "sparse_multiply_adds")
    if not layer_keys(network):
        return dict.fromkeys(names)
    copied = copy.deepcopy(network).cpu()
    saved = SavedWeights(path=Path(type(network).__name__), state=copied.state_dict())
    audit = audit_weights(saved, copied, resolution=resolution)
    return {name: audit.total(name) for name in names}
