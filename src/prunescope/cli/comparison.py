"""How are two dissections, or two runs, laid side by side?"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from prunescope.base.errors import ConfigError
from prunescope.cli.console import print_result, progress_shown, warn
from prunescope.cli.evaluation import EVALUATION, TIMING
from prunescope.cli.options import (
    Device,
    Json,
    KeyOfSides,
    NetworkOfSides,
    NumClasses,
    OptionsOf,
    Out,
    Stated,
    as_option,
)
from prunescope.cli.single import (
    CONCEPTS,
    DISSECTION,
    NAMED,
    OF_MASKS,
    RESAMPLING,
    chosen_concepts,
)

if TYPE_CHECKING:
    from prunescope.comparison.dissections import Comparison
    from prunescope.comparison.runs import RunComparison
    from prunescope.results.evaluation_pair import EvaluationPair

_OF_FORWARD_PASSES = ("resolution", "mean", "std", "batch_size", "precision", "arithmetic")
"""Settings that hold for dissecting and for evaluating networks alike."""
_SIDE = (
    "The folder of a dissection, a layer, a level or a run, or a NetDissect CSV; with --concepts "
    "also a file of weights, or random with --network."
)


def compare(
    a: Annotated[Path, typer.Argument(metavar="A", help=_SIDE, show_default=False)],
    b: Annotated[Path, typer.Argument(metavar="B", help="The same.", show_default=False)],
    *,
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
    concepts: Annotated[Stated, OptionsOf(model=CONCEPTS, names=NAMED, unstated={"source": ""})],
    settings: Annotated[
        Stated, OptionsOf(model=DISSECTION, without=("layers", "examples", *OF_MASKS))
    ],
    resampling: Annotated[Stated, OptionsOf(model=RESAMPLING)],
    network: NetworkOfSides = None,
    key: KeyOfSides = None,
    num_classes: NumClasses = None,
    data: Annotated[
        str | None,
        typer.Option(
            help="Also evaluate both networks on these labelled images, as `evaluate A B` does."
        ),
    ] = None,
    measured: Annotated[
        Stated,
        OptionsOf(
            model=EVALUATION,
            only=("split", "classes", "resize", "limit"),
            names={"split": "data_split", "limit": "data_limit"},
        ),
    ],
    timing: Annotated[Stated, OptionsOf(model=TIMING)],
    device: Device = None,
    as_json: Json = False,
) -> None:
    """Say which units and concepts were kept, lost, gained and relabelled from A to B.

    With --concepts, networks are first dissected on them, at --layer.
    """
    of_networks: dict[str, Any] = {
        "network": network,
        "key": key,
        "num_classes": num_classes,
        "device": device,
    }
    if out is not None:
        from prunescope.report.comparison import check_room

        check_room(out)
    evaluation = None
    if data is not None:
        shown = {name: value for name, value in settings.items() if name in _OF_FORWARD_PASSES}
        evaluation = _evaluated(a, b, data, shown | measured | timing | of_networks)
    elif measured or timing:
        raise ConfigError("say on which labelled images the networks are evaluated: --data")
    common = {"layer": layer, "match": match, "out": out, "evaluation": evaluation, **resampling}
    if "source" not in concepts:
        used = {"iou", *(_OF_FORWARD_PASSES if data else ())}
        others = {name: value for name, value in settings.items() if name not in used}
        _refuse_alone(others | concepts | ({} if data else of_networks))
        compared = _of_saved(a, b, iou=settings.get("iou", 0.05), **common)
    else:
        compared = _of_networks(a, b, concepts, settings, common | of_networks)
    for warning in compared.warnings:
        warn(warning)
    values, text = compared.summary(), str(compared)
    if evaluation is not None:
        values, text = values | {"evaluation": evaluation.summary()}, f"{text}\n\n{evaluation}"
    print_result(values, text + (f"\n\nSaved in {out}" if out else ""), as_json=as_json)


def _of_saved(
    a: Path, b: Path, *, out: Path | None, evaluation: "EvaluationPair | None", **options: Any
) -> "Comparison | RunComparison":
    """Compare what was dissected."""
    from prunescope.statistics.compare import compare as compare_results

    compared = compare_results(a, b, **options)
    if out is not None:
        from prunescope.report.comparison import save_comparison  # loads what draws
        from prunescope.results.kinds import is_run
        from prunescope.results.opened import open_dissection

        sides = {
            letter: open_dissection(side)
            for letter, side in {"a": a, "b": b}.items()
            if not is_run(side)
        }
        save_comparison(compared, out, sides, evaluation=evaluation)
    return compared


def _of_networks(
    a: Path, b: Path, concepts: Stated, settings: Stated, options: Stated
) -> "Comparison":
    """Dissect two networks and compare them."""
    from prunescope.dissection.settings import DissectionSettings
    from prunescope.experiment.comparing import compare_networks

    if options["layer"] is None:
        raise ConfigError("--concepts dissects one layer: name it with --layer")
    stated = {"layers": [options["layer"]], **settings}
    chosen = chosen_concepts(concepts, "compare")
    with progress_shown() as progress:
        return compare_networks(
            a,
            b,
            concepts=chosen.source,
            settings=DissectionSettings.validate_from(stated, "compare", as_option),
            progress=progress,
            split=chosen.split,
            limit=chosen.limit,
            mask_size=chosen.mask_size,
            **options,
        )


def _evaluated(a: Path, b: Path, data: str, settings: Stated) -> "EvaluationPair":
    """Evaluate the two networks that are compared."""
    from prunescope.experiment.evaluating import evaluate_pair
    from prunescope.training.settings import EvaluationSettings

    options = EvaluationSettings.model_fields.keys() & settings.keys()
    stated = {name: settings[name] for name in options}
    EvaluationSettings.validate_from(stated, "compare", as_option)
    with progress_shown() as progress:
        return evaluate_pair(str(a), str(b), data, progress=progress, **settings)


def _refuse_alone(options: Mapping[str, object]) -> None:
    """Raise ConfigError for an option that is given though no network is dissected."""
    stated = [name for name, value in options.items() if value is not None]
    if stated:
        raise ConfigError(
            f"--{stated[0].replace('_', '-')} is for networks that are dissected first: give "
            "--concepts, too, or leave it out"
        )
