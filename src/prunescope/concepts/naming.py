"""Which sets does a name join, and which paths does it hold?"""

import re
from collections.abc import Callable
from pathlib import Path

from prunescope.concepts.request import COMMON_PATHS, split_name
from prunescope.concepts.sources import SOURCES
from prunescope.data.hub import is_hub_name

BETWEEN = " + "
"""Stands between the names of sets that are joined."""


def names_in(name: str) -> list[str]:
    """Return the names of the sets that a name joins; a path may hold a ` + ` as well."""
    kinds = "|".join(map(re.escape, SOURCES.names))
    return re.split(rf" \+ (?=(?:{kinds})(?::|$| \+ ))", name)


def with_paths(name: str, change: Callable[[str], str]) -> str:
    """Return a name with its paths changed, those of its options, too."""
    changed = []
    for part in names_in(name):
        kind, place, options = split_name(part)
        is_kind = kind in SOURCES.names
        own = SOURCES.stated(kind, "PATHS") if is_kind else None
        of_the_hub = is_kind and SOURCES.stated(kind, "HUB_NAMES") and is_hub_name(place)
        are_paths = {*COMMON_PATHS, *(own or ())}
        head = f"{kind}:{place if of_the_hub else change(place)}" if place else kind
        stated = [
            f"{option}={change(value) if option in are_paths else value}"
            for option, value in options.items()
        ]
        changed.append(",".join([head, *stated]))
    return BETWEEN.join(changed)


def paths_of(name: str) -> list[Path]:
    """Return the paths that a name holds, in their order."""
    found: list[Path] = []

    def keep(path: str) -> str:
        found.append(Path(path).expanduser())
        return path

    with_paths(name, keep)
    return found


def title_of(name: str) -> str:
    """Return what a page calls a set: the last part of its path, or its kind where it has none."""
    parts = (split_name(part) for part in names_in(name))
    return BETWEEN.join(Path(place).name or kind for kind, place, _ in parts)
