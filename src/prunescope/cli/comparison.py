"""How are two dissections, or two runs, laid side by side?"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from prunescope.base import images
from prunescope.base.errors import ConfigError
from prunescope.cli.console import print_result, progress_shown, warn
from prunescope.cli.options import (
    Axes,
    Categories,
    ChannelsLast,
    ConventionName,
    Device,
    Iou,
    Json,
    Limit,
    MaskSize,
    Mean,
    NumClasses,
    Out,
    Resolution,
    Split,
    Std,
    dissection_settings,
)

_SIDE = (
    "The folder of a dissection, a layer, a level or a run, or a NetDissect CSV; with --concepts "
    "also a file of weights, or random with --network."
)


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
    iou: Iou = None,
    concepts: Annotated[
        str | None, typer.Option(help="Dissect networks on this set first, at --layer.")
    ] = None,
    network: Annotated[
        str | None, typer.Option(help="Of weights that do not say to which network they belong.")
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(
            metavar="NAME[,NAME]",
            help="Which network of files that hold several; of A and of B, where they differ.",
            show_default="the only one",
        ),
    ] = None,
    num_classes: NumClasses = None,
    quantile: Annotated[
        float | None,
        typer.Option(help="Share of a unit's cells above T.", show_default="0.005"),
    ] = None,
    convention: Annotated[
        ConventionName | None,
        typer.Option(
            help="By whose rules they are dissected; they set what is not stated here.",
            show_default="exact",
        ),
    ] = None,
    categories: Categories = None,
    split: Split = None,
    limit: Limit = None,
    mask_size: MaskSize = None,
    resolution: Resolution = None,
    mean: Mean = None,
    std: Std = None,
    axes: Axes = None,
    batch_size: Annotated[
        int | None,
        typer.Option(min=1, help="Images per forward pass.", show_default="32"),
    ] = None,
    precision: Annotated[
        images.Precision | None,
        typer.Option(help="Of the forward pass.", show_default="float32"),
    ] = None,
    channels_last: ChannelsLast = False,
    memory: Annotated[
        str | None,
        typer.Option(
            help="For the maps kept between first sight and count; no number differs.",
            show_default="2GiB",
        ),
    ] = None,
    device: Device = None,
    as_json: Json = False,
) -> None:
    """Say which units and concepts were kept, lost, gained and relabelled from A to B."""
    stated: dict[str, Any] = {
        "quantile": quantile,
        "convention": convention,
        "categories": categories,
        "resolution": resolution,
        "mean": mean,
        "std": std,
        "axes": axes,
        "batch_size": batch_size,
        "precision": precision,
        "channels_last": channels_last or None,
        "memory": memory,
    }
    chosen: dict[str, Any] = {
        "network": network,
        "key": key,
        "num_classes": num_classes,
        "split": split,
        "limit": limit,
        "mask_size": mask_size,
        "device": device,
    }
    if concepts is None:
        refuse_alone(stated | chosen)
        from prunescope.comparison.compare import compare as compare_results

        compared = compare_results(a, b, layer=layer, match=match, iou=0.05 if iou is None else iou)
        if out is not None:
            from prunescope.report.comparison import write_comparison

            write_comparison(compared, out)
    else:
        from prunescope.experiment.comparing import compare_networks

        if layer is None:
            raise ConfigError("--concepts dissects one layer: name it with --layer")
        settings = dissection_settings("compare", layers=(layer,), iou=iou, **stated)
        with progress_shown() as progress:
            compared = compare_networks(
                a,
                b,
                layer=layer,
                concepts=concepts,
                settings=settings,
                match=match,
                out=out,
                progress=progress,
                **chosen,
            )
    for warning in compared.warnings:
        warn(warning)
    text = str(compared) + (f"\n\nSaved in {out}" if out else "")
    print_result(compared.summary(), text, as_json=as_json)


def refuse_alone(options: Mapping[str, object]) -> None:
    """Raise ConfigError for an option that is given though no network is dissected."""
    given = [name for name, value in options.items() if value is not None]
    if given:
        raise ConfigError(
            f"--{given[0].replace('_', '-')} is for networks that are dissected first: give "
            "--concepts, too, or leave it out"
        )
