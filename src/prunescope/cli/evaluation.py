"""How good are networks on labelled images, and what would they be without some units?"""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from prunescope.base.errors import ConfigError
from prunescope.cli.console import print_result, progress_shown
from prunescope.cli.options import (
    Device,
    Json,
    Key,
    KeyOfSides,
    Network,
    NetworkOfSides,
    NumClasses,
    OptionsOf,
    Out,
    Stated,
    Weights,
    as_option,
)
from prunescope.cli.single import load

EVALUATION, TIMING, ABLATION = (
    f"training.settings:{name}Settings" for name in ("Evaluation", "Timing", "Ablation")
)
Data = Annotated[str, typer.Option(help="Folder or hub name of labelled images, or scenes.")]


def evaluate(
    network: Network,
    other: Annotated[
        str | None,
        typer.Argument(
            metavar="B",
            help="A second one, to lay beside it: both are files of weights or levels.",
            show_default=False,
        ),
    ] = None,
    *,
    data: Data,
    weights: Weights = None,
    network_of_sides: NetworkOfSides = None,
    key: KeyOfSides = None,
    num_classes: NumClasses = None,
    out: Out = None,
    settings: Annotated[Stated, OptionsOf(model=EVALUATION)],
    timing: Annotated[Stated, OptionsOf(model=TIMING)],
    device: Device = None,
    as_json: Json = False,
) -> None:
    """Measure accuracy and loss on labelled images, also of two networks side by side."""
    from prunescope.training.settings import EvaluationSettings

    measured = EvaluationSettings.validate_from(settings, "evaluate", as_option)
    if other is not None:
        if weights is not None:
            raise ConfigError(
                "--weights is for one network: give the two files as A and B, and with --network "
                "to which network they belong, where they do not say it"
            )
        _evaluate_pair(
            network,
            other,
            data,
            out,
            as_json,
            {"network": network_of_sides, "key": key, "num_classes": num_classes},
            settings | timing | {"device": device},
        )
        return
    _refuse_of_pairs({"--rounds": timing.get("rounds"), "--network": network_of_sides})
    from prunescope.experiment.measuring import evaluate_network
    from prunescope.results.evaluation import check_room

    if out is not None:
        check_room(out)
    with progress_shown() as progress:
        result = evaluate_network(
            load(network, weights, num_classes, key),
            data,
            measured,
            device=device,
            progress=progress,
        )
    split = result.about["split"]
    if out is not None:
        named = {"network": network} | ({} if weights is None else {"weights": weights})
        replace(result, about={**named, "data": data, "split": split}).save(out)
    text = f"split    {split}\n{result}" + _saved(out)
    print_result(result.as_dict() | {"split": split}, text, as_json=as_json)


def _refuse_of_pairs(options: Stated) -> None:
    stated = [name for name, value in options.items() if value is not None]
    if stated:
        raise ConfigError(f"{stated[0]} is for two networks, A and B: leave it out")


def ablate(
    network: Network,
    *,
    data: Data,
    layer: Annotated[str, typer.Option(help="The layer.", show_default=False)],
    unit: Annotated[
        list[int] | None,
        typer.Option(min=0, help="A unit that is ablated, by its number. May be repeated."),
    ] = None,
    concept: Annotated[
        str | None, typer.Option(help="Ablate all units that are interpretable as this.")
    ] = None,
    category: Annotated[
        str | None, typer.Option(help="Of the concept, where several have one of its name.")
    ] = None,
    dissection: Annotated[
        Path | None,
        typer.Option(help="A dissection of this network, which says what its units see."),
    ] = None,
    weights: Weights = None,
    key: Key = None,
    num_classes: NumClasses = None,
    out: Out = None,
    controls: Annotated[Stated, OptionsOf(model=ABLATION)],
    settings: Annotated[Stated, OptionsOf(model=EVALUATION, without=("arithmetic",))],
    device: Device = None,
    as_json: Json = False,
) -> None:
    """Measure accuracy without some units of a layer, beside as many random ones."""
    from prunescope.experiment.ablating import ablate as ablate_units
    from prunescope.training.settings import AblationSettings, EvaluationSettings

    AblationSettings.validate_from(controls, "ablate", as_option)
    EvaluationSettings.validate_from(settings, "ablate", as_option)
    if out is not None:
        from prunescope.results.ablation import check_ablation_room

        check_ablation_room(out)
    with progress_shown() as progress:
        found = ablate_units(
            load(network, weights, num_classes, key),
            layer,
            data,
            units=unit or None,
            concept=concept,
            category=category,
            dissection=dissection,
            device=device,
            progress=progress,
            **controls,
            **settings,
        )
    named = replace(found, counts={**found.counts, "network": network})
    if out is not None:
        named.save(out)
    print_result(named.summary(), f"{named}{_saved(out)}", as_json=as_json)


def _evaluate_pair(
    a: str,
    b: str,
    data: str,
    out: Path | None,
    as_json: bool,
    of_networks: Stated,
    settings: Stated,
) -> None:
    from prunescope.experiment.evaluating import evaluate_pair

    with progress_shown() as progress:
        found = evaluate_pair(a, b, data, out=out, progress=progress, **of_networks, **settings)
    print_result(found.summary(), f"{found}{_saved(out)}", as_json=as_json)


def _saved(out: Path | None) -> str:
    return f"\nSaved in {out}" if out else ""
