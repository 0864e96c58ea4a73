"""How do units and concepts change when the same network is dissected by other conventions?"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from prunescope.base.errors import ConfigError
from prunescope.base.hooks import Shown
from prunescope.comparison.outcomes import (
    GAINED,
    KEPT,
    LOST,
    RELABELLED,
    LayerComparison,
    compare_units,
    count_outcomes,
)
from prunescope.comparison.pairing import pair_by_number
from prunescope.results.dissection import Dissection, LayerDissection
from prunescope.results.units import by_layer, categories_of

_OUTCOMES = {"units": (KEPT, RELABELLED, LOST, GAINED), "concepts": (KEPT, LOST, GAINED)}
_COUNTS = ("units", "images", "iou", "interpretable", "concepts", "dead")


@dataclass(frozen=True, kw_only=True, repr=False)
class ConventionComparison(Shown):
    """One network, dissected by several conventions.

    against: the convention that the others are compared with.
    layers: by layer and convention, the dissection.
    changes: by layer and each other convention, what became of the units and concepts. A unit is
        interpretable above the IoU of its dissection's convention.
    """

    against: str
    layers: Mapping[str, Mapping[str, LayerDissection]]
    changes: Mapping[str, Mapping[str, LayerComparison]]

    def summary(self) -> dict[str, Any]:
        """Return `against`, and `layers: {name: {conventions: {name: counts}}}`.

        Counts are those of `dissect`, the `iou` and `images` they hold under, and `changes`, as
        `count_outcomes` has them: null for the convention the others are compared with.
        Where there is one layer, its `conventions` are at the top, too.
        """
        return {
            "against": self.against,
            **by_layer({layer: {"conventions": self._counts(layer)} for layer in self.layers}),
        }

    @property
    def table(self) -> pd.DataFrame:
        """A row per layer and convention: its counts, and the outcomes `unit_...`, `concept_...`.

        Outcomes are null for the convention the others are compared with.
        """
        rows = [
            {"layer": layer, "convention": name, **_row(counts)}
            for layer in self.layers
            for name, counts in self._counts(layer).items()
        ]
        outcomes = {name: "Int64" for name in rows[0] if name.startswith(("unit_", "concept_"))}
        return pd.DataFrame(rows).astype(outcomes)

    def _counts(self, layer: str) -> dict[str, Any]:
        changes = {name: count_outcomes(compared) for name, compared in self.changes[layer].items()}
        return {
            name: {
                **{key: count for key, count in dissected.counts().items() if key != "chance"},
                "images": dissected.summary["images"],
                "changes": changes.get(name),
            }
            for name, dissected in self.layers[layer].items()
        }


def compare_conventions(dissections: Mapping[str, Dissection]) -> ConventionComparison:
    """Compare dissections of the same layers of one network, each by the convention of its name.

    The first is the one that the others are compared with; units are paired by number.
    Raises ConfigError where there is none to compare with.
    """
    against, *others = dissections
    if not others:
        raise ConfigError(f"there is nothing to compare {against} with: give another convention")
    layers = {
        layer: {name: dissected.layers[layer] for name, dissected in dissections.items()}
        for layer in dissections[against].layers
    }
    changes = {
        layer: {name: _compare(by_name[against], by_name[name]) for name in others}
        for layer, by_name in layers.items()
    }
    return ConventionComparison(against=against, layers=layers, changes=changes)


def _compare(a: LayerDissection, b: LayerDissection) -> LayerComparison:
    return compare_units(
        a.units,
        b.units,
        layers=(a.layer, b.layer),
        categories=tuple(dict.fromkeys((*categories_of(a.units), *categories_of(b.units)))),
        pairs=pair_by_number(a.units, b.units),
        match="identity",
        iou=None,
    )


def _row(counts: Mapping[str, Any]) -> dict[str, Any]:
    changes = counts["changes"] or {}
    return {
        **{key: counts[key] for key in _COUNTS},
        **{
            f"{kind.removesuffix('s')}_{outcome}": changes.get(kind, {}).get(outcome, pd.NA)
            for kind, outcomes in _OUTCOMES.items()
            for outcome in outcomes
        },
    }
