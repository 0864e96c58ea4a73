"""How is a whole study run, watched and shown?"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from prunescope.base.errors import ConfigError
from prunescope.base.ranks import is_first
from prunescope.cli.console import print_result, progress_shown, without_collecting
from prunescope.cli.options import Address, Json, OptionsOf, Stated, Workers
from prunescope.cli.single import CONCEPTS, NAMED
from prunescope.engines import ENGINES

if TYPE_CHECKING:
    from prunescope.recipe import Recipe


def demo(
    out: Annotated[Path, typer.Option(help="The run folder.")] = Path("runs/demo"),
    workers: Workers = None,
    as_json: Json = False,
) -> None:
    """Train, prune and dissect a small network on the embedded pictures; a few minutes."""
    from prunescope.recipe import shipped_recipe

    _run(shipped_recipe("demo"), out, {"workers": workers}, as_json)


def run(
    recipe: Annotated[
        str,
        typer.Argument(
            help="A study as YAML, or the name of one that is shipped: demo.", show_default=False
        ),
    ],
    out: Annotated[
        Path | None, typer.Option(help="The run folder.", show_default="runs/NAME")
    ] = None,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", metavar="A.B=C", help="Change one setting.")
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="Make these levels alone, as in replicate=1 or strategy=NAME,level=2.",
        ),
    ] = None,
    workers: Workers = None,
    gpus: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="As many workers, each with a GPU.",
            show_default="one for each that is there",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only check it, and estimate time and disk.")
    ] = False,
    rates: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="For a dry run: estimate from what one with --json printed elsewhere.",
            show_default="timed here",
        ),
    ] = None,
    price: Annotated[
        float | None,
        typer.Option(min=0.0, help="For a dry run: what a worker, or its GPU, costs an hour."),
    ] = None,
    engine: Annotated[
        str,
        typer.Option(metavar="|".join(ENGINES.names), help="What runs the stages, and where."),
    ] = "local",
    address: Address = None,
    as_json: Json = False,
) -> None:
    """Run a study, or go on with it: whatever its run folder lacks is made."""
    from prunescope.experiment.recipe_trust import load_given

    study = load_given(recipe, overrides or ())
    out = out or Path("runs") / study.name
    how = {"only": only or (), "workers": workers, "gpus": gpus} | {
        "engine": engine,
        "address": address,
    }
    if dry_run:
        _dry_run(study, out, how | {"rates": rates, "price": price}, as_json)
        return
    for option, value in (("--rates", rates), ("--price", price)):
        if value is not None:
            raise ConfigError(f"{option} is for --dry-run, which was not given")
    _run(study, out, how, as_json)


def instability(
    recipe: Annotated[str, typer.Argument(help="A study as YAML, or the name of a shipped one.")],
    at: Annotated[
        str, typer.Option(metavar="STEPS", help="Steps to rewind to, as in 0it,500it,2ep.")
    ],
    out: Annotated[Path, typer.Option(help="The folder of trainings, tables and the figure.")],
    overrides: Annotated[
        list[str] | None, typer.Option("--set", metavar="A.B=C", help="Change one setting.")
    ] = None,
    workers: Workers = None,
    as_json: Json = False,
) -> None:
    """Find the step from which trainings in different orders reach the same minimum."""
    from prunescope.experiment.instability import measure_instability
    from prunescope.experiment.recipe_trust import load_given

    study = load_given(recipe, overrides or ())
    with progress_shown(is_first()) as progress:
        found = measure_instability(study, at.split(","), out, workers=workers, progress=progress)
    if is_first():
        print_result({"out": str(out)} | found.as_dict(), str(found), as_json=as_json)


def schema() -> None:
    """Print the JSON schema of a recipe, for an editor to complete and check one."""
    from prunescope.recipe import recipe_schema

    typer.echo(json.dumps(recipe_schema(), indent=2, ensure_ascii=False))


def status(
    folder: Annotated[Path, typer.Argument(help="A run folder.", show_default=False)],
    as_json: Json = False,
) -> None:
    """Say what is done, running and left, and how long it will take."""
    with without_collecting():
        from prunescope.experiment.status import status as status_of

        progress = status_of(folder)
    print_result(progress.as_dict(), str(progress), as_json=as_json)


def report(
    folder: Annotated[
        Path, typer.Argument(help="A run folder, or a dissection's.", show_default=False)
    ],
    concepts: Annotated[
        Stated,
        OptionsOf(
            model=CONCEPTS,
            only=("source",),
            names=NAMED,
            unstated={"source": "of a dissection: scenes, or images are left blank"},
        ),
    ],
    as_json: Json = False,
) -> None:
    """Make the tables, figures and page of a run again, or the page of a dissection.

    Of a run, from the levels that are finished; of a dissection, with images of --concepts.
    """
    from prunescope.results.kinds import is_dissection

    source = concepts.get("source")
    with progress_shown() as progress:
        if is_dissection(folder):
            from prunescope.report.pages.dissection import report_dissection

            page = report_dissection(folder, source, progress=progress)
        elif source is not None:
            raise ConfigError(f"--concepts is for a dissection's page, but {folder} is none")
        else:
            from prunescope.experiment.run import report_again

            page = report_again(folder, progress=progress)
    _print_report({}, page, as_json)


def merge(
    runs: Annotated[
        list[Path], typer.Argument(help="Run folders of parts of one study.", show_default=False)
    ],
    out: Annotated[Path, typer.Option(help="The new run folder.", show_default=False)],
    as_json: Json = False,
) -> None:
    """Join runs of parts of one study that were made apart (run --only)."""
    from prunescope.experiment.merging import merge_runs

    with progress_shown() as progress:
        page = merge_runs(runs, out, progress=progress)
    _print_report({"run": str(out)}, page, as_json)


def _run(study: "Recipe", out: Path, how: dict[str, Any], as_json: bool) -> None:
    from prunescope.experiment.run import run_study

    with progress_shown(is_first()) as progress:
        page = run_study(study, out, **how, progress=progress)
    if is_first():
        _print_report({"run": str(out)}, page, as_json)


def _dry_run(study: "Recipe", out: Path, how: dict[str, Any], as_json: bool) -> None:
    from prunescope.experiment.run import dry_run

    if not is_first():  # which does it alone
        return
    with progress_shown() as progress:
        estimate = dry_run(study, out, **how, progress=progress)
    print_result(estimate.as_dict(), str(estimate), as_json=as_json)


def _print_report(values: dict[str, Any], page: Path, as_json: bool) -> None:
    print_result(values | {"report": str(page)}, f"The report is at {page}", as_json=as_json)
