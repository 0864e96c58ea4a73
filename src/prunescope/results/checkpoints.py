"""What does the checkpoint of an unfinished training hold, and how far has that come?"""

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from prunescope.base.arrays import load_metadata
from prunescope.base.errors import DataError
from prunescope.base.steps import Step

T = TypeVar("T")

NETWORK, MOMENTUM = "network.", "momentum."
"""How the names of tensors begin: of the state dict, and of the optimizer's momentum."""
_DIGITS = 16  # more than a step has


def checkpoint_step(path: Path) -> Step | None:
    """Return the step of a checkpoint; None if there is none, or it is damaged."""
    if not path.is_file():
        return None
    try:
        return step_in(path, load_metadata(path))
    except DataError:
        return None


def step_in(path: Path, metadata: Mapping[str, str]) -> Step:
    """Return the step of a checkpoint. Raises DataError where it states none."""
    stated = [metadata.get(name, "") for name in ("iteration", "per_epoch")]
    if not all(text.isascii() and text.isdecimal() and len(text) < _DIGITS for text in stated):
        raise DataError(f"{path} is damaged: it states no step")
    iteration, per_epoch = map(int, stated)
    if per_epoch == 0:
        raise DataError(f"{path} is damaged: it states no step")
    return Step(iteration, per_epoch)


def parts_of(tensors: Mapping[str, T]) -> tuple[dict[str, T], dict[str, T]]:
    """Return a checkpoint's state dict and momentum, each by the names that the network has."""
    network, momentum = (
        {name.removeprefix(part): each for name, each in tensors.items() if name.startswith(part)}
        for part in (NETWORK, MOMENTUM)
    )
    return network, momentum
