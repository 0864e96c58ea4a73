"""What are the numbers of the dissection, run or comparison at a path?"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prunescope.base.errors import ConfigError
from prunescope.base.progress import SILENT
from prunescope.comparison.saved import open_comparison
from prunescope.report.level_views import level_sections
from prunescope.report.paid_views import paid_sections
from prunescope.report.terminal import write_sections
from prunescope.report.verdict_views import strategy_sections, verdict_sections
from prunescope.report.views import layer_sections, run_note_sections, sections_of
from prunescope.results.ablation import Ablation
from prunescope.results.class_tables import has_class_tables, read_classes, read_exemplars
from prunescope.results.dissection import LayerDissection
from prunescope.results.evaluation import plain_rows
from prunescope.results.evaluation_pair import EvaluationPair, open_evaluation
from prunescope.results.kinds import is_ablation, is_comparison, is_evaluation, is_run
from prunescope.results.labelled_by import LABELLED_BY
from prunescope.results.layout import EVALUATED
from prunescope.results.left_out import LEFT_OUT
from prunescope.results.opened import open_dissection
from prunescope.results.run_tables import RunTables, labelled_by_of_run, left_out_of_run
from prunescope.results.units import by_layer
from prunescope.results.words import is_unlabelled
from prunescope.statistics.settings import ResamplingSettings
from prunescope.statistics.who_paid import count_who_paid

if TYPE_CHECKING:
    from prunescope.statistics.resampled import ResampledLayer


def summarise_result(
    path: Path,
    iou: float | None = None,
    *,
    resampling: ResamplingSettings | None = None,
    tell: Callable[[str], object] = SILENT.say,
) -> tuple[dict[str, Any], str]:
    """Return a result's numbers, as `--json` prints them, and as text for a terminal.

    path: a dissection's, a layer's or a level's folder, a table of Network Dissection, a run's
        folder (every level of it), or what `compare`, `evaluate` or `ablate` wrote (`--out`).
    iou: a unit is interpretable strictly above this; None keeps what was saved.
    resampling: how the images of a dissection are resampled to see how sure its counts are.
    tell: called with what the user should know besides.
    Raises DataError for anything else, ConfigError for a comparison at another IoU.
    """
    if is_comparison(path):
        compared = open_comparison(path)
        if iou not in (None, compared.iou):
            raise ConfigError(
                f"{path} compares at IoU {compared.iou:g}: for another, compare again with --iou"
            )
        values, sections = compared.summary(), sections_of(compared)
        if is_evaluation(path / EVALUATED):
            evaluation = EvaluationPair.load(path / EVALUATED)
            values |= {"evaluation": evaluation.summary()}
            sections += sections_of(evaluation)
        return values, write_sections(sections)
    if is_run(path):
        tables = RunTables.read(path)
        for lost in tables.missing_evidence():
            tell(lost)
        levels = tables.summary(iou)
        paid, strategies = _who_paid(path), plain_rows(tables.strategies)
        left_out, labelled_by = left_out_of_run(path), labelled_by_of_run(path)
        sections = [
            *run_note_sections(left_out, labelled_by),
            *level_sections(levels),
            *verdict_sections(tables.verdicts),
            *strategy_sections(strategies, tables.verdicts),
            *paid_sections(paid),
        ]
        values = {
            **{"levels": levels, "verdict": tables.verdicts},
            **{"strategies": strategies, "who_paid": paid},
            **({LEFT_OUT: left_out} if left_out else {}),
            **({LABELLED_BY: labelled_by} if labelled_by else {}),
        }
        return values, write_sections(sections)
    if is_evaluation(path) or is_ablation(path):
        return _evaluation(path, iou)
    layers = open_dissection(path).layers
    counts = by_layer({name: _counts(each, iou, resampling, tell) for name, each in layers.items()})
    return counts, write_sections(layer_sections(counts))


def _evaluation(path: Path, iou: float | None) -> tuple[dict[str, Any], str]:
    if iou is not None:
        kind = "ablation" if is_ablation(path) else "evaluation"
        raise ConfigError(f"{path} is an {kind}, which has no IoU: leave out --iou")
    found = Ablation.load(path) if is_ablation(path) else open_evaluation(path)
    if isinstance(found, EvaluationPair | Ablation):
        return found.summary(), write_sections(sections_of(found))
    return {**found.about, **found.as_dict()}, f"split    {found.about['split']}\n{found}"


def _who_paid(run: Path) -> list[dict[str, Any]]:
    """Return which classes and images paid at each level; nothing where the run does not say."""
    if not has_class_tables(run):
        return []
    return count_who_paid(read_classes(run), read_exemplars(run))


def _counts(
    layer: LayerDissection,
    iou: float | None,
    resampling: ResamplingSettings | None,
    tell: Callable[[str], object],
) -> dict[str, Any]:
    drawn = resampled_layer(layer, iou, resampling, tell)
    return layer.counts(iou) if drawn is None else drawn.summary()


def resampled_layer(
    layer: LayerDissection,
    iou: float | None,
    resampling: ResamplingSettings | None,
    tell: Callable[[str], object],
) -> "ResampledLayer | None":
    """Return how sure a layer's counts are; None where there are no draws, or cannot be."""
    if resampling is None or resampling.draws == 0 or is_unlabelled(layer.summary):
        return None
    from prunescope.statistics.by_image import has_counts_by_image  # loads scipy
    from prunescope.statistics.resampled import resample

    if not has_counts_by_image(layer):
        tell(f"{layer.layer} has no counts of single images, so it is not known how sure this is")
        return None
    return resample(layer, resampling, iou=iou)


def describe_layers(summary: dict[str, Any]) -> str:
    """Return the counts of a dissection's `summary()` as text for a terminal."""
    return write_sections(layer_sections(summary))
