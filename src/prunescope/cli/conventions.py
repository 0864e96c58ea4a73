"""How do the conventions of earlier tools, and their files, come in?"""

from pathlib import Path
from typing import Annotated, Literal

import typer

from prunescope.base.errors import ConfigError
from prunescope.base.images import MOST_PIXELS
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
    OF_MASKS,
    chosen_concepts,
    load,
    with_layers,
)

_OF_ONE = ("convention", "examples", *OF_MASKS)


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
        str,
        typer.Argument(
            metavar="RESULT|NETWORK",
            help="The folder of a dissection, of one of its layers, or a level of a run; for "
            "state-dict and onnx a network: its name, file or level.",
            show_default=False,
        ),
    ],
    out: Annotated[Path, typer.Option(help="The file to write.")],
    layer: Annotated[str | None, typer.Option(help="The layer, where there are several.")] = None,
    form: Annotated[
        Literal["netdissect", "state-dict", "onnx"],
        typer.Option(
            "--format",
            help="One layer's units as the CSV of Network Dissection and NetDissect-Lite; or a "
            "network as a plain state dict, or as ONNX.",
        ),
    ] = "netdissect",
    weights: Weights = None,
    key: Key = None,
    num_classes: NumClasses = None,
    resolution: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=MOST_PIXELS,
            help="Side in pixels of the images that the ONNX network takes.",
            show_default="what the network expects",
        ),
    ] = None,
) -> None:
    """Write one layer's units, or a network, as other tools read them."""
    of_networks = {
        "--weights": weights,
        "--key": key,
        "--num-classes": num_classes,
        "--resolution": resolution,
    }
    if form == "netdissect":
        stated = [name for name, value in of_networks.items() if value is not None]
        if stated:
            raise ConfigError(f"{stated[0]} is for a network: give --format onnx or state-dict")
        from prunescope.results.netdissect_export import export_netdissect

        table = export_netdissect(Path(result), out, layer)
        typer.echo(printable(f"{counted(len(table), 'unit')} written to {out}"))
        return
    if layer is not None:
        raise ConfigError(f"--layer is for a dissection, but --format {form} writes a network")
    if form != "onnx" and resolution is not None:
        raise ConfigError("--resolution is for --format onnx: leave it out")
    from prunescope.experiment.exporting import check_ending, export_network

    check_ending(out, form)
    loaded = load(result, weights, num_classes, key)
    facts = export_network(loaded, out, form, resolution=resolution)
    checked = (
        f"; onnxruntime's outputs differ from torch's by {facts['difference']:.1g} of the largest"
        if form == "onnx"
        else ""
    )
    typer.echo(printable(f"{result} written to {out}{checked}"))
