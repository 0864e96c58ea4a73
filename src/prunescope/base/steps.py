"""When in training are we: which iteration, and where in which epoch?"""

import re
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from prunescope.base.errors import ConfigError

_DIGITS = 9
_PATTERN = re.compile(r"(?:(\d+)ep)?(?:(\d+)it)?")


@dataclass(frozen=True, order=True)
class Step:
    """A point of training, before iteration number `iteration` (from 0) is taken.

    per_epoch: iterations in an epoch, at least 1. Two steps compare only within one training.
    """

    iteration: int
    per_epoch: int

    def __post_init__(self) -> None:
        if self.iteration < 0 or self.per_epoch < 1:
            raise ConfigError(
                f"a step needs iteration >= 0 and at least one iteration an epoch, "
                f"not {self.iteration} and {self.per_epoch}"
            )

    @classmethod
    def parse(cls, text: str, per_epoch: int) -> "Step":
        """Read "5ep", "250it" or "2ep30it"."""
        epochs, iterations = _split(text)
        return cls(epochs * per_epoch + iterations, per_epoch)

    @property
    def epoch(self) -> int:
        """Number of whole epochs behind this step."""
        return self.iteration // self.per_epoch

    @property
    def batch(self) -> int:
        """Number of batches of the present epoch behind this step."""
        return self.iteration % self.per_epoch

    def __str__(self) -> str:
        batches = f"{self.batch}it" if self.batch or not self.epoch else ""
        return (f"{self.epoch}ep" if self.epoch else "") + batches


def steps_per_epoch(count: int, batch_size: int) -> int:
    """Return how many batches `count` images make; the last one may be smaller."""
    return -(-count // batch_size)


def _split(text: str) -> tuple[int, int]:
    match = _PATTERN.fullmatch(text.strip())
    if not text.strip() or match is None:
        raise ConfigError(
            f'"{text}" is not a step: write epochs, iterations or both, as in "5ep", "250it", '
            f'"2ep30it"'
        )
    epochs, iterations = match[1] or "0", match[2] or "0"
    if max(len(epochs), len(iterations)) > _DIGITS:
        raise ConfigError(f'"{text:.40}" is more than {10**_DIGITS - 1:,} epochs or iterations')
    return int(epochs), int(iterations)


def _check(value: Any) -> str:
    text = str(value).strip()
    try:
        _split(text)
    except ConfigError as error:
        raise ValueError(str(error)) from None
    return text


StepText = Annotated[
    str,
    BeforeValidator(_check),
    WithJsonSchema({"type": "string", "pattern": r"^\s*(\d+ep(\d+it)?|\d+it)\s*$"}),
]
"""A step as a recipe writes it, parsed once the length of an epoch is known."""
