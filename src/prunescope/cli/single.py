"""How is one network, or one dissection, looked at?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from prunescope.cli.console import print_result, progress_shown, warn
from prunescope.cli.options import (
    CONCEPTS_HELP,
    Axes,
    BatchSize,
    Categories,
    ChannelsLast,
    Classes,
    Convention,
    Device,
    Iou,
    Json,
    Key,
    Layers,
    Limit,
    MaskSize,
    Mean,
    Memory,
    Network,
    Null,
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


def _needed_to_dissect(context: Any, concepts: str | None) -> str | None:
    """Refuse a dissection without concepts; to list layers none are needed.

    context: typer's, which gives another class than its own `typer.Context`.
    """
    if concepts is None and not context.params.get("list_layers"):
        raise typer.BadParameter(f"it is missing: give {CONCEPTS_HELP}")
    return concepts


def dissect(
    network: Network,
    concepts: Annotated[
        str | None,
        typer.Option(help=CONCEPTS_HELP, callback=_needed_to_dissect, show_default=False),
    ] = None,
    layer: Layers = None,
    list_layers: Annotated[
        bool,
        typer.Option(
            "--list-layers", is_eager=True, help="Only show the layers, without --concepts."
        ),
    ] = False,
    weights: Weights = None,
    key: Key = None,
    num_classes: NumClasses = None,
    out: Out = None,
    quantile: Quantile = 0.005,
    iou: Iou = None,
    convention: Convention = "exact",
    categories: Categories = None,
    split: Split = None,
    limit: Limit = None,
    mask_size: MaskSize = None,
    resolution: Resolution = None,
    mean: Mean = None,
    std: Std = None,
    axes: Axes = None,
    batch_size: BatchSize = 32,
    precision: Precision = "float32",
    channels_last: ChannelsLast = False,
    null: Null = "0",
    memory: Memory = "2GiB",
    device: Device = None,
    as_json: Json = False,
) -> None:
    """Find the concept that each unit of one or more layers answers to."""
    if list_layers:
        _list_layers(network, weights, num_classes, resolution, axes, as_json=as_json)
        return
    assert concepts is not None  # the option was asked for
    from prunescope.base.ranks import joined
    from prunescope.experiment.single import dissect_network
    from prunescope.report.summary import describe_layers

    settings = dissection_settings(
        "dissect",
        layers=layer,
        quantile=quantile,
        iou=iou,
        convention=convention,
        categories=categories,
        resolution=resolution,
        mean=mean,
        std=std,
        axes=axes,
        batch_size=batch_size,
        precision=precision,
        channels_last=channels_last,
        null=null,
        memory=memory,
    )
    with joined() as ranks, progress_shown(ranks.rank == 0) as progress:
        dissection = dissect_network(
            load(network, weights, num_classes, key),
            settings,
            concepts,
            out=out,
            split=split,
            limit=limit,
            mask_size=mask_size,
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
    key: Key = None,
    num_classes: NumClasses = None,
    split: Annotated[str, typer.Option(help="The split to use.")] = "test",
    classes: Classes = None,
    limit: Limit = None,
    resolution: Resolution = None,
    resize: Annotated[
        int | None,
        typer.Option(min=1, help="Shorter side, of which the centre is cut.", show_default=False),
    ] = None,
    mean: Mean = None,
    std: Std = None,
    batch_size: BatchSize = 256,
    precision: Precision = "float32",
    device: Device = None,
    as_json: Json = False,
) -> None:
    """Measure accuracy and loss on labelled images."""
    from prunescope.data.classes import classes_stated
    from prunescope.experiment.single import evaluate_network

    with progress_shown() as progress:
        used, result = evaluate_network(
            load(network, weights, num_classes, key),
            data,
            split=split,
            resolution=resolution,
            resize=resize,
            mean=channels(mean, "mean"),
            std=channels(std, "std"),
            batch_size=batch_size,
            precision=precision,
            classes=classes_stated(classes, "--classes"),
            limit=limit,
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
    from prunescope.report.summary import summarise_result

    values, text = summarise_result(result, iou, tell=warn)
    print_result(values, text, as_json=as_json)


def chance(
    result: Annotated[
        Path,
        typer.Argument(
            help="The folder of a dissection that was made with --null.", show_default=False
        ),
    ],
    concepts: Annotated[
        str, typer.Option(help=f"Those it was made with: {CONCEPTS_HELP}", show_default=False)
    ],
    null: Null = "auto",
    split: Split = None,
    limit: Limit = None,
    memory: Memory = "2GiB",
    device: Device = None,
    as_json: Json = False,
) -> None:
    """Take more draws of chance for a saved dissection; its network is not needed."""
    from prunescope.dissection.more import draw_more
    from prunescope.report.summary import describe_layers

    with progress_shown() as progress:
        dissection = draw_more(
            result,
            concepts,
            null,
            split=split,
            limit=limit,
            memory=memory,
            device=device,
            progress=progress,
        )
    values = dissection.summary()
    print_result(values, f"{describe_layers(values)}\nSaved in {result}", as_json=as_json)


def _list_layers(
    network: str,
    weights: str | None,
    num_classes: int | None,
    resolution: int | None,
    axes: str | None,
    *,
    as_json: bool,
) -> None:
    from prunescope.experiment.layers import layers_of

    found = layers_of(
        network, weights=weights, num_classes=num_classes, resolution=resolution, axes=axes
    )
    print_result({"network": network, **found.as_dict()}, str(found), as_json=as_json)


def load(
    network: str, weights: str | None, num_classes: int | None, key: str | None = None
) -> "LoadedNetwork":
    """Load a network, with a warning where its weights are random."""
    from prunescope.networks import load_network, own_weights

    loaded = load_network(network, weights=weights, num_classes=num_classes, key=key)
    if weights is None and own_weights(network) is None:
        warn(f"{network} has random weights: give --weights")
    return loaded
