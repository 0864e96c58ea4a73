"""How are a layer's images and peaks written as tables? `numbers` are those of its units."""

import numpy as np
import pandas as pd
from jaxtyping import Int64

from prunescope.concepts.protocol import ConceptSet
from prunescope.dissection.examples import BorderlineImages
from prunescope.dissection.first_pass import FirstPassResult
from prunescope.dissection.peak_counts import PeakCounts


def examples_table(
    concepts: ConceptSet, first_pass: FirstPassResult, numbers: Int64[np.ndarray, " unit"]
) -> pd.DataFrame:
    """Return a row for each unit and rank: the images on which it peaks highest, and its maps."""
    units, ranks, height, width = first_pass.maps.shape
    rows = first_pass.indices.flatten().numpy()
    flat = first_pass.maps.flatten(0, 1).flatten(1).numpy()
    cell = flat.argmax(axis=1)
    return pd.DataFrame(
        {
            "unit": np.repeat(numbers, ranks),
            "rank": np.tile(np.arange(ranks), units),
            "image": pd.array([concepts.images[row] for row in rows], dtype="string"),
            "row": rows,
            "peak": first_pass.peaks.flatten().numpy(),
            "peak_row": cell // width,
            "peak_column": cell % width,
            "map": list(flat),
            "height": height,
            "width": width,
        }
    )


def borderline_table(
    concepts: ConceptSet, found: BorderlineImages, numbers: Int64[np.ndarray, " unit"]
) -> pd.DataFrame:
    """Return a row for each unit and rank: the images on which its mask is smallest, not empty."""
    _, height, width = found.maps.shape
    rows = found.indices.numpy()
    return pd.DataFrame(
        {
            "unit": numbers[found.units.numpy()],
            "rank": found.ranks.numpy(),
            "image": pd.array([concepts.images[row] for row in rows], dtype="string"),
            "row": rows,
            "pixels": found.pixels.numpy(),
            "map": list(found.maps.flatten(1).numpy()),
            "height": height,
            "width": width,
        }
    )


def peaks_table(found: PeakCounts, numbers: Int64[np.ndarray, " unit"]) -> pd.DataFrame:
    """Return a row per unit: the bins of its peaks, from the first that has any to the last."""
    counts = found.counts.numpy()
    middle = counts.shape[1] // 2
    filled = [np.flatnonzero(row)[[0, -1]] for row in counts]
    return pd.DataFrame(
        {
            "unit": numbers,
            "bin_width": found.widths.numpy(),
            "first_bin": [int(first) - middle for first, _ in filled],
            "counts": [row[a : b + 1] for row, (a, b) in zip(counts, filled, strict=True)],
        }
    )
