"""Which units of a network's layers are left, and how is that written into a file?"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

Units: TypeAlias = Mapping[str, tuple[int, ...]]
"""Of each layer that has lost units, the numbers of those left in the dense network, ascending."""

_MOST = 1 << 24  # units of all layers together
_RANGE = re.compile(r"(\d{1,8})(?:-(\d{1,8}))?")


def units_as_value(units: Units) -> dict[str, Any]:
    """Return units for JSON: each list of numbers once ("0-3,5"), and which one each layer has."""
    lists = list(dict.fromkeys(units.values()))
    index = {kept: number for number, kept in enumerate(lists)}
    return {
        "kept": [_as_text(kept) for kept in lists],
        "layers": {layer: index[kept] for layer, kept in units.items()},
    }


def units_of_value(value: Any) -> dict[str, tuple[int, ...]]:
    """Return what `units_as_value` wrote. Raises ValueError, TypeError or KeyError for others."""
    if not isinstance(value["kept"], list) or not isinstance(value["layers"], dict):
        raise TypeError("units")
    budget = _MOST
    lists = []
    for text in value["kept"]:
        kept = tuple(_numbers(text, budget))
        budget -= len(kept)
        lists.append(kept)
    units = {}
    for layer, index in value["layers"].items():
        if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < len(lists):
            raise ValueError(f"the units of {layer!r:.40} are {index!r:.40}")
        units[layer] = lists[index]
    return units


def _as_text(kept: tuple[int, ...]) -> str:
    runs: list[list[int]] = []
    for number in kept:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in runs)


def _numbers(text: Any, most: int) -> Iterator[int]:
    """Yield the numbers that a text lists, which must ascend."""
    if not isinstance(text, str):
        raise TypeError("units")
    last, count = -1, 0
    for part in text.split(","):
        match = _RANGE.fullmatch(part)
        first = int(match[1]) if match else -1
        end = int(match[2] or match[1]) if match else -1
        count += end - first + 1
        if match is None or first <= last or end < first or count > most:
            raise ValueError(f"units {part!r:.40}")
        yield from range(first, end + 1)
        last = end
