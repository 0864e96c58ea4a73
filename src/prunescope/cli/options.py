"""Which options mean the same in several commands?"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from prunescope.base import images
from prunescope.base.errors import ConfigError
from prunescope.base.images import MOST_PIXELS

if TYPE_CHECKING:
    from prunescope.dissection.settings import DissectionSettings

Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON object as the last line of standard output.")
]
Out = Annotated[Path | None, typer.Option(help="Folder to write to.")]
Split = Annotated[str | None, typer.Option(help="Use only the images of this split, or all.")]
Limit = Annotated[int | None, typer.Option(min=1, help="Use only the first N images.")]
Classes = Annotated[
    str | None,
    typer.Option(
        metavar="N|a,b,c|FILE",
        help="Only these classes, in the order of the network's outputs: the first N, names, or a "
        "file with one name a line.",
    ),
]
MaskSize = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=16_384,
        metavar="N",
        help="Make all label maps N x N, so that all images weigh alike.",
        show_default="as they are",
    ),
]
Weights = Annotated[
    str | None,
    typer.Option(
        metavar="FILE|DEFAULT|NAME|random",
        help="A state dict, .safetensors or as torch saves it; what torchvision or timm publish: "
        "DEFAULT, IMAGENET1K_V2, a1_in1k, ...; or random, an untrained network as a control.",
    ),
]
Key = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Which network of a file that holds several: state_dict_ema, model.teacher, ...",
        show_default="the only one",
    ),
]
NumClasses = Annotated[int | None, typer.Option(min=1, help="Number of the network's outputs.")]
Network = Annotated[
    str,
    typer.Argument(
        help="torchvision:NAME, timm:NAME, cifar_resnet20, package.module:factory, a run folder's "
        "level, or a file of `prune`.",
        show_default=False,
    ),
]
Resolution = Annotated[
    int | None, typer.Option(min=1, max=MOST_PIXELS, help="Squash the images to N x N pixels.")
]
Mean = Annotated[
    str | None, typer.Option(metavar="R,G,B|GREY", help="Mean of the channels in [0, 1].")
]
Std = Annotated[str | None, typer.Option(metavar="R,G,B|GREY", help="Standard deviation of them.")]
Null = Annotated[
    str,
    typer.Option(
        metavar="N|auto",
        help="Permute the labels to see what is due to chance: N times, or until it is decided "
        "which units are beyond it; 0 is not at all.",
    ),
]
BatchSize = Annotated[int, typer.Option(min=1, help="Images per forward pass.")]
Precision = Annotated[images.Precision, typer.Option(help="Of the forward pass.")]
ChannelsLast = Annotated[
    bool,
    typer.Option(
        "--channels-last",
        help="float32 in that memory format: faster on CPUs, but rounded otherwise.",
    ),
]
Axes = Annotated[
    str | None,
    typer.Option(
        metavar="NCHW|NHWC|NLC|LNC|...",
        help="Of the layers' outputs: N images, C units, H rows, W columns, L tokens.",
        show_default="as the network's answers to images of several sizes tell",
    ),
]
ConventionName = Literal["exact", "netdissect", "lite", "quick"]
Convention = Annotated[
    ConventionName,
    typer.Option(help="By whose rules it is counted; they set what is not stated here."),
]
Iou = Annotated[
    float | None,
    typer.Option(
        help="A unit is interpretable above this IoU.",
        show_default="0.05, or that of the convention",
    ),
]
Memory = Annotated[
    str, typer.Option(help="For the maps kept between first sight and count; no number differs.")
]
Engine = Annotated[
    Literal["local"], typer.Option("--engine", help="Where stages run; so far there is one.")
]
Device = Annotated[
    str | None, typer.Option(help="cpu, cuda, ...", show_default="a GPU if there is one")
]
Workers = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Processes that train replicates and strategies beside each other.",
        show_default="one for each of them, as far as the cores go; 1 on a GPU",
    ),
]
Categories = Annotated[
    str | None, typer.Option(metavar="C,C", help="Only labels of these may be a concept.")
]
Quantile = Annotated[float, typer.Option(help="Share of a unit's cells above T.")]
Layers = Annotated[
    list[str] | None,
    typer.Option(
        "--layer",
        help="A layer's name, or a pattern (layer?, *.conv2); may be repeated.",
        show_default="the last with a map",
    ),
]
CONCEPTS_HELP = "scenes (embedded), broden:DIR, or masks:DIR (your own)."
Concepts = Annotated[str, typer.Option(help=CONCEPTS_HELP)]
ConceptsArgument = Annotated[
    str, typer.Argument(metavar="SET", help=CONCEPTS_HELP, show_default=False)
]


def dissection_settings(
    command: str, *, layers: Sequence[str] | None, **given: Any
) -> "DissectionSettings":
    """Return what the options of a command say of a dissection; defaults where they are None."""
    from prunescope.dissection.settings import DissectionSettings

    return DissectionSettings.validate_from(stated_settings(layers=layers, **given), command)


def stated_settings(
    *,
    layers: Sequence[str] | None,
    mean: str | None = None,
    std: str | None = None,
    categories: str | None = None,
    **given: Any,
) -> dict[str, Any]:
    """Return what the options of a command state of a dissection: nothing where they are None."""
    from prunescope.dissection.layers import DEFAULT_LAYER

    given |= {"mean": channels(mean, "mean"), "std": channels(std, "std")}
    given["categories"] = None if categories is None else names(categories)
    stated = {name: value for name, value in given.items() if value is not None}
    return {"layers": tuple(layers or (DEFAULT_LAYER,)), **stated}


def names(text: str) -> tuple[str, ...]:
    """Read names with commas between them."""
    return tuple(name.strip() for name in text.split(","))


def channels(text: str | None, name: Literal["mean", "std"]) -> images.Channels | None:
    """Read numbers, "0.5,0.5,0.5" or "0.5", of the option --mean or --std."""
    if text is None:
        return None
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError:
        message = f'"{text}" is not a number for each channel, as in 0.5,0.5,0.5 or, of grey, 0.5'
        raise typer.BadParameter(message, param_hint=f"--{name}") from None
    fault = images.range_fault(name, values)
    if fault is not None:
        raise ConfigError(f"--{fault}")
    return values
