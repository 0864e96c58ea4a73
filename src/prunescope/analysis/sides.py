"""What stands on each side of a comparison?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

# Python 3.11's own Protocol computes every property when asked isinstance()
from typing_extensions import Protocol, runtime_checkable

from prunescope.analysis.places import is_comparison, layer_folders
from prunescope.analysis.summary import read_units
from prunescope.base.errors import ConfigError, DataError, nearest
from prunescope.base.text import a_kind
from prunescope.results.layout import COUNTS, METRICS, SUMMARY
from prunescope.results.reading import read_form
from prunescope.results.schemas import DISSECTION_FORM, METRICS_FORM


@runtime_checkable
class DissectedLayer(Protocol):
    """What a LayerDissection is to a comparison; this module does without torch."""

    @property
    def layer(self) -> str:
        """Its name."""

    @property
    def units(self) -> pd.DataFrame:
        """A row per unit."""

    @property
    def overlap(self) -> Any:
        """The counts of every unit with every label."""

    @property
    def summary(self) -> Mapping[str, Any]:
        """The conditions it holds under."""


@runtime_checkable
class Dissected(Protocol):
    """What a Dissection is to a comparison."""

    @property
    def layers(self) -> Mapping[str, Any]:
        """A DissectedLayer by each name."""


Comparable = str | Path | DissectedLayer | Dissected


@dataclass(frozen=True, kw_only=True)
class SideLayer:
    """One layer of a side.

    layer: its name; that of the file for a table of Network Dissection, which does not say.
    conditions: what summary.json says; empty for such a table.
    counts: the counts of every unit with every label, or their file; None for such a table.
    """

    layer: str
    units: pd.DataFrame
    conditions: Mapping[str, Any]
    counts: Any

    @property
    def is_table(self) -> bool:
        """Whether it is a table of Network Dissection."""
        return self.counts is None


@dataclass(frozen=True, kw_only=True)
class Side:
    """A or B.

    title: how messages call it. chosen: it is one layer by itself (its own folder, a table), so
    that it may face a layer of another name. facts: of a level, `keep` and `accuracy`.
    """

    title: str
    layers: tuple[SideLayer, ...]
    chosen: bool
    facts: Mapping[str, float]

    @property
    def names(self) -> list[str]:
        """The names of its layers."""
        return [layer.layer for layer in self.layers]


def open_side(given: object, letter: str) -> Side:
    """Open what was given as A or B (the letter).

    Raises DataError where a path holds no dissection, ConfigError for an object of another kind.
    """
    if isinstance(given, str | Path):
        return _open_path(Path(given))
    if isinstance(given, Dissected):
        layers = tuple(_in_memory(layer) for layer in given.layers.values())
        return Side(title=letter, layers=layers, chosen=False, facts={})
    if isinstance(given, DissectedLayer):
        return Side(title=letter, layers=(_in_memory(given),), chosen=True, facts={})
    raise ConfigError(
        f"{letter} is {a_kind(given)}: give a Dissection, a LayerDissection or a path"
    )


def open_layer(folder: Path) -> SideLayer:
    """Open the folder of one layer. Raises DataError where a file is missing or damaged."""
    return SideLayer(
        layer=folder.resolve().name,
        units=read_units(folder),
        conditions=read_form(folder / SUMMARY, DISSECTION_FORM),
        counts=folder / COUNTS,
    )


def pair_layers(a: Side, b: Side, layer: str | None) -> list[tuple[SideLayer, SideLayer]]:
    """Return the layers to compare: those of equal names, in A's order, or the one asked for.

    Two sides that are one layer each, by itself, face each other whatever the names; a table of
    Network Dissection faces the only layer of the other side, or the one asked for.
    Raises ConfigError where there is nothing to compare, and says what there is.
    """
    chosen_a, chosen_b = (_select(side, layer) for side in (a, b))
    if len(chosen_a) == len(chosen_b) == 1:
        tables = chosen_a[0].is_table or chosen_b[0].is_table
        if tables or (a.chosen and b.chosen):
            return [(chosen_a[0], chosen_b[0])]
    by_name = {side.layer: side for side in chosen_b if not side.is_table}
    pairs = [
        (side, by_name[side.layer])
        for side in chosen_a
        if side.layer in by_name and not side.is_table
    ]
    if not pairs:
        raise ConfigError(_no_pair(a, b))
    return pairs


def left_out(a: Side, b: Side, pairs: Sequence[tuple[SideLayer, SideLayer]]) -> list[str]:
    """Say which layers only one side has."""
    said = []
    for letter, side, compared in (
        ("A", a, {pair[0].layer for pair in pairs}),
        ("B", b, {pair[1].layer for pair in pairs}),
    ):
        alone = [name for name in side.names if name not in compared]
        if alone:
            said.append(f"{', '.join(alone)} of {letter} has no counterpart and is left out")
    return said


def _open_path(path: Path) -> Side:
    if is_comparison(path):
        raise DataError(f"{path} is a comparison: give one of the two dissections it compares")
    if path.is_file():
        units = read_units(path)
        layer = SideLayer(layer=path.stem, units=units, conditions={}, counts=None)
        return Side(title=str(path), layers=(layer,), chosen=True, facts={})
    folders = layer_folders(path)
    return Side(
        title=str(path),
        layers=tuple(open_layer(folder) for folder in folders),
        chosen=folders == [path],
        facts=_facts(path),
    )


def _in_memory(given: DissectedLayer) -> SideLayer:
    return SideLayer(
        layer=given.layer,
        units=given.units,
        conditions=given.summary,
        counts=given.overlap,
    )


def _facts(path: Path) -> dict[str, float]:
    if not (path / METRICS).is_file():
        return {}
    metrics = read_form(path / METRICS, METRICS_FORM)
    return {"keep": float(metrics["keep"]), "accuracy": float(metrics["top1"])}


def _select(side: Side, layer: str | None) -> tuple[SideLayer, ...]:
    if layer is None or (side.chosen and side.layers[0].is_table):
        return side.layers
    found = tuple(own for own in side.layers if own.layer == layer)
    if not found:
        known = ", ".join(side.names)
        hint = nearest(layer, side.names)
        raise ConfigError(f'there is no layer "{layer}"{hint}: {side.title} has {known}')
    return found


def _no_pair(a: Side, b: Side) -> str:
    kept = f"{a.title} holds {', '.join(a.names)}, {b.title} holds {', '.join(b.names)}"
    if any(layer.is_table for layer in (*a.layers, *b.layers)):
        return f"{kept}: say with --layer (in Python layer=) which one to compare with the table"
    return (
        f"{kept}: no layer is in both; to compare different ones, give the folder of one layer "
        f"on each side"
    )
