"""How are commands listed without building all their options?"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import typer
from typer.core import TyperGroup

from prunescope.base.text import printable
from prunescope.cli.console import leave_the_word_to_first
from prunescope.cli.options import with_options


def add(app: typer.Typer, function: Callable[..., Any], name: str | None = None) -> None:
    """Add a command to a group whose class is `Commands`."""

    def listed() -> None:
        raise AssertionError("the group gives the whole command")

    listed.__name__ = name or function.__name__
    listed.whole = function  # type: ignore[attr-defined]
    app.command(help=function.__doc__)(listed)


class Commands(TyperGroup):
    """A group of commands, each of which gets its options when it is called.

    Their refusals echo no control characters.
    """

    def make_context(self, *args: Any, **named: Any) -> Any:
        """Read the options before the command."""
        with _plain_refusals():
            return super().make_context(*args, **named)

    def invoke(self, ctx: Any) -> Any:
        """Read the rest of the line, and do what it says."""
        with _plain_refusals():
            return super().invoke(ctx)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return a command's name, the command with its options, and the rest of the line."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, command and whole(command), rest


def whole(command: Any) -> Any:
    """Return a command with its options; a group, or a command that has them, as it is."""
    function = getattr(command.callback, "whole", None)
    if function is None:
        return command
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command(command.name, help=command.help)(with_options(function))
    return typer.main.get_command(app)


@contextmanager
def _plain_refusals() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if isinstance(getattr(error, "message", None), str):  # of click's refusals
            error.message = printable(error.message)  # type: ignore[attr-defined]
            leave_the_word_to_first()
        raise
