"""How are two dissections, or two runs, laid side by side?"""

from pathlib import Path
from typing import Annotated, Literal

import typer

from prunescope.base.errors import ConfigError
from prunescope.cli.console import print_result, progress_shown, warn
from prunescope.cli.options import (
    Device,
    Json,
    Limit,
    Mean,
    NumClasses,
    Out,
    Precision,
    Resolution,
    Split,
    Std,
    channels,
)

_OF_NETWORKS = (
    "network",
    "num_classes",
    "quantile",
    "split",
    "limit",
    "resolution",
    "mean",
    "std",
    "batch_size",
    "precision",
    "device",
)
_SIDE = (
    "The folder of a dissection, a layer, a level or a run, or a NetDissect CSV; with --concepts "
    "also a file of weights."
)


def compare(
    context: typer.Context,
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
    concepts: Annotated[
        str | None, typer.Option(help="Dissect networks on this set first, at --layer.")
    ] = None,
    network: Annotated[
        str | None, typer.Option(help="Of weights that do not say to which network they belong.")
    ] = None,
    num_classes: NumClasses = None,
    quantile: Annotated[float, typer.Option(help="Share of a unit's cells above T.")] = 0.005,
    split: Split = None,
    limit: Limit = None,
    resolution: Resolution = None,
    mean: Mean = None,
    std: Std = None,
    batch_size: Annotated[int, typer.Option(min=1)] = 32,
    precision: Precision = "float32",
    device: Device = None,
    as_json: Json = False,
) -> None:
    """Say which units and concepts were kept, lost, gained and relabelled from A to B."""
    if concepts is None:
        _refuse_options_of_networks(context)
        from prunescope.analysis.compare import compare as compare_results

        compared = compare_results(a, b, layer=layer, match=match, iou=iou)
        if out is not None:
            from prunescope.report.comparison import write_comparison

            write_comparison(compared, out)
    else:
        from prunescope.dissection.settings import DissectionSettings
        from prunescope.experiment.comparing import compare_networks

        if layer is None:
            raise ConfigError("--concepts dissects one layer: name it with --layer")
        settings = DissectionSettings.validate_from(
            {
                "layers": (layer,),
                "quantile": quantile,
                "iou": iou,
                "resolution": resolution,
                "mean": channels(mean, "--mean"),
                "std": channels(std, "--std"),
                "batch_size": batch_size,
                "precision": precision,
            },
            "compare",
        )
        with progress_shown() as progress:
            compared = compare_networks(
                a,
                b,
                layer=layer,
                concepts=concepts,
                network=network,
                num_classes=num_classes,
                settings=settings,
                split=split,
                limit=limit,
                match=match,
                out=out,
                device=device,
                progress=progress,
            )
    for warning in compared.warnings:
        warn(warning)
    text = str(compared) + (f"\n\nSaved in {out}" if out else "")
    print_result(compared.summary(), text, as_json=as_json)


def _refuse_options_of_networks(context: typer.Context) -> None:
    """Raise ConfigError for an option that means nothing where no network is dissected."""
    for name in _OF_NETWORKS:
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            option = name.replace("_", "-")
            raise ConfigError(
                f"--{option} is for networks that are dissected first: give --concepts, too, or "
                "leave it out"
            )
