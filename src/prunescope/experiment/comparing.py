"""What do two networks see differently? Both are dissected alike, then compared."""

from dataclasses import replace
from pathlib import Path
from typing import Unpack

from prunescope.base.arguments import takes
from prunescope.base.errors import ConfigError
from prunescope.base.progress import SILENT, Progress
from prunescope.base.text import a_kind
from prunescope.comparison.dissections import Comparison, Match
from prunescope.concepts import open_concepts
from prunescope.dissection.capture import find_layers
from prunescope.dissection.settings import DissectionSettings
from prunescope.experiment.handed_in import computing
from prunescope.experiment.sides import (
    Side,
    check_sides,
    keys_of_sides,
    on_side,
    open_side,
    side_name,
)
from prunescope.experiment.single import dissect_network
from prunescope.networks.loading import LoadedNetwork
from prunescope.report.comparison import check_room, write_comparison
from prunescope.results.dissection import Dissection
from prunescope.results.evaluation_pair import EvaluationPair
from prunescope.results.opened import open_dissection
from prunescope.statistics.compare import compare_resampled
from prunescope.statistics.settings import ResamplingOptions, ResamplingSettings


@takes(ResamplingSettings)
def compare_networks(
    a: Side,
    b: Side,
    *,
    layer: str,
    concepts: str,
    network: str | None = None,
    num_classes: int | None = None,
    key: str | None = None,
    settings: DissectionSettings | None = None,
    split: str | None = None,
    limit: int | None = None,
    mask_size: int | None = None,
    match: Match | None = None,
    out: Path | str | None = None,
    evaluation: EvaluationPair | None = None,
    device: str | None = None,
    progress: Progress = SILENT,
    **resampling: Unpack[ResamplingOptions],
) -> Comparison:
    """Dissect two networks alike on one concept set, and say what became of A's units in B.

    a, b: files of weights, levels of a run, "random" for the network untrained, or what
        `load_network` returns. One of them may be a
        saved dissection on the same set, or a table of Network Dissection: it is taken as it is.
    layer: of both. concepts: the name of a set, of which `split` and `limit` select images.
    mask_size: make all label maps squares of so many pixels a side; None leaves them as they are.
    network, num_classes: of files of weights that do not say to which network they belong.
    key: which network of files that hold several ("state_dict_ema"), of A and B alike; two names
        with a comma between them where they differ, and nothing for a side that needs none.
    settings: of the dissections (their `layers` do not count); the defaults when None. Units are
        interpretable above `settings.iou`.
    match: as for `compare`. device: where to compute; a GPU if there is one when None.
    progress: where to report.
    out: a folder for the comparison, with the dissections in `a` and `b` below it, and in
        `evaluation`
    evaluation: what `evaluate_pair` returned for the two, if it is to be saved with them.
    Returns the Comparison (Frankle & Bau 2019; docs/method.md).
    Raises ConfigError or DataError, saying on which side, for what cannot be opened, dissected or
    compared; nothing is written then.
    """
    check_sides(a, b)
    if not isinstance(concepts, str):
        raise ConfigError(f"concepts is {a_kind(concepts)}: give the name of a set")
    if settings is not None and not isinstance(settings, DissectionSettings):
        settings = DissectionSettings.validate_from({"layers": (layer,), **settings}, "settings")
    drawn = ResamplingSettings.validate_from(resampling, "compare")
    place = None if out is None else Path(out)
    if place is not None:
        check_room(place)
    chosen = settings or DissectionSettings(layers=(layer,))
    chosen = chosen.model_copy(update={"layers": (layer,)})
    opened: dict[str, LoadedNetwork | Path] = {}
    for letter, side, chosen_key in zip("AB", (a, b), keys_of_sides(key), strict=True):
        with on_side(letter, side):
            opened[letter] = _open(side, layer, network, num_classes, chosen_key)
    if not any(isinstance(side, LoadedNetwork) for side in opened.values()):
        raise ConfigError(
            f"neither {a} nor {b} is a network, so there is nothing to dissect: leave out the "
            "concept set (--concepts)"
        )
    sides: dict[str, Dissection | Path] = {}
    for letter, side in (("A", a), ("B", b)):
        resolved = opened[letter]
        if not isinstance(resolved, LoadedNetwork):
            sides[letter] = resolved
            continue
        with on_side(letter, side), computing(resolved) as plain:
            sides[letter] = dissect_network(
                plain,
                chosen,
                concepts,
                split=split,
                limit=limit,
                mask_size=mask_size,
                device=device,
                progress=progress.titled(letter),
            )
    compared = compare_resampled(
        sides["A"], sides["B"], layer=layer, match=match, iou=chosen.iou, resampling=drawn
    )
    named = replace(compared, a={**compared.a, **side_name(a)}, b={**compared.b, **side_name(b)})
    if place is not None:
        made = {
            letter.lower(): side for letter, side in sides.items() if isinstance(side, Dissection)
        }
        before = {
            letter.lower(): open_dissection(side)
            for letter, side in sides.items()
            if isinstance(side, Path)
        }
        write_comparison(
            named,
            place,
            dissections=made,
            evaluation=evaluation,
            shown=before,
            concepts=open_concepts(
                concepts, split=split, limit=limit, skip_broken=chosen.skip_broken
            ),
        )
    return named


def _open(
    side: Side, layer: str, network: str | None, num_classes: int | None, key: str | None
) -> LoadedNetwork | Path:
    """Return the network of a side, which has the layer; or the path of what was dissected."""
    opened = open_side(side, network, num_classes, key)
    if isinstance(opened, LoadedNetwork):
        with computing(opened) as plain:
            find_layers(plain.module, (layer,))
    return opened
