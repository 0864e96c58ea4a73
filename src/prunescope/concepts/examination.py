"""What does a set say of itself when it is checked, beside its images and label maps?"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field

import pandas as pd

# Python 3.11's own Protocol computes every property when asked isinstance(), fingerprints included
from typing_extensions import Protocol, runtime_checkable

from prunescope.base.text import counted

_SHOWN_NAMES = 10


@dataclass(frozen=True, kw_only=True, eq=False)
class Counts:
    """What was counted when every image of a set was read.

    labels: as in a `Report`. shapes: heights and widths of the label maps.
    unread: how many images cannot be read, and so were not counted.
    resized: whether the label maps were brought to another size.
    """

    labels: pd.DataFrame = field(repr=False)
    shapes: Set[tuple[int, int]]
    unread: int
    resized: bool


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What is wrong with a set, and what has no effect or was not compared; whole sentences."""

    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@runtime_checkable
class Examined(Protocol):
    """A concept set that has more to say when it is checked."""

    def examine(self, counts: Counts) -> Findings:
        """Return what else is wrong with the set, and what has no effect."""


def left_aside(
    counts: Counts,
    *,
    without: Sequence[str],
    lacking: str,
    rows: Mapping[int, str] | None,
    listed: str,
    advice: str,
) -> tuple[str, ...]:
    """Say which images are not in a set, and which of its labels no pixel carries.

    without, lacking: these images, and what they lack
    rows: where each label is listed, by its number; None for a part of a set, of which other labels
        may occur in the rest
    listed, advice: what lists them, and what to do
    """
    notes = []
    if without:
        shown = _enumerated(without)
        count = counted(len(without), "image")
        notes.append(f"without {lacking}, and so not in the set: {count}: {shown}")
    if counts.unread or rows is None:
        notes.append("names without a pixel are not looked for: not every mask was read")
        return tuple(notes)
    idle = counts.labels.loc[counts.labels["images"] == 0, ["number", "name"]]
    if len(idle):
        columns = (idle[name].tolist() for name in ("number", "name"))
        names = [f"{name} ({rows[number]})" for number, name in zip(*columns, strict=True)]
        notes.append(f"{len(names):,} {listed} have no pixel: {_enumerated(names)}; {advice}")
    return tuple(notes)


def _enumerated(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN_NAMES
    return ", ".join(names[:_SHOWN_NAMES]) + (f" and {more:,} more" if more > 0 else "")
