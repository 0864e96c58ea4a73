"""How is one network, or one dissection, looked at?"""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from prunescope.base.errors import ConfigError
from prunescope.cli.console import print_result, progress_shown, warn
from prunescope.cli.options import (
    Address,
    Device,
    Json,
    Key,
    Network,
    NumClasses,
    OptionsOf,
    Out,
    Stated,
    Weights,
    as_option,
)
from prunescope.engines import ENGINES

if TYPE_CHECKING:
    from prunescope.dissection.settings import ConceptSettings
    from prunescope.networks.loading import LoadedNetwork
    from prunescope.statistics.settings import ResamplingSettings

CONCEPTS, DISSECTION = (
    f"dissection.settings:{name}" for name in ("ConceptSettings", "DissectionSettings")
)
RESAMPLING = "statistics.settings:ResamplingSettings"
WORDS = "dissection.words.settings:WordSettings"
LABEL_CHECK = "statistics.settings:LabelCheckSettings"
NAMED = {"source": "concepts", "layers": "layer"}
OF_MASKS = ("null", "formulas", "beam", "formula_draws")
"""Settings of what is counted of masks with labels anew, which comparisons do without."""
DEFAULT_LAYERS = {"layers": "the last with a map"}


def _check_concepts(context: Any, concepts: str | None) -> str | None:
    """Refuse a dissection without concepts; to list layers none are needed.

    context: typer's, which gives another class than its own `typer.Context`.
    """
    if concepts is None and not context.params.get("list_layers"):
        from prunescope.dissection.settings import ConceptSettings

        about = ConceptSettings.model_fields["source"].description
        raise typer.BadParameter(f"it is missing: give {about}")
    return concepts


def dissect(
    network: Network,
    *,
    concepts: Annotated[
        Stated,
        OptionsOf(
            model=CONCEPTS, names=NAMED, unstated={"source": ""}, checks={"source": _check_concepts}
        ),
    ],
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
    page: Annotated[
        bool,
        typer.Option(
            "--page", help="Also write OUT/report, a page that shows what every unit sees."
        ),
    ] = False,
    settings: Annotated[Stated, OptionsOf(model=DISSECTION, names=NAMED, unstated=DEFAULT_LAYERS)],
    words: Annotated[Stated, OptionsOf(model=WORDS)],
    label_check: Annotated[Stated, OptionsOf(model=LABEL_CHECK)],
    device: Device = None,
    engine: Annotated[
        str,
        typer.Option(
            metavar="|".join(ENGINES.names), help="Who shares the images; ray: tasks on a cluster."
        ),
    ] = "local",
    workers: Annotated[
        int | None,
        typer.Option(
            min=1, help="Tasks of --engine ray.", show_default="one for each GPU, or for each node"
        ),
    ] = None,
    address: Address = None,
    as_json: Json = False,
) -> None:
    """Find the concept that each unit of one or more layers answers to."""
    if list_layers:
        from prunescope.experiment.layers import layers_of

        sizes = {name: settings.get(name) for name in ("resolution", "axes")}
        layers = layers_of(network, weights=weights, num_classes=num_classes, **sizes)
        print_result({"network": network, **layers.as_dict()}, str(layers), as_json=as_json)
        return
    if page and out is None:
        raise ConfigError("--page writes beside the dissection: give --out, too")
    from prunescope.base.ranks import joined
    from prunescope.dissection.settings import DissectionSettings
    from prunescope.dissection.words.settings import WordSettings
    from prunescope.experiment.single import dissect_network
    from prunescope.experiment.spreading import Crew, spread_dissection
    from prunescope.report.summary import describe_layers
    from prunescope.statistics.settings import LabelCheckSettings

    dissected = DissectionSettings.validate_from(with_layers(settings), "dissect", as_option)
    worded = WordSettings.validate_from(words, "dissect", as_option)
    checked = LabelCheckSettings.validate_from(label_check, "dissect", as_option)
    chosen = chosen_concepts(concepts, "dissect")
    with joined() as ranks, progress_shown(ranks.rank == 0) as progress:
        crew = Crew(engine=engine, workers=workers, address=address)
        dissected_by = dissect_network if crew.is_here else partial(spread_dissection, crew)
        dissection = dissected_by(
            load(network, weights, num_classes, key),
            dissected,
            chosen.source,
            out=out,
            split=chosen.split,
            limit=chosen.limit,
            mask_size=chosen.mask_size,
            words=worded if worded.asked else None,
            label_check=checked if checked.asked else None,
            device=device,
            ranks=ranks,
            progress=progress,
        )
        if ranks.rank > 0:
            return
        values = dissection.summary() | {"passes": dict(dissection.passes)}
        text = describe_layers(dissection.summary()) + (f"\nSaved in {out}" if out else "")
        if page and out is not None:
            from prunescope.report.pages.dissection import report_dissection

            written = report_dissection(out, chosen.source, name=network, progress=progress)
            values, text = values | {"report": str(written)}, f"{text}\nThe page is at {written}"
    print_result(values, text, as_json=as_json)


def summary(
    result: Annotated[
        Path,
        typer.Argument(
            help="The folder of a dissection, a level, a run, a comparison or an evaluation, or a "
            "NetDissect CSV.",
            show_default=False,
        ),
    ],
    settings: Annotated[
        Stated, OptionsOf(model=DISSECTION, only=("iou",), unstated={"iou": "as saved"})
    ],
    resampling: Annotated[Stated, OptionsOf(model=RESAMPLING)],
    as_json: Json = False,
) -> None:
    """Count units and concepts: of a dissection by category, of a run by level."""
    from prunescope.dissection.settings import DissectionSettings
    from prunescope.report.summary import summarise_result

    DissectionSettings.validate_from(with_layers(settings), "summary", as_option)
    drawn = chosen_draws(result, resampling, "summary")
    values, text = summarise_result(result, settings.get("iou"), resampling=drawn, tell=warn)
    print_result(values, text, as_json=as_json)


def chance(
    result: Annotated[
        Path,
        typer.Argument(
            help="The folder of a dissection that was made with --null.", show_default=False
        ),
    ],
    concepts: Annotated[Stated, OptionsOf(model=CONCEPTS, without=("mask_size",), names=NAMED)],
    settings: Annotated[
        Stated, OptionsOf(model=DISSECTION, only=("null", "memory"), unstated={"null": "auto"})
    ],
    device: Device = None,
    as_json: Json = False,
) -> None:
    """Take more draws of chance for a saved dissection; its network is not needed."""
    from prunescope.dissection.chance.more import draw_more
    from prunescope.report.summary import describe_layers

    chosen, wanted = chosen_concepts(concepts, "chance"), {"null": "auto", **settings}
    with progress_shown() as progress:
        dissection = draw_more(
            result,
            chosen.source,
            wanted.pop("null"),
            split=chosen.split,
            limit=chosen.limit,
            **wanted,
            device=device,
            progress=progress,
        )
    values = dissection.summary()
    print_result(values, f"{describe_layers(values)}\nSaved in {result}", as_json=as_json)


def chosen_draws(result: Path, resampling: Stated, command: str) -> "ResamplingSettings":
    """Return how the images of a dissection are resampled.

    Raises ConfigError for draws of the images of a run or a comparison.
    """
    from prunescope.base.errors import ConfigError
    from prunescope.results.kinds import is_comparison, is_run
    from prunescope.statistics.settings import ResamplingSettings

    drawn = ResamplingSettings.validate_from(resampling, command, as_option)
    if not resampling.get("draws") and "seed" not in resampling:
        return drawn
    for is_it, advice in (
        (is_run, "a run: give one of its levels"),
        (is_comparison, "a comparison: compare again with --draws"),
    ):
        if is_it(result):
            raise ConfigError(
                f"--draws resamples the images of a dissection, but {result} is {advice}"
            )
    return drawn


def chosen_concepts(concepts: Stated, command: str) -> "ConceptSettings":
    """Return the concept set that a command line states, and which of its images are used."""
    from prunescope.dissection.settings import ConceptSettings

    return ConceptSettings.validate_from(
        concepts, command, lambda name: as_option(NAMED.get(name, name))
    )


def with_layers(settings: Stated) -> Stated:
    """Return what is stated of a dissection, with the default layer where none is."""
    from prunescope.dissection.settings import DEFAULT_LAYER

    return {"layers": [DEFAULT_LAYER], **settings}


def load(
    network: str, weights: str | None, num_classes: int | None, key: str | None = None
) -> "LoadedNetwork":
    """Load a network, with a warning where its weights are random."""
    from prunescope.networks.loading import implied_weights, load_network

    loaded = load_network(network, weights=weights, num_classes=num_classes, key=key)
    if weights is None and implied_weights(network) is None:
        warn(f"{network} has random weights: give --weights")
    return loaded
