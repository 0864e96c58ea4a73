"""Which units and concepts were kept, lost, gained and relabelled from A to B, and how surely?"""

from dataclasses import replace
from functools import partial
from numbers import Real
from pathlib import Path
from typing import Unpack, get_args

from prunescope.base.arguments import takes
from prunescope.base.errors import ConfigError
from prunescope.base.text import a_kind
from prunescope.comparison.dissections import Comparison, Match, compare_dissections
from prunescope.comparison.runs import RunComparison, compare_runs
from prunescope.comparison.sides import Comparable
from prunescope.results.kinds import is_run
from prunescope.statistics.certainty import judge_layers
from prunescope.statistics.settings import ResamplingOptions, ResamplingSettings


@takes(ResamplingSettings)
def compare(
    a: Comparable,
    b: Comparable,
    *,
    layer: str | None = None,
    match: Match | None = None,
    iou: float = 0.05,
    **settings: Unpack[ResamplingOptions],
) -> Comparison | RunComparison:
    """Return what became of A's units and concepts in B (definitions: LayerComparison).

    a, b: dissections in memory (a Dissection, a LayerDissection) or on disk: the folder of
        `dissect --out` or of one layer, a level's of a run, a result table (CSV) of Network
        Dissection; or two whole run folders, compared level by level (RunComparison).
    layer: the one to compare; None compares all that both have. Layers of other names are
        compared where each side is one layer by itself.
    match: "identity" pairs units of equal number; "profile" by the best one-to-one assignment of
        their IoU profiles; "concept" pairs none and compares the concepts alone. None takes
        identity where both layers have the same unit numbers, else concept.
    iou: a unit is interpretable if its best IoU is strictly above this, whatever was saved.
    Raises ConfigError where they cannot be compared (other concept sets or categories, no layer
    in common, other units under "identity", no counts for "profile"), DataError where a path
    holds no dissection or a damaged one.
    """
    if not isinstance(iou, Real) or not 0 <= iou <= 1:
        raise ConfigError(f"iou is {iou!r}, but must be a number in [0, 1]")
    if match not in (None, *get_args(Match)):
        ways = " or ".join(get_args(Match))
        raise ConfigError(f"match is {match!r}, but must be {ways}")
    if layer is not None and not isinstance(layer, str):
        raise ConfigError(f"layer is {a_kind(layer)}: give its name")
    resampling = ResamplingSettings.validate_from(settings, "compare")
    if _is_run(a) and _is_run(b):
        if settings.get("draws") or settings.get("seed"):
            raise ConfigError(
                "images are resampled for two dissections, not for two runs: name a level of each, "
                "or leave out draws and seed"
            )
        return compare_runs(Path(str(a)), Path(str(b)), layer=layer, match=match, iou=iou)
    return compare_resampled(a, b, layer=layer, match=match, iou=iou, resampling=resampling)


def compare_resampled(
    a: Comparable,
    b: Comparable,
    *,
    layer: str | None,
    match: Match | None,
    iou: float,
    resampling: ResamplingSettings,
) -> Comparison:
    """Compare two dissections as `compare` says, and say how sure that is if there are draws."""
    judge = partial(judge_layers, settings=resampling, iou=iou) if resampling.draws else None
    compared = compare_dissections(a, b, layer=layer, match=match, iou=iou, judge=judge)
    if all(layer.intervals is None for layer in compared.layers.values()):
        return compared
    return replace(compared, resampling=resampling.model_dump())


def _is_run(compared: Comparable) -> bool:
    return isinstance(compared, str | Path) and is_run(Path(compared))
