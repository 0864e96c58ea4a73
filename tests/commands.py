"""How do tests run a command line, and what is left of it?"""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it said."""

    status: int
    out: str
    err: str


Prunescope = Callable[..., Ended]
