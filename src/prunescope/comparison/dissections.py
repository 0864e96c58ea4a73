"""What became of a dissection's units and concepts in another?"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import pandas as pd

from prunescope.base.door import called_as
from prunescope.base.errors import ConfigError
from prunescope.base.hooks import Shown, hook
from prunescope.base.text import a_kind, counted
from prunescope.comparison.comparability import check_comparable, has_same_basis
from prunescope.comparison.outcomes import LayerComparison, compare_units, count_outcomes
from prunescope.comparison.pairing import Pairs, no_pairs, pair_by_number, pair_by_profile
from prunescope.comparison.sides import Comparable, Side, left_out, open_side, pair_layers
from prunescope.results.dissection import Dissection, LayerDissection
from prunescope.results.opened import is_table
from prunescope.results.units import (
    UNIT_NUMBERS,
    UNNUMBERED,
    by_layer,
    categories_of,
    stacked,
)

Match = Literal["identity", "concept", "profile"]
Judge: TypeAlias = Callable[
    [LayerDissection, LayerDissection, LayerComparison], tuple[list[str], LayerComparison]
]
"""Says how sure the comparison of two layers is: returns warnings, and the comparison with that."""


@called_as("ps.compare returns one, and ps.load opens the folder of a saved one")
@dataclass(frozen=True, kw_only=True, repr=False)
class Comparison(Shown):
    """Two dissections, layer by layer (Frankle & Bau 2019, section 4; docs/method.md).

    a, b: what was compared, with `keep` and `accuracy` where it is a run's level.
    iou: a unit is interpretable strictly above it. warnings: what besides the network differs.
    layers: what became of each layer, by its name.
    resampling: the number of `draws` of images and their `seed`; None where there were none.
    """

    a: Mapping[str, Any]
    b: Mapping[str, Any]
    iou: float
    warnings: tuple[str, ...]
    layers: Mapping[str, LayerComparison]
    resampling: Mapping[str, int] | None = None

    @property
    def units(self) -> pd.DataFrame:
        """What became of every unit, the layer's name in the first column (LayerComparison)."""
        return stacked(["layer"], {(name,): layer.units for name, layer in self.layers.items()})

    @property
    def concepts(self) -> pd.DataFrame:
        """What became of every concept, the layer's name in the first column."""
        return stacked(["layer"], {(name,): layer.concepts for name, layer in self.layers.items()})

    def save(
        self,
        folder: Path | str,
        *,
        a: Dissection | None = None,
        b: Dissection | None = None,
        concepts: str | None = None,
    ) -> None:
        """Write the tables, the figure and a page, `index.html`, into a folder, all or nothing.

        a, b: the dissections that were compared: the page then shows their units, too.
        concepts: the name of their set ("broden:DIR"), for its images; "scenes" needs none.
        Raises ConfigError where the folder holds anything but an earlier comparison, and for
        anything but dissections.
        """
        sides = {name: side for name, side in (("a", a), ("b", b)) if side is not None}
        for name, side in sides.items():
            if not isinstance(side, Dissection):
                raise ConfigError(f"{name} is {a_kind(side)}: give a Dissection, or leave it out")
        hook("save_comparison")(self, folder, sides, concepts=concepts)

    def summary(self) -> dict[str, Any]:
        """Return what was compared, and `layers: {name: counts}` (`count_outcomes`).

        Where there is one layer, its counts are at the top, too. Undefined shares are None.
        """
        return {
            "a": dict(self.a),
            "b": dict(self.b),
            "iou": self.iou,
            "warnings": list(self.warnings),
            "resampling": None if self.resampling is None else dict(self.resampling),
            **by_layer({name: count_outcomes(layer) for name, layer in self.layers.items()}),
        }


def compare_dissections(
    a: Comparable,
    b: Comparable,
    *,
    layer: str | None,
    match: Match | None,
    iou: float,
    judge: Judge | None = None,
) -> Comparison:
    """Compare two dissections, in memory or on disk, as `compare` says.

    judge: says of each layer how sure its comparison is.
    """
    side_a, side_b = open_side(a, "A"), open_side(b, "B")
    pairs = pair_layers(side_a, side_b, layer)
    warnings = left_out(side_a, side_b, pairs) if layer is None else []
    layers = {}
    for layer_a, layer_b in pairs:
        warned, compared = compare_layers(layer_a, layer_b, match=match, iou=iou)
        if judge is not None:
            unsure, compared = judge(layer_a, layer_b, compared)
            warned = [*warned, *unsure]
        warnings += [text for text in warned if text not in warnings]
        layers[compared.name] = compared
    return Comparison(
        a=_described(side_a),
        b=_described(side_b),
        iou=iou,
        warnings=tuple(warnings),
        layers=layers,
    )


def compare_layers(
    a: LayerDissection, b: LayerDissection, *, match: Match | None, iou: float
) -> tuple[list[str], LayerComparison]:
    """Return warnings, and the comparison of two layers; raises as `compare`."""
    warnings = check_comparable(a, b)
    if match is None:
        match, warned = choose_match(a, b)
        warnings += warned
    compared = compare_units(
        a.units,
        b.units,
        layers=(a.layer, b.layer),
        categories=categories_of(a.units),
        pairs=_pair(a, b, match),
        match=match,
        iou=iou,
    )
    return warnings, compared


def choose_match(a: LayerDissection, b: LayerDissection) -> tuple[Match, list[str]]:
    """Return identity where both have the same unit numbers, else concept, with a warning.

    Where units were removed from a network, and their numbers kept, it is identity, too.
    """
    unnumbered = [letter for letter, side in (("A", a), ("B", b)) if side.summary.get(UNNUMBERED)]
    if unnumbered:
        return "concept", [
            f"channels were removed from {' and '.join(unnumbered)}, and nothing says which: "
            "concepts are compared, not units"
        ]
    if not has_same_basis(a, b):
        return "concept", [
            "their numbers do not say which is which: concepts are compared, not directions "
            "(--match profile pairs them by what they see)"
        ]
    if _has_lost_units(a, b) or set(a.units["unit"]) == set(b.units["unit"]):
        return "identity", []
    tables = is_table(a) or is_table(b)
    hint = "" if tables else " (--match profile pairs units by what they see)"
    return "concept", [
        f"A has {counted(len(a.units), 'unit')} and B {len(b.units):,}: their concepts are "
        f"compared, not their units{hint}"
    ]


def _pair(a: LayerDissection, b: LayerDissection, match: Match) -> Pairs:
    match match:
        case "identity":
            if not has_same_basis(a, b):
                raise ConfigError(
                    "A and B were not dissected along the same directions, so their numbers do "
                    "not say which is which: compare with --match concept, or --match profile"
                )
            return pair_by_number(a.units, b.units, partly=_has_lost_units(a, b))
        case "profile":
            return pair_by_profile(a.overlap, b.overlap)
        case "concept":
            return no_pairs()


def _has_lost_units(*sides: LayerDissection) -> bool:
    """Return whether units were removed from a layer of these, whose numbers were kept."""
    return any(side.summary.get(UNIT_NUMBERS) is not None for side in sides)


def _described(side: Side) -> dict[str, Any]:
    return {"name": side.title, **side.facts}
