"""How is one network, or one dissection, looked at?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from prunescope.cli.console import print_result, progress_shown, warn
from prunescope.cli.options import (
    BatchSize,
    Concepts,
    Convention,
    Device,
    Json,
    Limit,
    Mean,
    Network,
    NumClasses,
    Out,
    Precision,
    Quantile,
    Resolution,
    Split,
    Std,
    Weights,
    channels,
    dissection_settings,
)

if TYPE_CHECKING:
    from prunescope.networks import LoadedNetwork


def dissect(
    network: Network,
    layer: Annotated[list[str], typer.Option(help="A layer's name; may be repeated.")],
    concepts: Concepts,
    weights: Weights = None,
    num_classes: NumClasses = None,
    out: Out = None,
    quantile: Quantile = 0.005,
    iou: Annotated[float, typer.Option(help="A unit is interpretable above this IoU.")] = 0.05,
    categories: Annotated[
        str | None, typer.Option(metavar="C,C", help="Only labels of these may be a concept.")
    ] = None,
    split: Split = None,
    limit: Limit = None,
    resolution: Resolution = None,
    mean: Mean = None,
    std: Std = None,
    batch_size: BatchSize = 32,
    precision: Precision = "float32",
    device: Device = None,
    _convention: Convention = "exact",
    as_json: Json = False,
) -> None:
    """Find the concept that each unit of one or more layers answers to."""
    from prunescope.analysis.summary import describe_layers
    from prunescope.experiment.single import dissect_network

    settings = dissection_settings(
        "dissect",
        layers=layer,
        quantile=quantile,
        iou=iou,
        categories=_names(categories) if categories else None,
        resolution=resolution,
        mean=mean,
        std=std,
        batch_size=batch_size,
        precision=precision,
    )
    with progress_shown() as progress:
        dissection = dissect_network(
            _load(network, weights, num_classes),
            settings,
            concepts,
            out=out,
            split=split,
            limit=limit,
            device=device,
            progress=progress,
        )
    text = describe_layers(dissection.summary())
    print_result(dissection.summary(), text + (f"\nSaved in {out}" if out else ""), as_json=as_json)


def evaluate(
    network: Network,
    data: Annotated[str, typer.Option(help="Folder or hub name of labelled images, or scenes.")],
    weights: Weights = None,
    num_classes: NumClasses = None,
    split: Annotated[str, typer.Option(help="The split to use.")] = "test",
    resolution: Resolution = None,
    mean: Mean = None,
    std: Std = None,
    batch_size: BatchSize = 256,
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
            mean=channels(mean, "--mean"),
            std=channels(std, "--std"),
            batch_size=batch_size,
            precision=precision,
            device=device,
            progress=progress,
        )
    values = result.as_dict() | {"split": used}
    print_result(values, f"split    {used}\n{result}", as_json=as_json)


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
    from prunescope.networks import load_network, own_weights

    loaded = load_network(network, weights=weights, num_classes=num_classes)
    if weights is None and own_weights(network) is None:
        warn(f"{network} has random weights: give --weights")
    return loaded


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(","))
