"""How do units and concepts change when the same network is dissected by other conventions?"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from prunescope.analysis.comparison_text import named
from prunescope.analysis.matching import pair_by_number
from prunescope.analysis.outcomes import (
    GAINED,
    KEPT,
    LOST,
    RELABELLED,
    LayerComparison,
    compare_units,
    count_outcomes,
)
from prunescope.analysis.sides import Dissected, DissectedLayer
from prunescope.base.errors import ConfigError
from prunescope.base.text import align
from prunescope.dissection.counts import by_layer, categories_of

_COUNTS = ("units", "interpretable", "concepts", "dead", "by_category")
_OUTCOMES = {"units": (KEPT, RELABELLED, LOST, GAINED), "concepts": (KEPT, LOST, GAINED)}


@dataclass(frozen=True, kw_only=True)
class ConventionComparison:
    """One network, dissected by several conventions.

    against: the convention that the others are compared with.
    layers: by layer and convention, what the dissection found.
    changes: by layer and each other convention, what became of the units and concepts. A unit is
        interpretable above each convention's own IoU, as its dissection was made.
    """

    against: str
    layers: Mapping[str, Mapping[str, DissectedLayer]]
    changes: Mapping[str, Mapping[str, LayerComparison]]

    def summary(self) -> dict[str, Any]:
        """Return `against`, and `layers: {name: {conventions: {name: counts}}}`.

        Counts are those of `dissect`, the `iou` and `images` they hold under, and `changes`, as
        `count_outcomes` has them: null for the convention the others are compared with.
        Where there is one layer, its `conventions` stand at the top too.
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

    def __str__(self) -> str:
        """Return it as text for a terminal."""
        return "\n\n".join("\n".join(self._lines(layer)) for layer in self.layers)

    def _counts(self, layer: str) -> dict[str, Any]:
        return {
            name: {
                **{key: own.summary[key] for key in _COUNTS},
                "iou": own.summary["settings"]["iou"],
                "images": own.summary["images"],
                "changes": count_outcomes(self.changes[layer][name])
                if name != self.against
                else None,
            }
            for name, own in self.layers[layer].items()
        }

    def _lines(self, layer: str) -> Iterator[str]:
        rows = self.table[self.table["layer"] == layer]
        yield f"{layer}: {rows['units'].iloc[0]:,} units"
        yield ""
        yield from _aligned(rows, {"convention": "", **{name: name for name in _FOUND}})
        yield ""
        others = rows[rows["convention"] != self.against]
        yield from _aligned(others, {"convention": f"from {self.against} to", **_CHANGED})
        yield ""
        for name, change in self.changes[layer].items():
            for outcome, letter, side in ((LOST, "a", self.against), (GAINED, "b", name)):
                found = change.concepts[change.concepts["outcome"] == outcome]
                yield from named(f"{outcome} in {name} (units in {side})", letter, found)


def compare_conventions(dissections: Mapping[str, Dissected]) -> ConventionComparison:
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
        layer: {name: _compare(found[against], found[name]) for name in others}
        for layer, found in layers.items()
    }
    return ConventionComparison(against=against, layers=layers, changes=changes)


def _compare(a: DissectedLayer, b: DissectedLayer) -> LayerComparison:
    return compare_units(
        a.units,
        b.units,
        layers=(a.layer, b.layer),
        categories=tuple(dict.fromkeys((*categories_of(a.units), *categories_of(b.units)))),
        pairs=pair_by_number(a.units, b.units),
        match="identity",
        iou=None,
    )


_FOUND = ("images", "iou", "interpretable", "concepts", "dead")
_CHANGED = {
    "unit_kept": "units kept",
    "unit_relabelled": "relabelled",
    "unit_lost": "lost",
    "unit_gained": "gained",
    "concept_kept": "concepts kept",
    "concept_lost": "lost",
    "concept_gained": "gained",
}


def _row(counts: Mapping[str, Any]) -> dict[str, Any]:
    changes = counts["changes"] or {}
    return {
        "units": counts["units"],
        **{key: counts[key] for key in _FOUND},
        **{
            f"{kind.removesuffix('s')}_{outcome}": changes.get(kind, {}).get(outcome, pd.NA)
            for kind, outcomes in _OUTCOMES.items()
            for outcome in outcomes
        },
    }


def _aligned(rows: pd.DataFrame, heads: Mapping[str, str]) -> Iterator[str]:
    """Write some columns of a table, by the names they get."""
    cells = [
        [value if isinstance(value, str) else f"{value:,}" for value in row]
        for row in rows[list(heads)].itertuples(index=False)
    ]
    for line in align([list(heads.values()), *cells]).splitlines():
        yield f"  {line}"
