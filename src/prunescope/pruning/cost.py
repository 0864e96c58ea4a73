"""How much cheaper is a network under its mask, in multiply-adds?"""

import copy

from torch import nn

from prunescope.pruning.flow import trace_flow
from prunescope.pruning.mask import Mask


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
