"""What is compared on each side of a comparison?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from prunescope.base.errors import ConfigError, nearest
from prunescope.base.text import a_kind
from prunescope.results.dissection import Dissection, LayerDissection
from prunescope.results.layout import METRICS, UNITS
from prunescope.results.opened import is_table, open_dissection
from prunescope.results.reading import read_form
from prunescope.results.schemas import METRICS_FORM

Comparable: TypeAlias = str | Path | LayerDissection | Dissection


@dataclass(frozen=True, kw_only=True)
class Side:
    """A or B.

    title: its name in messages. layers: by name; a table of Network Dissection, which states none,
    is named after its file. chosen: it is a single layer (its folder, a table), which may be
    compared with a layer of another name. facts: of a level, `keep` and `accuracy`.
    """

    title: str
    layers: Mapping[str, LayerDissection]
    chosen: bool
    facts: Mapping[str, float]

    @property
    def is_table(self) -> bool:
        """Whether it is a table of Network Dissection."""
        return any(map(is_table, self.layers.values()))


def open_side(compared: object, letter: str) -> Side:
    """Open what is to be compared as A or B (the letter).

    Raises DataError where a path holds no dissection, ConfigError for an object of another kind.
    """
    if isinstance(compared, str | Path):
        return _open_path(Path(compared))
    if isinstance(compared, Dissection):
        return Side(title=letter, layers=compared.layers, chosen=False, facts={})
    if isinstance(compared, LayerDissection):
        return Side(title=letter, layers={compared.layer: compared}, chosen=True, facts={})
    raise ConfigError(
        f"{letter} is {a_kind(compared)}: give a Dissection, a LayerDissection or a path"
    )


def pair_layers(
    a: Side, b: Side, layer: str | None
) -> list[tuple[LayerDissection, LayerDissection]]:
    """Return the layers to compare: those of equal names, in A's order, or the one asked for.

    Two single layers are compared whatever their names; a table of Network Dissection is compared
    with the only layer of the other side, or the one asked for.
    Raises ConfigError where there is nothing to compare, and lists the layers.
    """
    layers_a, layers_b = (_select(side, layer) for side in (a, b))
    tables = a.is_table or b.is_table
    if len(layers_a) == len(layers_b) == 1 and (tables or (a.chosen and b.chosen)):
        return list(zip(layers_a.values(), layers_b.values(), strict=True))
    names = [] if tables else [name for name in layers_a if name in layers_b]
    pairs = [(layers_a[name], layers_b[name]) for name in names]
    if not pairs:
        raise ConfigError(_no_pair(a, b))
    return pairs


def left_out(
    a: Side, b: Side, pairs: Sequence[tuple[LayerDissection, LayerDissection]]
) -> list[str]:
    """Return a warning for each side with layers that the other lacks."""
    warnings = []
    for letter, side, compared in zip("AB", (a, b), zip(*pairs, strict=True), strict=True):
        alone = side.layers.keys() - {layer.layer for layer in compared}
        names = [name for name in side.layers if name in alone]
        if names:
            warnings.append(f"{', '.join(names)} of {letter} has no counterpart and is left out")
    return warnings


def _open_path(path: Path) -> Side:
    layers = open_dissection(path).layers
    chosen = path.is_file() or (path / UNITS).is_file()
    return Side(title=str(path), layers=layers, chosen=chosen, facts=_facts(path))


def _facts(path: Path) -> dict[str, float]:
    if not (path / METRICS).is_file():
        return {}
    metrics = read_form(path / METRICS, METRICS_FORM)
    return {"keep": float(metrics["keep"]), "accuracy": float(metrics["top1"])}


def _select(side: Side, layer: str | None) -> Mapping[str, LayerDissection]:
    if layer is None or side.is_table:
        return side.layers
    if layer not in side.layers:
        raise ConfigError(
            f'there is no layer "{layer}"{nearest(layer, side.layers)}: {side.title} has '
            f"{', '.join(side.layers)}"
        )
    return {layer: side.layers[layer]}


def _no_pair(a: Side, b: Side) -> str:
    held = f"{a.title} holds {', '.join(a.layers)}, {b.title} holds {', '.join(b.layers)}"
    if a.is_table or b.is_table:
        return f"{held}: say with --layer (in Python layer=) which one to compare with the table"
    return (
        f"{held}: no layer is in both; to compare different ones, give the folder of one layer "
        "on each side"
    )
