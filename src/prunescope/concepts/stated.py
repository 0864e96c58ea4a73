"""Do the totals of a folder in Broden's layout agree with what is stated of them?"""

from pathlib import Path

import numpy as np
import pandas as pd

from prunescope.base.text import counted
from prunescope.concepts.examination import Counts, Findings
from prunescope.concepts.listing import read_stated_totals
from prunescope.concepts.protocol import ConceptSet
from prunescope.concepts.totals import known_pixels, pixel_disagreements

_COVERAGE_TOLERANCE = 1e-3  # relative: files round coverage to six decimals or fewer
_NOT_COMPARED = "totals are not compared with label.csv"


def compare_totals(
    concepts: ConceptSet, root: Path, counts: Counts, *, whole_set: bool
) -> Findings:
    """Compare counts with `frequency` and `coverage` of label.csv, and with Broden's pixels.

    Only those of a whole, readable folder, as it is stored, are compared; the latter if the set is
    Broden 1, whose pixel totals are published.
    """
    if counts.resized or not whole_set:
        return Findings(notes=(f"{_NOT_COMPARED}: not a whole folder in its layout",))
    if counts.unread:
        unread = counted(counts.unread, "image")
        return Findings(notes=(f"{_NOT_COMPARED}: {unread} cannot be read",))
    problems = _disagreements(counts.labels, read_stated_totals(root))
    pixels = dict(zip(counts.labels["name"], counts.labels["pixels"], strict=True))
    problems += pixel_disagreements(pixels, known_pixels(concepts, counts.shapes))
    return Findings(problems=tuple(problems))


def _disagreements(labels: pd.DataFrame, stated: dict[int, tuple[float, float]]) -> list[str]:
    problems: list[str] = []
    columns = (labels[name].tolist() for name in ("number", "name", "images", "coverage"))
    for label, name, images, covered in zip(*columns, strict=True):
        frequency, coverage = stated[label]
        if not np.isnan(frequency) and frequency != images:
            problems.append(
                f"label {label} ({name}) is in {counted(images, 'image')}; label.csv says "
                f"{frequency:,.0f}"
            )
        tolerance = _COVERAGE_TOLERANCE * max(1.0, coverage)
        if not np.isnan(coverage) and abs(coverage - covered) > tolerance:
            problems.append(
                f"label {label} ({name}) covers {covered:,.6f}; label.csv says {coverage:,.6f}"
            )
    return problems
