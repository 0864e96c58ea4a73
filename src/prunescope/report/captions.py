"""What do the figures show, in words?"""

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from prunescope.report.curves import has_bands, replicates_of, strategies_of
from prunescope.report.document import mean_text, share_text
from prunescope.report.overview import keep_text, means_over_replicates
from prunescope.report.panels import Shown, has_chance
from prunescope.results.run_tables import level_categories


@dataclass(frozen=True, kw_only=True)
class Caption:
    """A figure's caption, and its description for readers who cannot see it."""

    text: str
    description: str


def write_captions(shown: Shown) -> dict[str, Caption]:
    """Return the caption of each of the four figures, by its file name."""
    levels, lines = shown.levels, _lines_text(shown)
    replicate = replicates_of(levels)[0]
    is_first = shown.lines == "replicates"
    of_fig3 = levels[levels["replicate"] == replicate] if is_first else levels
    first_layer = levels[levels["layer"] == levels["layer"].iloc[0]]
    return {
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
            text="Figure 4. Left: of the unpruned network's interpretable units, the share that is "
            "still interpretable. Right: of these, the share with the same concept."
            f"{lines}{_references_text(shown)}",
            description=" ".join(
                [
                    *_ends(levels, "still_interpretable", "Still interpretable", share=True),
                    *_ends(levels, "same_concept", "With the same concept", share=True),
                ]
            ),
        ),
    }


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
