"""Where does randomness come from, so that every purpose has a stream of its own?"""

import hashlib
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def derive_seed(seed: int, *stream: str | int) -> int:
    """Return the seed of a named stream, in [0, 2**63).

    Streams of different names, or of one name under different seeds, are unrelated.
    """
    text = "\x1f".join([str(seed), *(f"{type(part).__name__}:{part}" for part in stream)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


@dataclass(frozen=True)
class Seeds:
    """The seeds of one training.

    init: of new weights. order: of the order in which an epoch shows the images.
    augmentation: of how images are altered, and of what the network itself draws (dropout).
    """

    init: int
    order: int
    augmentation: int

    @classmethod
    def equal(cls, seed: int) -> "Seeds":
        """Return the seeds of which all are one; their streams are unrelated all the same."""
        return cls(init=seed, order=seed, augmentation=seed)

    def for_key(self) -> int | dict[str, int]:
        """Return what a key holds of them: one number where all are equal."""
        seeds = asdict(self)
        return self.init if len(set(seeds.values())) == 1 else seeds

    def derive(self, *stream: str | int) -> "Seeds":
        """Return the seeds of a named stream of each."""
        init, order, augmentation = (
            derive_seed(seed, *stream) for seed in (self.init, self.order, self.augmentation)
        )
        return Seeds(init=init, order=order, augmentation=augmentation)


def torch_generator(seed: int, *stream: str | int) -> "torch.Generator":
    """Return a fresh generator on the CPU for a named stream."""
    import torch

    return torch.Generator().manual_seed(derive_seed(seed, *stream))
