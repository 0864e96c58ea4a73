"""What can be said on the command line? Every command parses, calls one function, and prints."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from prunescope.base.errors import InputError, PrunescopeError
from prunescope.version import __version__

if TYPE_CHECKING:
    from prunescope.study import Study

app = typer.Typer(
    name="prunescope",
    help="Prune a network, and see what it still sees.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
concepts_app = typer.Typer(
    help="Look at the pictures with labelled concepts.", no_args_is_help=True
)
app.add_typer(concepts_app, name="concepts")


class Precision(StrEnum):
    """Of the forward pass."""

    FLOAT32 = "float32"
    BF16 = "bf16"


class EngineName(StrEnum):
    """Where the stages of a study run."""

    LOCAL = "local"


def main() -> None:
    """Run the command line: exit status 0 done, 2 the input is wrong, 1 anything else."""
    try:
        app()
    except InputError as error:
        _stop(str(error), 2)
    except PrunescopeError as error:
        _stop(str(error), 1)
    except OSError as error:
        _stop(f"the system refused: {error}", 1)


def _stop(message: str, status: int) -> None:
    print(f"prunescope: {message}", file=sys.stderr)  # noqa: T201
    sys.exit(status)


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
        help="torchvision:NAME, cifar_resnet20, package.module:factory, or a run folder's level.",
        show_default=False,
    ),
]
Resolution = Annotated[int | None, typer.Option(min=1, help="Squash the images to N x N pixels.")]
Mean = Annotated[str | None, typer.Option(metavar="R,G,B", help="Mean of the channels in [0, 1].")]
Std = Annotated[str | None, typer.Option(metavar="R,G,B", help="Standard deviation of them.")]
Device = Annotated[
    str | None, typer.Option(help="cpu, cuda, ...  [default: a GPU if there is one]")
]
Workers = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Processes that train replicates and strategies beside each other.  "
        "[default: one for each of them, as far as the cores go; 1 on a GPU]",
    ),
]
Concepts = Annotated[str, typer.Option(help="scenes (embedded) or broden:DIR.")]


@app.callback(invoke_without_command=True)
def _version(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        typer.echo(f"prunescope {__version__}")
        raise typer.Exit


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="The run folder.")] = Path("demo"),
    workers: Workers = None,
    as_json: Json = False,
) -> None:
    """Train, prune and dissect a small network on the embedded pictures; a few minutes."""
    from prunescope.study import shipped_recipe

    _run(shipped_recipe("demo"), out, workers, as_json)


@app.command()
def run(
    recipe: Annotated[Path, typer.Argument(help="A study as YAML.", show_default=False)],
    out: Annotated[Path | None, typer.Option(help="The run folder.  [default: runs/NAME]")] = None,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", metavar="A.B=C", help="Change one setting.")
    ] = None,
    engine: Annotated[EngineName, typer.Option(help="Where stages run.")] = EngineName.LOCAL,  # noqa: ARG001
    workers: Workers = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only check it, and estimate time and disk.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Run a study, or go on with it: whatever its run folder lacks is made."""
    from prunescope.study import load_study

    study = load_study(recipe, overrides or ())
    out = out or Path("runs") / study.name
    if dry_run:
        _dry_run(study, out, as_json)
    else:
        _run(study, out, workers, as_json)


@app.command()
def status(
    folder: Annotated[Path, typer.Argument(help="A run folder.", show_default=False)],
    as_json: Json = False,
) -> None:
    """Say what is done, running and left, and how long it will take."""
    from prunescope.experiment import status as status_of

    found = status_of(folder)
    _print(found.as_dict(), str(found), as_json)


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(help="A finished run folder.", show_default=False)],
    as_json: Json = False,
) -> None:
    """Make the tables, figures and page of a run again."""
    from prunescope.experiment import report_again

    with _progress() as progress:
        page = report_again(folder, progress=progress)
    _print({"report": str(page)}, f"The report is at {page}", as_json)


@app.command()
def dissect(
    network: Network,
    layer: Annotated[list[str], typer.Option(help="A layer's name; may be repeated.")],
    concepts: Concepts,
    weights: Weights = None,
    num_classes: NumClasses = None,
    out: Out = None,
    quantile: Annotated[float, typer.Option(help="Share of a unit's cells above T.")] = 0.005,
    iou: Annotated[float, typer.Option(help="A unit is interpretable above this IoU.")] = 0.05,
    categories: Annotated[
        str | None, typer.Option(metavar="C,C", help="Only labels of these may be a concept.")
    ] = None,
    split: Split = None,
    limit: Limit = None,
    resolution: Resolution = None,
    mean: Mean = None,
    std: Std = None,
    batch_size: Annotated[int, typer.Option(min=1)] = 32,
    precision: Annotated[Precision, typer.Option()] = Precision.FLOAT32,
    device: Device = None,
    as_json: Json = False,
) -> None:
    """Find the concept that each unit of one or more layers answers to."""
    from prunescope.analysis.summary import describe_layers
    from prunescope.dissection.settings import DissectionSettings
    from prunescope.experiment.single import dissect_network

    settings = DissectionSettings.validate_from(
        {
            "layers": tuple(layer),
            "quantile": quantile,
            "iou": iou,
            "categories": tuple(categories.split(",")) if categories else None,
            "resolution": resolution,
            "mean": _channels(mean, "--mean"),
            "std": _channels(std, "--std"),
            "batch_size": batch_size,
            "precision": precision.value,
        },
        "dissect",
    )
    with _progress() as progress:
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
    _print(dissection.summary(), text + (f"\nSaved in {out}" if out else ""), as_json)


@app.command()
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
    precision: Annotated[Precision, typer.Option()] = Precision.FLOAT32,
    device: Device = None,
    as_json: Json = False,
) -> None:
    """Measure accuracy and loss on labelled images."""
    from prunescope.experiment.single import evaluate_network

    with _progress() as progress:
        result = evaluate_network(
            _load(network, weights, num_classes),
            data,
            split=split,
            resolution=resolution,
            mean=_channels(mean, "--mean"),
            std=_channels(std, "--std"),
            batch_size=batch_size,
            precision=precision.value,
            device=device,
            progress=progress,
        )
    _print(result.as_dict(), str(result), as_json)


@app.command()
def summary(
    result: Annotated[
        Path,
        typer.Argument(help="A dissection's folder, or a NetDissect CSV.", show_default=False),
    ],
    iou: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Interpretable above this IoU.  [default: as saved]"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Count the units and concepts of a dissection, by category."""
    from prunescope.analysis.summary import describe_layers, read_units, summarise_layers

    counts = summarise_layers(read_units(result), iou)
    _print(counts, describe_layers(counts), as_json)


@concepts_app.command("list")
def list_concepts(as_json: Json = False) -> None:
    """Say which concept sets there are."""
    from prunescope.concepts import KINDS

    text = "\n".join(f"{name:<12}{what}" for name, what in KINDS.items())
    _print({"sets": KINDS}, text, as_json)


@concepts_app.command("check")
def check(
    concepts: Annotated[str, typer.Argument(help="scenes or broden:DIR.", show_default=False)],
    split: Split = None,
    limit: Limit = None,
    as_json: Json = False,
) -> None:
    """Read every image and label map of a set, and say what is wrong with it."""
    from prunescope.concepts import open_concepts
    from prunescope.concepts.check import check_concepts

    with _progress() as progress:
        opened = open_concepts(concepts, split=split, limit=limit, progress=progress)
        found = check_concepts(opened, progress=progress)
    _print(found.as_dict(), str(found), as_json)
    if found.problems:
        raise typer.Exit(2)


@concepts_app.command("preview")
def preview(
    concepts: Annotated[str, typer.Argument(help="scenes or broden:DIR.", show_default=False)],
    out: Annotated[Path, typer.Option(help="Folder for the pictures.")] = Path("preview"),
    images: Annotated[int, typer.Option(min=1, help="Number of photographs shown.")] = 12,
    seed: Annotated[int, typer.Option(min=0, help="Another draw of them.")] = 0,
    split: Split = None,
    as_json: Json = False,
) -> None:
    """Draw photographs of a set beside their labels."""
    from prunescope.concepts import open_concepts
    from prunescope.concepts.preview import preview_concepts

    with _progress() as progress:
        opened = open_concepts(concepts, split=split, progress=progress)
        sheets = preview_concepts(opened, out, images=images, seed=seed, progress=progress)
    _print({"sheets": [str(sheet) for sheet in sheets]}, "\n".join(map(str, sheets)), as_json)


def _run(study: "Study", out: Path, workers: int | None, as_json: bool) -> None:
    from prunescope.experiment import run_study

    with _progress() as progress:
        page = run_study(study, out, workers=workers, progress=progress)
    _print({"run": str(out), "report": str(page)}, f"The report is at {page}", as_json)


def _dry_run(study: "Study", out: Path, as_json: bool) -> None:
    from prunescope.experiment import dry_run

    with _progress() as progress:
        found = dry_run(study, out, progress=progress)
    _print(found.as_dict(), str(found), as_json)


def _load(network: str, weights: Path | None, num_classes: int | None) -> Any:
    from prunescope.networks import load_network

    loaded = load_network(network, weights=weights, num_classes=num_classes)
    if weights is None and not Path(network).is_dir():
        typer.echo(f"warning: {network} has random weights: give --weights", err=True)
    return loaded


def _channels(text: str | None, option: str) -> tuple[float, float, float] | None:
    if text is None:
        return None
    try:
        red, green, blue = (float(part) for part in text.split(","))
    except ValueError:
        message = f'"{text}" is not three numbers, as in 0.5,0.5,0.5'
        raise typer.BadParameter(message, param_hint=option) from None
    return red, green, blue


@contextmanager
def _progress() -> Iterator[Any]:
    from prunescope.base.progress import progress_on

    with progress_on(sys.stderr) as progress:
        yield progress


def _print(values: dict[str, Any], text: str, as_json: bool) -> None:
    typer.echo(json.dumps(values, allow_nan=False) if as_json else text)
