"""Which units of the unpruned network are still interpretable, and for the same concept?"""

from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True, kw_only=True)
class Consistency:
    """Fig. 4's two figures as counts: U_0 and U_L are the interpretable units before and after."""

    interpretable: int  # |U_0|
    still_interpretable_count: int  # |U_0 ∩ U_L|
    same_concept_count: int  # those of U_0 ∩ U_L whose concept is the same

    @property
    def still_interpretable(self) -> float:
        """|U_0 ∩ U_L| / |U_0|; nan where the unpruned network has no interpretable unit."""
        return _share(self.still_interpretable_count, self.interpretable)

    @property
    def same_concept(self) -> float:
        """Share of U_0 ∩ U_L with the same concept in both; nan where no unit is in both."""
        return _share(self.same_concept_count, self.still_interpretable_count)


def measure_consistency(unpruned: pd.DataFrame, pruned: pd.DataFrame) -> Consistency:
    """Compare one layer's units before and after, matched by unit number (docs/method.md).

    Both tables hold `unit`, `interpretable`, `concept` and `category`, one row per unit; a unit
    that is in one table alone (a removed filter) is not interpretable in the other.
    """
    before, after = (
        table.loc[table["interpretable"].astype(bool), ["unit", "concept", "category"]]
        for table in (unpruned, pruned)
    )
    both = before.merge(after, on="unit", validate="one_to_one", suffixes=("", "_after"))
    same = (both["concept"] == both["concept_after"]) & (both["category"] == both["category_after"])
    return Consistency(
        interpretable=len(before),
        still_interpretable_count=len(both),
        same_concept_count=int(same.sum()),
    )


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
