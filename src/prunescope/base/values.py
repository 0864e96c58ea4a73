"""Are a tensor's values the numbers that a network computes with, or do they stand for others?"""

import torch
from torch import Tensor

PLAIN_FLOATS = frozenset({torch.float16, torch.bfloat16, torch.float32, torch.float64})
_QUANTISED_PARTS = (
    "_packed_params",
    "fake_quant",
    "activation_post_process",
    ".qweight",
    ".qzeros",
    ".SCB",
    ".absmax",
    ".quant_map",
    ".quant_state",
    ".nested_absmax",
)


def belongs_to_quantisation(key: str) -> bool:
    """Return whether only tools that quantise call a tensor so."""
    return any(part in f".{key}" for part in _QUANTISED_PARTS)


def is_quantised(key: str, tensor: Tensor) -> bool:
    """Return whether a tensor stores numbers in eight bits or fewer, or weights as integers.

    key: in the state dict. Masks may be integers: those of torch.nn.utils.prune and of OpenLTH.
    """
    kind = tensor.dtype
    if tensor.is_quantized or (kind.is_floating_point and kind not in PLAIN_FLOATS):
        return True
    if kind.is_floating_point or kind.is_complex or kind == torch.bool:
        return False
    last = key.rpartition(".")[2]
    is_mask = last.endswith("_mask") or last.startswith("mask_")
    return "weight" in last and not is_mask
