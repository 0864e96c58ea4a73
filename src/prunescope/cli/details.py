"""What does a result say of one unit, and of one concept?"""

from pathlib import Path
from typing import Annotated

import typer

from prunescope.cli.console import print_result
from prunescope.cli.options import Json

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
    layer: Layer = None,
    as_json: Json = False,
) -> None:
    """Say what one unit sees and how sure that is; of a run, at every level."""
    from prunescope.report.details import describe_unit

    values, text = describe_unit(result, number, layer)
    print_result(values, text, as_json=as_json)


def concept(
    result: Result,
    name: Annotated[
        str, typer.Argument(metavar="CONCEPT", help="The label's name.", show_default=False)
    ],
    category: Annotated[
        str | None,
        typer.Option(help="Its category, where several have the name.", show_default=False),
    ] = None,
    layer: Layer = None,
    as_json: Json = False,
) -> None:
    """Say which units see one concept; of a run, at every level."""
    from prunescope.report.details import describe_concept

    values, text = describe_concept(result, name, category, layer)
    print_result(values, text, as_json=as_json)
