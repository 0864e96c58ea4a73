"""Which options mean the same in several commands?"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from prunescope.base import images

if TYPE_CHECKING:
    from prunescope.dissection.settings import DissectionSettings

Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON object as the last line of standard output.")
]
Out = Annotated[Path | None, typer.Option(help="Folder to write to.")]
Split = Annotated[str | None, typer.Option(help="Use only the images of this split.")]
Limit = Annotated[int | None, typer.Option(min=1, help="Use only the first N images.")]
Weights = Annotated[
    Path | None, typer.Option(help="A state dict, .safetensors or as torch saves it.")
]
NumClasses = Annotated[int | None, typer.Option(min=1, help="Number of the network's outputs.")]
Network = Annotated[
    str,
    typer.Argument(
        help="torchvision:NAME, cifar_resnet20, package.module:factory, a run folder's level, or a "
        "file of `prune`.",
        show_default=False,
    ),
]
Resolution = Annotated[int | None, typer.Option(min=1, help="Squash the images to N x N pixels.")]
Mean = Annotated[str | None, typer.Option(metavar="R,G,B", help="Mean of the channels in [0, 1].")]
Std = Annotated[str | None, typer.Option(metavar="R,G,B", help="Standard deviation of them.")]
Quantile = Annotated[float, typer.Option(help="Share of a unit's cells above T.")]
BatchSize = Annotated[int, typer.Option(min=1, help="Images per forward pass.")]
Precision = Annotated[images.Precision, typer.Option(help="Of the forward pass.")]
Convention = Annotated[
    Literal["exact"], typer.Option("--convention", help="How it is counted; so far there is one.")
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
_SETS = "scenes (embedded), broden:DIR, or masks:DIR (your own)."
Concepts = Annotated[str, typer.Option(help=_SETS)]
ConceptsArgument = Annotated[str, typer.Argument(metavar="SET", help=_SETS, show_default=False)]


def dissection_settings(
    command: str, *, layers: Sequence[str], mean: str | None, std: str | None, **given: Any
) -> "DissectionSettings":
    """Return what the options of a command say of a dissection; defaults where they are None."""
    from prunescope.dissection.settings import DissectionSettings

    given |= {"mean": channels(mean, "--mean"), "std": channels(std, "--std")}
    stated = {name: value for name, value in given.items() if value is not None}
    return DissectionSettings.validate_from({"layers": tuple(layers), **stated}, command)


def channels(text: str | None, option: str) -> images.Channels | None:
    """Read three numbers, "0.5,0.5,0.5". option: whose they are, for the message."""
    if text is None:
        return None
    try:
        red, green, blue = (float(part) for part in text.split(","))
    except ValueError:
        message = f'"{text}" is not three numbers, as in 0.5,0.5,0.5'
        raise typer.BadParameter(message, param_hint=option) from None
    return red, green, blue
