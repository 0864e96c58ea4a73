"""What does the checkpoint of an unfinished training hold, and how far has that come?"""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TypeVar

from prunescope.base.errors import DataError
from prunescope.base.steps import Step

T = TypeVar("T")

NETWORK, AVERAGE = "network.", "average."
"""How the names of tensors begin: of the state dict, and of the moving average of its weights."""
OPTIMIZER = {
    "momentum_buffer": "momentum.",
    "exp_avg": "exp_avg.",
    "exp_avg_sq": "exp_avg_sq.",
    "step": "step.",
}
"""The same of what torch's optimizers remember of each parameter, by the word they use."""
_MEMORIES = tuple(part for word, part in OPTIMIZER.items() if word != "step")
_BESIDE = (AVERAGE, *OPTIMIZER.values())
_DIGITS = 16  # more than a step has


def checkpoint_step(path: Path) -> Step | None:
    """Return the step of a checkpoint; None if there is none, or it is damaged."""
    if not path.is_file():
        return None
    from prunescope.base.arrays import load_metadata

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


def is_checkpoint(names: Collection[str]) -> bool:
    """Return whether tensors of these names are those of a checkpoint.

    One that holds nothing but a state dict cannot be told from a network inside another.
    """
    beside = [name for name in names if not name.startswith(NETWORK)]
    return 0 < len(beside) < len(names) and all(name.startswith(_BESIDE) for name in beside)


def part_of(tensors: Mapping[str, T], part: str) -> dict[str, T]:
    """Return one part of a checkpoint, by the names that the network has."""
    return {
        name.removeprefix(part): each for name, each in tensors.items() if name.startswith(part)
    }


def memories_in(tensors: Mapping[str, T]) -> dict[str, tuple[T, ...]]:
    """Return what the optimizer remembers of each parameter: all that has the parameter's shape."""
    memories: dict[str, tuple[T, ...]] = {}
    for part in _MEMORIES:
        for name, each in part_of(tensors, part).items():
            memories[name] = (*memories.get(name, ()), each)
    return memories
