"""What does a result say of one unit, and of one concept?"""

from pathlib import Path
from typing import Annotated

import typer

from prunescope.cli.console import print_result, warn
from prunescope.cli.options import Json, OptionsOf, Stated
from prunescope.cli.single import RESAMPLING, chosen_draws

Result = Annotated[
    Path,
    typer.Argument(
        help="The folder of a dissection, a level or a run, or a NetDissect CSV.",
        show_default=False,
    ),
]
Layer = Annotated[
    str | None, typer.Option(help="The layer, where there are several.", show_default=False)
]


def unit(
    result: Result,
    number: Annotated[
        int, typer.Argument(min=0, metavar="UNIT", help="Its number, from 0.", show_default=False)
    ],
    *,
    layer: Layer = None,
    resampling: Annotated[Stated, OptionsOf(model=RESAMPLING)],
    as_json: Json = False,
) -> None:
    """Say what one unit sees and how sure that is; of a run, at every level."""
    from prunescope.report.details import describe_unit

    drawn = chosen_draws(result, resampling, "unit")
    values, text = describe_unit(result, number, layer, resampling=drawn, tell=warn)
    print_result(values, text, as_json=as_json)


def concept(
    result: Result,
    name: Annotated[
        str, typer.Argument(metavar="CONCEPT", help="The label's name.", show_default=False)
    ],
    *,
    category: Annotated[
        str | None,
        typer.Option(help="Its category, where several have the name.", show_default=False),
    ] = None,
    layer: Layer = None,
    resampling: Annotated[Stated, OptionsOf(model=RESAMPLING)],
    as_json: Json = False,
) -> None:
    """Say which units see one concept; of a run, at every level."""
    from prunescope.report.details import describe_concept

    drawn = chosen_draws(result, resampling, "concept")
    values, text = describe_concept(result, name, category, layer, resampling=drawn, tell=warn)
    print_result(values, text, as_json=as_json)
