"""What can be said on the command line? Every command parses, calls one function, and prints."""

import sys
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from prunescope.base.errors import InputError, PrunescopeError
from prunescope.base.paths import refusal_of_length, require_utf8
from prunescope.base.stopping import Stopped, end_now, stoppable
from prunescope.cli import (
    comparison,
    concepts,
    conventions,
    details,
    evaluation,
    hub,
    pruning,
    single,
    studies,
)
from prunescope.cli.console import stop
from prunescope.cli.group import Commands, add
from prunescope.cli.stopping import say_ended, say_stopped
from prunescope.version import __version__

app = typer.Typer(
    name="prunescope",
    cls=Commands,
    help="Prune a network, and see what it still sees.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (
    studies.demo,
    studies.run,
    studies.status,
    single.dissect,
    evaluation.evaluate,
    evaluation.ablate,
    single.summary,
    details.unit,
    details.concept,
    single.chance,
    comparison.compare,
    conventions.conventions,
    conventions.export,
    pruning.prune,
    pruning.audit,
    studies.report,
    studies.merge,
    hub.push,
    hub.pull,
    studies.instability,
    studies.schema,
):
    add(app, command)

concepts_app = typer.Typer(
    cls=Commands, help="Look at the pictures with labelled concepts.", no_args_is_help=True
)
add(concepts_app, concepts.list_sets, "list")
add(concepts_app, concepts.check)
add(concepts_app, concepts.preview)
add(concepts_app, concepts.convert)
add(concepts_app, concepts.segment)
add(concepts_app, concepts.download)
app.add_typer(concepts_app, name="concepts")


def main() -> None:
    """Run the command line: exit status 0 done, 2 the input is wrong, 1 anything else.

    A signal that stops it gives 128 and its number: 130 for Ctrl-C, 143 for SIGTERM, 138 for
    SIGUSR1.
    """
    warnings.filterwarnings("ignore", "Image size .* exceeds limit")  # of Pillow; we refuse it
    try:
        with stoppable(last_word=say_ended):
            _run()
    except Stopped as stopped:
        say_stopped()
        end_now(stopped.status)


def _run() -> None:
    try:
        _check_names()
        app()
    except InputError as error:
        stop(str(error), 2)
    except PrunescopeError as error:
        stop(str(error), 1)
    except OSError as error:
        too_long = refusal_of_length(error)
        stop(too_long or f"the system refused: {error}", 2 if too_long else 1)


def _check_names() -> None:
    """Raise DataError where the current folder, or what the command is given, is not UTF-8."""
    with suppress(FileNotFoundError):
        require_utf8(Path.cwd())
    for argument in sys.argv[1:]:
        require_utf8(argument)


@app.callback(invoke_without_command=True)
def _version(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        typer.echo(f"prunescope {__version__}")
        raise typer.Exit
