"""How much may a network that a file names ask for, before it is refused as not the file's?"""

import math
from pathlib import Path
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from prunescope.base.errors import DataError

_SPARE_WEIGHTS = 1 << 24
_OF_SMALLER = 256  # a network of which 1.6 % of the weights are left
_ALLOCATING = ("empty", "zeros", "ones", "full", "rand", "randn", "arange", "empty_strided")


class AtMost(TorchFunctionMode):
    """Refuses to make much larger tensors than a file holds, for the network it says it belongs to.

    Raises DataError in the middle of building the network.
    """

    def __init__(self, path: Path, *, whole: bool = True) -> None:
        """Take how much may be made from the size of a file, or of a folder of weights.

        whole: whether it holds all of the network, from which no channels were removed.
        """
        super().__init__()
        files = path.iterdir() if path.is_dir() else [path]
        factor = 4 if whole else _OF_SMALLER
        self._left = factor * sum(file.stat().st_size for file in files) + _SPARE_WEIGHTS
        self._path = path

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        keywords = kwargs or {}
        if getattr(func, "__name__", "") in _ALLOCATING:
            self._left -= _elements(args, keywords)
            if self._left < 0:
                raise DataError(
                    f"{self._path} does not belong to the network that it names, which is far "
                    "larger: it is damaged"
                )
        return func(*args, **keywords)


def _elements(args: tuple[Any, ...], keywords: Any) -> int:
    """Return how many elements a call that makes a tensor asks for, where it states a size."""
    size = args[0] if args else keywords.get("size", ())
    sizes = size if isinstance(size, tuple | list | torch.Size) else args
    return math.prod(part for part in sizes if isinstance(part, int))
