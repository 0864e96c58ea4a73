"""How did a command end that ran in this process, and was it refused as it should be?"""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it said."""

    status: int
    out: str
    err: str


Prunescope = Callable[..., Ended]


def check_refused(ended: Ended, *words: str) -> None:
    """Fail unless the command said in these words, among others, what is wrong with its input."""
    assert ended.status == 2, ended.err
    for word in words:
        assert word in ended.err
    assert "Traceback" not in ended.err
