"""How does a dissection look in a notebook?"""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from prunescope.base.notebook import BLUE, Html, bar, page, table, title
from prunescope.dissection.counts import counts_in_words

_UNITS_SHOWN = 8


def show_layers(layers: Mapping[str, tuple[pd.DataFrame, Mapping[str, Any]]]) -> str:
    """Return HTML of dissected layers: of each its units and the counts of its summary."""
    return page(*(_layer(name, *own) for name, own in layers.items()))


def _layer(name: str, units: pd.DataFrame, counts: Mapping[str, Any]) -> Html:
    note = counts_in_words(counts, counts.get("settings", {}).get("iou"))
    parts = [title(name, note), _categories(counts["by_category"]), _best(units)]
    return Html("".join(parts))


def _categories(by_category: Mapping[str, Mapping[str, int]]) -> Html:
    most = max((own["units"] for own in by_category.values()), default=0)
    rows = [
        (category, own["units"], own["concepts"], bar([(own["units"], BLUE)], most))
        for category, own in by_category.items()
    ]
    return table(("category", "units", "concepts", ""), rows)


def _best(units: pd.DataFrame) -> Html:
    """Show the units of highest IoU, ties by number."""
    named = units.dropna(subset=["concept"])
    order = named.sort_values(["iou", "unit"], ascending=[False, True], kind="stable")
    rows = [
        (
            int(row["unit"]),
            str(row["concept"]),
            str(row["category"]),
            f"{row['iou']:.3f}",
            bar([(row["iou"], BLUE)], 1.0),
        )
        for row in order.head(_UNITS_SHOWN).to_dict("records")
    ]
    if not rows:
        return Html("")
    more = len(named) - len(rows)
    heading = title("Best units", f"and {more:,} more with a concept" if more else "")
    return Html(heading + table(("unit", "concept", "category", "IoU", ""), rows))
