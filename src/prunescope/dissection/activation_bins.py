"""How are the activations of each unit counted in bins, so that a ranking can be read off?"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32, Int32, UInt8
from torch import Tensor, from_numpy

_STEPS = 2048  # of the even grid on which the ends of bins lie
_MORE = 0.3  # share of the ends that lie above the highest activation of the pilot
_TAIL = 0.02  # share of a pilot's cells whose spread says how far beyond them the others go
_REACH = 2.0  # how far, in such spreads
_TYPICAL = 0.25  # spread of a unit whose tail has none, as a share of its range
_MOST_STEPS = 1e35  # per unit of activation, as float32 holds them
_FAR = 2.0**60  # steps, of which a sum is still finite
_OCTAVES = 9  # that the ends of bins span where a unit is silent in the pilot


@dataclass(frozen=True, kw_only=True)
class ActivationBins:
    """Into which bin an activation falls, unit by unit; the higher the activation, the higher.

    Bin 0 holds what is not above the unit's least activation in the pilot: for a rectified unit
    its zeros and nothing else. The last bin holds what is above all ends.
    shift: the least activation. factor: steps of the grid per unit of activation.
    bin_of_step: the bin of each step.
    """

    count: int
    shift: Float32[Tensor, " unit"]
    factor: Float32[Tensor, " unit"]
    bin_of_step: UInt8[Tensor, "unit step"]

    @classmethod
    def of_pilot(cls, values: Float32[Tensor, "unit value"], count: int) -> "ActivationBins":
        """Choose bins by the activations of the first images.

        Ends of bins are at the values of ranks that grow evenly in the logarithm, so that the
        highest activations, which decide about precision, are divided most finely.
        """
        ascending = np.sort(values.cpu().numpy(), axis=1)
        ends = _ends(ascending.astype(np.float64), count - 2)
        least = ascending[:, 0].astype(np.float64)
        factor = ((_STEPS - 2) / (ends[:, -1] - least)).clip(max=_MOST_STEPS)
        steps = np.rint((ends - least[:, None]) * factor[:, None]).astype(np.int64)
        units = np.arange(len(steps))[:, None]
        ends_before = np.bincount(
            (units * _STEPS + steps + 1).ravel(), minlength=len(steps) * _STEPS
        )
        bins = 1 + ends_before.reshape(-1, _STEPS).cumsum(axis=1)
        bins[:, 0] = 0
        device = values.device
        return cls(
            count=count,
            shift=from_numpy(ascending[:, 0].copy()).to(device),
            factor=from_numpy(factor.astype(np.float32)).to(device),
            bin_of_step=from_numpy(bins.astype(np.uint8)).to(device),
        )

    def scaled(self, cells: Float32[Tensor, "*cell unit"]) -> Float32[Tensor, "*cell unit"]:
        """Return activations in steps of the grid, from the least one on."""
        return (cells - self.shift).mul_(self.factor).clamp_(-_FAR, _FAR)

    def of(
        self, scaled: Float32[Tensor, "point unit"], units: slice
    ) -> Int32[Tensor, "point unit"]:
        """Return the bins of scaled activations of some units, which it overwrites."""
        rows = self.bin_of_step[units]
        steps = scaled.ceil_().clamp_(0, _STEPS - 1)
        steps += torch.arange(len(rows), device=rows.device) * _STEPS
        bins = rows.int().view(-1).index_select(0, steps.int().view(-1))
        return bins.view(scaled.shape)


def _ends(ascending: np.ndarray, count: int) -> np.ndarray:
    """Return the upper ends of bins, ascending, the first above each unit's least activation."""
    values = ascending.shape[1]
    above = (ascending > ascending[:, :1]).sum(axis=1)
    within = count - round(_MORE * count)
    shares = np.linspace(1, 0, within)
    ranks = np.exp(np.log(np.maximum(above, 1))[:, None] * shares).astype(np.int64)
    ends = np.take_along_axis(ascending, values - ranks.clip(1, values), axis=1)
    highest = ascending[:, -1]
    spread = highest - ascending[:, int((1 - _TAIL) * (values - 1))]
    spread = np.where(spread > 0, spread, (highest - ascending[:, 0]) * _TYPICAL)
    beyond = np.linspace(0, _REACH, count - within + 1)[1:]
    ends = np.concatenate([ends, highest[:, None] + spread[:, None] * beyond], axis=1)
    silent = ends[:, -1] <= ascending[:, 0]
    if silent.any():
        range_of_others = (ends[:, -1] - ascending[:, 0]).max()
        octaves = np.linspace(-_OCTAVES, 0, count)
        usual = (range_of_others or 1.0) * 2.0**octaves
        ends[silent] = ascending[silent, :1] + usual
    return ends
