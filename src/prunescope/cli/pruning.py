"""How is one network pruned, and what is really in pruned weights?"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from prunescope.base.errors import ConfigError
from prunescope.base.images import MOST_PIXELS
from prunescope.base.paths import is_there
from prunescope.cli.console import print_result, progress_shown, warn
from prunescope.cli.options import (
    Json,
    Key,
    Network,
    NumClasses,
    OptionsOf,
    Stated,
    Weights,
    as_option,
)
from prunescope.pruning.choices import Form
from prunescope.results.layout import STUDY

if TYPE_CHECKING:
    from prunescope.networks.loading import LoadedNetwork
    from prunescope.pruning.settings import PruneSettings

MaskFile = Annotated[
    Path | None,
    typer.Option("--mask", help="The mask.", show_default="the one in the file or beside it"),
]


def prune(
    network: Network,
    *,
    out: Annotated[Path, typer.Option(help="The file to write, the mask beside it.")],
    settings: Annotated[Stated, OptionsOf(model="pruning.settings:PruneSettings")],
    weights: Weights = None,
    key: Key = None,
    num_classes: NumClasses = None,
    mask: MaskFile = None,
    infer_mask: Annotated[
        bool, typer.Option("--infer-mask", help="Without a mask: take zeros for pruned weights.")
    ] = False,
    form: Annotated[
        Form, typer.Option("--format", help="For which tool it is written.")
    ] = "prunescope",
    recalibrate: Annotated[
        str | None,
        typer.Option(
            metavar="DATA",
            help="Estimate the statistics of batch normalisation anew on the training images of "
            "this folder, hub name or scenes.",
            show_default="they stay as they are",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Set weights to zero, or remove filters, and write what is left with its mask.

    Without --keep, only write weights for another tool.
    """
    from prunescope.pruning.files import prune_saved
    from prunescope.pruning.prunable import UNTRIED
    from prunescope.pruning.settings import PruneSettings
    from prunescope.pruning.writing import check_place, write_weights

    stated = PruneSettings.validate_from(settings, "prune", as_option)
    check_place(out, form, read=(network, weights, mask))
    if stated.structure == "filters":
        _remove_filters(
            network,
            stated,
            out=out,
            form=form,
            as_json=as_json,
            weights=weights,
            key=key,
            num_classes=num_classes,
            mask=mask,
            recalibrate=recalibrate,
        )
        return
    pruned = prune_saved(
        network,
        stated,
        weights=weights,
        key=key,
        num_classes=num_classes,
        mask=mask,
        infer_mask=infer_mask,
    )
    recalibrated = _recalibrate(pruned.network, recalibrate)
    files = write_weights(out, pruned.network, pruned.mask, form)
    if pruned.untried:
        warn(UNTRIED)
    if pruned.zeros is not None:
        warn(
            f"{pruned.zeros}: they are taken for weights like any other; --infer-mask takes them "
            "for pruned"
        )
    for name in pruned.emptied:
        warn(f"nothing is left of {name}")
    written = {"out": str(files[0]), "mask": str(files[-1]), "recalibrated": recalibrated}
    text = f"{_and(pruned, recalibrated)}\nWritten to {' and '.join(map(str, files))}"
    print_result(written | pruned.as_dict(), text, as_json=as_json)


def _remove_filters(
    network: str,
    stated: "PruneSettings",
    *,
    out: Path,
    form: Form,
    as_json: bool,
    recalibrate: str | None,
    **saved: Any,
) -> None:
    """Remove filters from a network, and write what is left."""
    from prunescope.networks.smaller import WITHOUT_NUMBERS
    from prunescope.pruning.filters.files import prune_saved_filters
    from prunescope.pruning.writing import write_weights

    pruned = prune_saved_filters(network, stated, **saved)
    if pruned.network.unnumbered:
        warn(f"{network}: {WITHOUT_NUMBERS}")
    recalibrated = _recalibrate(pruned.network, recalibrate)
    files = write_weights(out, pruned.network, pruned.mask, form)
    written = {"out": str(files[0]), "mask": str(files[-1]), "recalibrated": recalibrated}
    text = f"{_and(pruned, recalibrated)}\nWritten to {' and '.join(map(str, files))}"
    print_result(written | pruned.as_dict(), text, as_json=as_json)


def _recalibrate(network: "LoadedNetwork", source: str | None) -> str | None:
    """Estimate the statistics of a pruned network anew, if asked for; say what was done."""
    if source is None:
        return None
    from prunescope.experiment.recalibrating import recalibrate_loaded

    with progress_shown() as progress:
        return recalibrate_loaded(network, source, progress=progress)


def _and(pruned: object, recalibrated: str | None) -> str:
    return f"{pruned}\n{recalibrated}" if recalibrated else str(pruned)


def audit(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="FILE|RUN", help="Weights, a level, or a run folder.", show_default=False
        ),
    ],
    network: Annotated[
        str | None,
        typer.Option(help="The network.", show_default="the one that the file says it belongs to"),
    ] = None,
    key: Key = None,
    num_classes: NumClasses = None,
    resolution: Annotated[
        int | None,
        typer.Option(
            min=1, max=MOST_PIXELS, help="Count multiply-adds for an image of N x N pixels."
        ),
    ] = None,
    mask: MaskFile = None,
    as_json: Json = False,
) -> None:
    """Count what is left, dead, revived and saved in pruned weights; check a run's levels."""
    if is_there(path / STUDY):
        if num_classes or mask or key:
            raise ConfigError(
                f"{path} is a run, whose levels know their network and mask: "
                "leave out --num-classes, --mask and --key"
            )
        from prunescope.experiment.auditing import audit_run

        run = audit_run(path, resolution, network=network)
        print_result(run.as_dict(), str(run), as_json=as_json)
        problems: Sequence[str] = run.problems
    else:
        from prunescope.pruning.audit import audit_file

        counts = audit_file(
            path,
            network=network,
            num_classes=num_classes,
            resolution=resolution,
            mask=mask,
            key=key,
        )
        if resolution and counts.total("multiply_adds") is None:
            warn(f"--resolution is of no use: {counts.reasons['multiply_adds']}")
        print_result(counts.as_dict(), str(counts), as_json=as_json)
        problems = counts.problems
    if problems:
        raise typer.Exit(2)
