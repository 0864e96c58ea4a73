"""How are two dissections, or two runs, laid side by side?"""

from pathlib import Path
from typing import Annotated, Literal

import typer

from prunescope.cli.console import print_result, warn
from prunescope.cli.options import Json, Out

_SIDE = "The folder of a dissection, a layer, a level or a run, or a NetDissect CSV."


def compare(
    a: Annotated[Path, typer.Argument(metavar="A", help=_SIDE, show_default=False)],
    b: Annotated[Path, typer.Argument(metavar="B", help="The same.", show_default=False)],
    out: Out = None,
    layer: Annotated[
        str | None, typer.Option(help="Compare this layer; else all that both have.")
    ] = None,
    match: Annotated[
        Literal["identity", "concept", "profile"] | None,
        typer.Option(
            help="Pair units by number, not at all, or by their IoU with every concept; else "
            "identity where both have the same units, and concept where not."
        ),
    ] = None,
    iou: Annotated[float, typer.Option(help="A unit is interpretable above this IoU.")] = 0.05,
    as_json: Json = False,
) -> None:
    """Say which units and concepts were kept, lost, gained and relabelled from A to B."""
    from prunescope.analysis.compare import compare as compare_results

    compared = compare_results(a, b, layer=layer, match=match, iou=iou)
    for warning in compared.warnings:
        warn(warning)
    if out is not None:
        from prunescope.report.comparison import write_comparison

        write_comparison(compared, out)
    text = str(compared) + (f"\n\nSaved in {out}" if out else "")
    print_result(compared.summary(), text, as_json=as_json)
