"""Which tables of units can be written by hand?"""

import pandas as pd

CATEGORIES = {"red": "color", "blue": "color", "cat": "object", "dog": "object"}


def make_units(*units: tuple[str | None, float] | None, iou: float = 0.05) -> pd.DataFrame:
    """Make a table of units as a dissection saves it.

    Each unit is (concept, IoU); None stands for a dead unit, (None, 0) for one without a concept.
    """
    concepts = [unit[0] if unit else None for unit in units]
    scores = [unit[1] if unit else float("nan") for unit in units]
    numbers = [list(CATEGORIES).index(name) + 1 if name else None for name in concepts]
    return pd.DataFrame(
        {
            "unit": range(len(units)),
            "label": pd.array(numbers, dtype="Int64"),
            "concept": pd.Series(concepts, dtype="str"),
            "category": pd.Series([CATEGORIES.get(name or "") for name in concepts], dtype="str"),
            "iou": scores,
            "interpretable": [score > iou for score in scores],
            "dead": [unit is None for unit in units],
            **{
                f"{name}_label": pd.Series([None] * len(units), dtype="str")
                for name in ("color", "object", "scene")
            },
            **{f"{name}_iou": float("nan") for name in ("color", "object", "scene")},
        }
    )
