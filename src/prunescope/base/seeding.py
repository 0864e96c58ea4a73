"""Where does randomness come from, so that every purpose has a stream of its own?"""

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def derive_seed(seed: int, *stream: str | int) -> int:
    """Return the seed of a named stream, in [0, 2**63).

    Streams of different names, or of one name under different seeds, are unrelated.
    """
    text = "\x1f".join([str(seed), *(f"{type(part).__name__}:{part}" for part in stream)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def torch_generator(seed: int, *stream: str | int) -> "torch.Generator":
    """Return a fresh generator on the CPU for a named stream."""
    import torch

    return torch.Generator().manual_seed(derive_seed(seed, *stream))
