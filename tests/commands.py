"""Which commands are there, how did one end that ran in this process, and was it refused?"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any


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


def every_command() -> Iterator[tuple[str, set[str]]]:
    """Yield the words of each command, those of `concepts` too, and the names of what it takes."""
    import typer

    from prunescope.cli import app  # late, so that its shapes are checked: conftest imports this

    return _commands(typer.main.get_command(app))


def _commands(group: Any, *before: str) -> Iterator[tuple[str, set[str]]]:
    from prunescope.cli.group import whole

    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, *before, name)
        else:
            yield " ".join([*before, name]), {taken.name for taken in whole(command).params}
