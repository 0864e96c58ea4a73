"""How do the conventions of earlier tools, and their files, come in?"""

from pathlib import Path
from typing import Annotated, Literal

import typer

from prunescope.base.text import counted, printable
from prunescope.cli.console import print_result, progress_shown
from prunescope.cli.options import (
    Device,
    Json,
    Key,
    Network,
    NumClasses,
    OptionsOf,
    Out,
    Stated,
    Weights,
)
from prunescope.cli.single import (
    CONCEPTS,
    DEFAULT_LAYERS,
    DISSECTION,
    NAMED,
    chosen_concepts,
    load,
    with_layers,
)

_OF_ONE = ("convention", "examples", "null")


def conventions(
    network: Network,
    *,
    concepts: Annotated[Stated, OptionsOf(model=CONCEPTS, names=NAMED)],
    weights: Weights = None,
    key: Key = None,
    num_classes: NumClasses = None,
    out: Out = None,
    convention: Annotated[
        list[str] | None,
        typer.Option(
            help="One to dissect by, the first to compare with; may be repeated.",
            show_default="all, exact first",
        ),
    ] = None,
    settings: Annotated[
        Stated, OptionsOf(model=DISSECTION, without=_OF_ONE, names=NAMED, unstated=DEFAULT_LAYERS)
    ],
    device: Device = None,
    as_json: Json = False,
) -> None:
    """Dissect by the rules of earlier tools, too, and say what units and concepts change."""
    from prunescope.base.ranks import joined
    from prunescope.experiment.conventions import compare_by_conventions

    chosen = chosen_concepts(concepts, "conventions")
    with joined() as ranks, progress_shown(ranks.rank == 0) as progress:
        compared = compare_by_conventions(
            load(network, weights, num_classes, key),
            with_layers(settings),
            chosen.source,
            conventions=convention,
            out=out,
            split=chosen.split,
            limit=chosen.limit,
            mask_size=chosen.mask_size,
            device=device,
            ranks=ranks,
            progress=progress,
        )
    if ranks.rank > 0:
        return
    text = str(compared) + (f"\n\nSaved in {out}" if out else "")
    print_result(compared.summary(), text, as_json=as_json)


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
    from prunescope.results.netdissect_export import export_netdissect

    table = export_netdissect(result, out, layer)
    typer.echo(printable(f"{counted(len(table), 'unit')} written to {out}"))
