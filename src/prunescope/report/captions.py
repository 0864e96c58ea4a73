"""What do the figures show, in words?"""

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from prunescope.report.document import mean_text, share_text
from prunescope.report.lines import curves_of, replicates_of, strategies_of
from prunescope.report.overview import keep_text, means_over_replicates
from prunescope.results.run_tables import level_categories


@dataclass(frozen=True, kw_only=True)
class Caption:
    """A figure's caption, and its description for readers who cannot see it."""

    text: str
    description: str


def write_captions(levels: pd.DataFrame) -> dict[str, Caption]:
    """Return the caption of each of the four figures, by its file name."""
    replicate = replicates_of(levels)[0]
    first_layer = levels[levels["layer"] == levels["layer"].iloc[0]]
    return {
        "fig1_accuracy": Caption(
            text="Figure 1. Top-1 accuracy against the share of weights left.",
            description=" ".join(_ends(first_layer, "accuracy", "Top-1 accuracy", share=True)),
        ),
        "fig2_interpretability": Caption(
            text="Figure 2. Interpretable units, and the distinct concepts they stand for.",
            description=" ".join(
                [
                    *_ends(levels, "interpretable", "Interpretable units", share=False),
                    *_ends(levels, "concepts", "Distinct concepts", share=False),
                ]
            ),
        ),
        "fig3_taxonomy": Caption(
            text=f"Figure 3. Distinct concepts by category, in replicate {replicate}.",
            description=" ".join(_category_ends(levels[levels["replicate"] == replicate])),
        ),
        "fig4_consistency": Caption(
            text="Figure 4. Left: of the unpruned network's interpretable units, the share that is "
            "still interpretable. Right: of these, the share with the same concept.",
            description=" ".join(
                [
                    *_ends(levels, "still_interpretable", "Still interpretable", share=True),
                    *_ends(levels, "same_concept", "With the same concept", share=True),
                ]
            ),
        ),
    }


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
        for curve in curves_of(levels[levels["layer"] == layer]):
            first, last = curve.rows.iloc[0], curve.rows.iloc[-1]
            counts = [
                f"{name} {first[f'{name}_concepts']} to {last[f'{name}_concepts']}"
                for name in level_categories(levels)
            ]
            yield (
                f"Concepts, {layer}, {curve.strategy}, from {keep_text(first['keep'])} to "
                f"{keep_text(last['keep'])} of weights left: {', '.join(counts)}."
            )
