"""What do the figures show, in words?"""

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from prunescope.report.curves import has_bands, replicates_of, strategies_of
from prunescope.report.document import mean_text, share_text
from prunescope.report.layers_figure import rows_of_study
from prunescope.report.overview import keep_text, means_over_replicates
from prunescope.report.panels import Shown, has_chance
from prunescope.results.run_tables import level_categories


@dataclass(frozen=True, kw_only=True)
class Caption:
    """A figure's caption, and its description for readers who cannot see it."""

    text: str
    description: str


def write_captions(shown: Shown) -> dict[str, Caption]:
    """Return the caption of each figure that `render_figures` draws, by its file name."""
    levels, lines = shown.levels, _lines_text(shown)
    replicate = replicates_of(levels)[0]
    is_first = shown.lines == "replicates"
    of_fig3 = levels[levels["replicate"] == replicate] if is_first else levels
    first_layer = levels[levels["layer"] == levels["layer"].iloc[0]]
    of_paper = {
        "fig1_accuracy": Caption(
            text=f"Figure 1. Top-1 accuracy against the share of weights left.{lines}",
            description=" ".join(_ends(first_layer, "accuracy", "Top-1 accuracy", share=True)),
        ),
        "fig2_interpretability": Caption(
            text=f"Figure 2. Interpretable units, and the distinct concepts they stand for.{lines}",
            description=" ".join(
                [
                    *_ends(levels, "interpretable", "Interpretable units", share=False),
                    *_ends(levels, "concepts", "Distinct concepts", share=False),
                ]
            ),
        ),
        "fig3_taxonomy": Caption(
            text=f"Figure 3. Distinct concepts by category, in replicate {replicate}."
            if is_first
            else f"Figure 3. Distinct concepts by category.{lines}",
            description=" ".join(_category_ends(of_fig3)),
        ),
        "fig4_consistency": Caption(
            text="Figure 4. Of the unpruned network's interpretable units, the share that is still "
            "interpretable, and of these, the share with the same concept."
            f"{lines}{_references_text(shown)}",
            description=" ".join(
                [
                    *_ends(levels, "still_interpretable", "Still interpretable", share=True),
                    *_ends(levels, "same_concept", "With the same concept", share=True),
                ]
            ),
        ),
    }
    return of_paper | _more_captions(shown, lines)


def _more_captions(shown: Shown, lines: str) -> dict[str, Caption]:
    """Return the captions of the figures beyond the paper's for which the tables hold enough."""
    levels, found = shown.levels, {}
    if "concept_survival" in levels:
        found["survival"] = Caption(
            text="Of the unpruned network's concepts, the share that any unit still sees." + lines,
            description=" ".join(_ends(levels, "concept_survival", "Concepts left", share=True)),
        )
    if "discoveries" in levels:
        found["chance"] = Caption(
            text="Interpretable units, and those of them that are beyond chance." + lines,
            description=" ".join(_ends(levels, "discoveries", "Units beyond chance", share=False)),
        )
    if shown.units is not None:
        found["ious"] = Caption(
            text="The best IoU of every unit: the median over the units of all replicates, and "
            "bands that hold the middle half and the middle nine tenths of them.",
            description=" ".join(_medians(shown.units)),
        )
        found["thresholds"] = Caption(
            text="Units and distinct concepts above each IoU, unpruned and at each strategy's "
            f"sparsest level.{_means_text(shown)}",
            description="At the IoU of the dissections the curves are the counts of Figure 2.",
        )
    if len(shown.layers) > 1:
        found["layers"] = Caption(
            text="The layers side by side: interpretable units and distinct concepts by category, "
            f"unpruned and at each strategy's sparsest level.{_means_text(shown)}",
            description=" ".join(_layer_sums(shown)),
        )
    if shown.classes is not None and len(shown.classes):
        found["classes"] = Caption(
            text="The classes whose accuracy changed most at each strategy's sparsest level, with "
            "95 % intervals.",
            description=" ".join(_class_changes(shown.classes)),
        )
    if shown.quantiles is not None:
        found["quantiles"] = Caption(
            text="Interpretable units and concepts where other shares of a unit's cells are above "
            f"its threshold.{lines}",
            description=" ".join(_quantile_ends(shown.quantiles)),
        )
    return found


def _quantile_ends(table: pd.DataFrame) -> Iterator[str]:
    for quantile, levels in table.groupby("quantile"):
        yield from _ends(levels, "interpretable", f"Units at {quantile:g}", share=False)


def _medians(units: pd.DataFrame) -> Iterator[str]:
    for (layer, strategy, level), rows in units.groupby(["layer", "strategy", "level"], sort=False):
        median = float(rows["iou"].fillna(0.0).median())
        yield f"Median best IoU, {layer}, {strategy}, level {level}: {median:.3f}."


def _means_text(shown: Shown) -> str:
    count = len(replicates_of(shown.levels))
    return f" Means over {count} replicates." if count > 1 else ""


def _layer_sums(shown: Shown) -> Iterator[str]:
    for layer, name, counts in rows_of_study(shown):
        sums = (
            f"{mean_text(sum(each[kind] for each in counts.values()))} {kind}"
            for kind in ("units", "concepts")
        )
        yield f"{layer}, {name}: {', '.join(sums)}."


def _class_changes(classes: pd.DataFrame) -> Iterator[str]:
    for strategy, rows in classes.groupby("strategy", sort=False):
        last = rows[rows["level"] == rows["level"].max()]
        least = last.loc[last["difference"].idxmin()]
        yield (
            f"{strategy}: {least['class']} changes by {100 * least['difference']:+.1f} points, "
            "most of all downward."
        )


def _lines_text(shown: Shown) -> str:
    """Say what a line and a band stand for; empty for a single replicate."""
    count = len(replicates_of(shown.levels))
    if count == 1 or shown.lines == "replicates":
        return ""
    interval = (
        "; bands are 95 % intervals of the mean (Student) over training again on these images"
    )
    band = interval if has_bands(shown.levels, shown.lines) else ""
    return f" Lines are means over {count} replicates{band}."


def _references_text(shown: Shown) -> str:
    """Say what the dotted lines stand for."""
    texts = []
    if shown.twins is not None:
        texts.append("dense twins (the unpruned network trained again from the rewind point)")
    if has_chance(shown.levels):
        texts.append("chance (the thin ones: the same labels on units in any order)")
    return f" Dotted lines are {' and '.join(texts)}." if texts else ""


def _ends(levels: pd.DataFrame, column: str, name: str, *, share: bool) -> Iterator[str]:
    """Describe where a column starts and ends: means over replicates."""
    text = share_text if share else mean_text
    for layer in levels["layer"].unique():
        for strategy in strategies_of(levels):
            means = means_over_replicates(levels[levels["layer"] == layer], strategy)
            first, last = means.iloc[0], means.iloc[-1]
            yield (
                f"{name}, {layer}, {strategy}: {text(first[column])} at "
                f"{keep_text(first['keep'])} of weights left, {text(last[column])} at "
                f"{keep_text(last['keep'])}."
            )


def _category_ends(levels: pd.DataFrame) -> Iterator[str]:
    for layer in levels["layer"].unique():
        for strategy in strategies_of(levels):
            means = means_over_replicates(levels[levels["layer"] == layer], strategy)
            first, last = means.iloc[0], means.iloc[-1]
            counts = [
                f"{name} {mean_text(first[f'{name}_concepts'])} to "
                f"{mean_text(last[f'{name}_concepts'])}"
                for name in level_categories(levels)
            ]
            yield (
                f"Concepts, {layer}, {strategy}, from {keep_text(first['keep'])} to "
                f"{keep_text(last['keep'])} of weights left: {', '.join(counts)}."
            )
