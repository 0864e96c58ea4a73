"""What have the draws of chance shown of a layer's units, and which draws come next?"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from jaxtyping import Bool, Float64, Int64

from prunescope.dissection.chance.sequential import FIRST_LOOK, decided, looks, most_draws, standing
from prunescope.dissection.stated import DrawCount

Number: TypeAlias = DrawCount
"""The number of draws, or "auto": as many as the decision takes."""

_BITS = ("as_good", "label_as_good")
_COUNTS = ("counted", "false_units", "false_concepts")


@dataclass(frozen=True, kw_only=True)
class Observed:
    """The units of a layer with the labels of their own images.

    iou: the highest IoU of each unit; nan where it has none and is not tested.
    label_index: that of its label among the allowed ones; -1 without a label.
    interpretable: whether the IoU is above the one asked for.
    labels: how many of the allowed labels occur in the images.
    """

    iou: Float64[np.ndarray, " unit"]
    label_index: Int64[np.ndarray, " unit"]
    interpretable: Bool[np.ndarray, " unit"]
    labels: int

    @property
    def has_iou(self) -> Bool[np.ndarray, " unit"]:
        """Whether each unit is tested."""
        tested: Bool[np.ndarray, " unit"] = ~np.isnan(self.iou)
        return tested

    @property
    def max_draws(self) -> int:
        """The number of draws after which everything is decided."""
        return most_draws(int(self.has_iou.sum()))


@dataclass(frozen=True, kw_only=True)
class Request:
    """Draws to make next, from `first` up to `last` (exclusive), and of which units."""

    first: int
    last: int
    units: Int64[np.ndarray, " unit"]


class Draws:
    """The outcomes of the draws for a layer's units, by the number of the draw.

    as_good: whether a unit's highest IoU in a draw is at least its observed one. label_as_good: the
    same for the unit's label alone. counted: in how many draws, from the first on, each unit was
    counted. false_units, false_concepts: for each draw of all units, how many units were above the
    IoU asked for, and the number of their distinct labels.
    """

    def __init__(self, units: int) -> None:
        """Begin without draws. units: how many the layer has."""
        self.as_good: Bool[np.ndarray, "unit draw"] = np.zeros((units, 0), np.bool_)
        self.label_as_good: Bool[np.ndarray, "unit draw"] = np.zeros((units, 0), np.bool_)
        self.counted: Int64[np.ndarray, " unit"] = np.zeros(units, np.int64)
        self.false_units: Int64[np.ndarray, " draw"] = np.zeros(0, np.int64)
        self.false_concepts: Int64[np.ndarray, " draw"] = np.zeros(0, np.int64)

    def make_room(self, draws: int) -> None:
        """Make room for this number of draws."""
        if draws <= self.as_good.shape[1]:
            return
        more = ((0, 0), (0, draws - self.as_good.shape[1]))
        self.as_good, self.label_as_good = (
            np.pad(part, more) for part in (self.as_good, self.label_as_good)
        )

    def take(
        self,
        draw: int,
        units: Int64[np.ndarray, " drawn"],
        ious: Float64[np.ndarray, "drawn label"],
        observed: Observed,
        above: float,
    ) -> None:
        """Record the next draw of some units.

        ious: nan where undefined. above: the IoU above which a unit is interpretable.
        A draw of all units also gives the numbers of units and concepts above it by chance.
        """
        self.make_room(draw + 1)
        ious = np.nan_to_num(ious, nan=-1.0)
        padded = np.column_stack([ious, np.full(len(ious), -1.0)])
        best = padded.max(axis=1)
        of_label = padded[np.arange(len(units)), observed.label_index[units]]  # -1 is the last one
        iou = observed.iou[units]
        self.as_good[units, draw] = best >= iou
        self.label_as_good[units, draw] = of_label >= iou
        self.counted[units] = np.maximum(self.counted[units], draw + 1)
        if len(units) == len(self.counted) and draw == len(self.false_units):
            false = best > above
            labels = np.unique(padded[false].argmax(axis=1))
            self.false_units = np.append(self.false_units, int(false.sum()))
            self.false_concepts = np.append(self.false_concepts, len(labels))

    def next(self, number: Number, observed: Observed) -> Request | None:
        """Return which draws to make next; None when there are enough."""
        enough = min(FIRST_LOOK, observed.max_draws) if number == "auto" else number
        if len(self.false_units) < enough:
            return Request(
                first=len(self.false_units), last=enough, units=np.arange(len(self.counted))
            )
        if number != "auto":
            return None
        for look in looks(observed.max_draws):
            state = standing(self.as_good, look)
            units = np.flatnonzero(observed.interpretable & (self.counted < look) & state.open)
            if len(units):
                return Request(first=int(self.counted[units].min()), last=look, units=units)
            if decided(state, observed.interpretable, observed.has_iou):
                return None
        return None

    def looked_at(self, observed: Observed) -> int:
        """Return after how many draws the decision was made."""
        for look in looks(observed.max_draws):
            if decided(standing(self.as_good, look), observed.interpretable, observed.has_iou):
                return look
        return observed.max_draws

    def as_arrays(self) -> dict[str, np.ndarray]:
        """Return what `of_arrays` reads; eight draws share a byte, the first in its highest bit."""
        packed = {name: np.packbits(getattr(self, name), axis=1) for name in _BITS}
        return packed | {name: getattr(self, name) for name in _COUNTS}

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "Draws":
        """Read what `as_arrays` returned. Raises KeyError or ValueError for anything else."""
        counts = {name: arrays[name].astype(np.int64) for name in _COUNTS}
        draws = cls(len(counts["counted"]))
        vars(draws).update(counts)
        room = int(draws.counted.max(initial=0))
        for name in _BITS:
            bits = np.unpackbits(arrays[name], axis=1, count=room)
            setattr(draws, name, bits.reshape(len(draws.counted), room).astype(np.bool_))
        return draws
