"""How is one network, or one dissection, looked at?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from prunescope.base.images import Channels
from prunescope.cli.console import print_result, progress_shown, warn
from prunescope.cli.options import (
    Categories,
    Concepts,
    Convention,
    Device,
    Iou,
    Json,
    Layers,
    Limit,
    Mean,
    Memory,
    Network,
    NumClasses,
    Out,
    Precision,
    Quantile,
    Resolution,
    Split,
    Std,
    Weights,
)

if TYPE_CHECKING:
    from prunescope.networks import LoadedNetwork


def dissect(
    network: Network,
    layer: Layers,
    concepts: Concepts,
    weights: Weights = None,
    num_classes: NumClasses = None,
    out: Out = None,
    quantile: Quantile = 0.005,
    iou: Iou = None,
    convention: Convention = "exact",
    categories: Categories = None,
    split: Split = None,
    limit: Limit = None,
    resolution: Resolution = None,
    mean: Mean = None,
    std: Std = None,
    batch_size: Annotated[int, typer.Option(min=1)] = 32,
    precision: Precision = "float32",
    memory: Memory = "2GiB",
    device: Device = None,
    as_json: Json = False,
) -> None:
    """Find the concept that each unit of one or more layers answers to."""
    from prunescope.analysis.summary import describe_layers
    from prunescope.base.ranks import joined
    from prunescope.dissection.settings import DissectionSettings
    from prunescope.experiment.single import dissect_network

    settings = DissectionSettings.validate_from(
        {
            "layers": tuple(layer),
            "quantile": quantile,
            "iou": iou,
            "convention": convention,
            "categories": _names(categories),
            "resolution": resolution,
            "mean": _channels(mean, "--mean"),
            "std": _channels(std, "--std"),
            "batch_size": batch_size,
            "precision": precision,
            "memory": memory,
        },
        "dissect",
    )
    with joined() as ranks, progress_shown(ranks.rank == 0) as progress:
        dissection = dissect_network(
            _load(network, weights, num_classes),
            settings,
            concepts,
            out=out,
            split=split,
            limit=limit,
            device=device,
            ranks=ranks,
            progress=progress,
        )
    if ranks.rank > 0:
        return
    text = describe_layers(dissection.summary())
    values = dissection.summary() | {"passes": dict(dissection.passes)}
    print_result(values, text + (f"\nSaved in {out}" if out else ""), as_json=as_json)


def evaluate(
    network: Network,
    data: Annotated[str, typer.Option(help="Folder or hub name of labelled images, or scenes.")],
    weights: Weights = None,
    num_classes: NumClasses = None,
    split: Annotated[str, typer.Option(help="The split to use.")] = "test",
    resolution: Resolution = None,
    mean: Mean = None,
    std: Std = None,
    batch_size: Annotated[int, typer.Option(min=1)] = 256,
    precision: Precision = "float32",
    device: Device = None,
    as_json: Json = False,
) -> None:
    """Measure accuracy and loss on labelled images."""
    from prunescope.experiment.single import evaluate_network

    with progress_shown() as progress:
        used, result = evaluate_network(
            _load(network, weights, num_classes),
            data,
            split=split,
            resolution=resolution,
            mean=_channels(mean, "--mean"),
            std=_channels(std, "--std"),
            batch_size=batch_size,
            precision=precision,
            device=device,
            progress=progress,
        )
    values = result.as_dict() | {"split": used}
    print_result(values, f"split    {used}\n{result}", as_json=as_json)


def conventions(
    network: Network,
    layer: Layers,
    concepts: Concepts,
    weights: Weights = None,
    num_classes: NumClasses = None,
    out: Out = None,
    convention: Annotated[
        list[str] | None,
        typer.Option(
            help="One to dissect by, the first to compare with; may be repeated.",
            show_default="exact, netdissect, lite, quick",
        ),
    ] = None,
    quantile: Quantile = 0.005,
    iou: Iou = None,
    categories: Categories = None,
    split: Split = None,
    limit: Limit = None,
    resolution: Resolution = None,
    mean: Mean = None,
    std: Std = None,
    batch_size: Annotated[int, typer.Option(min=1)] = 32,
    precision: Precision = "float32",
    memory: Memory = "2GiB",
    device: Device = None,
    as_json: Json = False,
) -> None:
    """Dissect by the rules of earlier tools, too, and say what units and concepts change."""
    from prunescope.base.ranks import joined
    from prunescope.experiment.conventions import compare_by_conventions

    stated = {
        "layers": tuple(layer),
        "quantile": quantile,
        "iou": iou,
        "categories": _names(categories),
        "resolution": resolution,
        "mean": _channels(mean, "--mean"),
        "std": _channels(std, "--std"),
        "batch_size": batch_size,
        "precision": precision,
        "memory": memory,
    }
    with joined() as ranks, progress_shown(ranks.rank == 0) as progress:
        compared = compare_by_conventions(
            _load(network, weights, num_classes),
            stated,
            concepts,
            conventions=convention,
            out=out,
            split=split,
            limit=limit,
            device=device,
            ranks=ranks,
            progress=progress,
        )
    if ranks.rank > 0:
        return
    text = str(compared) + (f"\n\nSaved in {out}" if out else "")
    print_result(compared.summary(), text, as_json=as_json)


def summary(
    result: Annotated[
        Path,
        typer.Argument(
            help="The folder of a dissection, a level, a run or a comparison, or a NetDissect CSV.",
            show_default=False,
        ),
    ],
    iou: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Interpretable above this IoU.", show_default="as saved"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Count units and concepts: of a dissection by category, of a run by level."""
    from prunescope.analysis.results import summarise_result

    values, text = summarise_result(result, iou)
    print_result(values, text, as_json=as_json)


def _load(network: str, weights: Path | None, num_classes: int | None) -> "LoadedNetwork":
    """Load a network, with a warning where its weights are random."""
    from prunescope.networks import load_network, own_weights

    loaded = load_network(network, weights=weights, num_classes=num_classes)
    if weights is None and own_weights(network) is None:
        warn(f"{network} has random weights: give --weights")
    return loaded


def _names(text: str | None) -> tuple[str, ...] | None:
    """Read names with commas between them."""
    return tuple(name.strip() for name in text.split(",")) if text else None


def _channels(text: str | None, option: str) -> Channels | None:
    """Read a number for each channel; option: for the message where there are no three."""
    if text is None:
        return None
    try:
        red, green, blue = (float(part) for part in text.split(","))
    except ValueError:
        message = f'"{text}" is not three numbers, as in 0.5,0.5,0.5'
        raise typer.BadParameter(message, param_hint=option) from None
    return red, green, blue
