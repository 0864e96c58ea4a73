"""How is a dissection written for other tools?"""

from pathlib import Path
from typing import Annotated, Literal

import typer


def export(
    result: Annotated[
        Path,
        typer.Argument(
            help="The folder of a dissection, of one of its layers, or a level of a run.",
            show_default=False,
        ),
    ],
    out: Annotated[Path, typer.Option(help="The file to write.")],
    layer: Annotated[str | None, typer.Option(help="The layer, where there are several.")] = None,
    _form: Annotated[
        Literal["netdissect"],
        typer.Option("--format", help="The CSV of Network Dissection and NetDissect-Lite."),
    ] = "netdissect",
) -> None:
    """Write one layer's units as another tool writes them."""
    from prunescope.analysis.export import export_netdissect

    table = export_netdissect(result, out, layer)
    typer.echo(f"{len(table):,} units written to {out}")
