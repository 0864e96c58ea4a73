"""By which tool's rules is a dissection counted?

Sources: Bau et al., "Network Dissection", CVPR 2017, and its code (CSAILVision/NetDissect:
labelprobe, makeresult, upsample, netprobe_pytorch); CSAILVision/NetDissect-Lite
(feature_operation, settings); davidbau/quick-netdissect (dissection). Their rules are
reproduced here without the noise of their quantile sketches: quantiles are exact.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

from prunescope.base.errors import ConfigError
from prunescope.base.images import IMAGENET_MEAN, IMAGENET_STD, Channels
from prunescope.dissection.quantile import Cut, cells_above

ConventionName = Literal["exact", "netdissect", "lite", "quick"]

Centring = Literal["half-pixel", "nominal"]
"""Where the centre of a cell is: in the middle of its pixels, or half a pixel further on."""

_QUANTILES = 1000  # evenly spaced from the smallest value to the largest
_MEAN_2017: Channels = (124.6901 / 255, 118.6897 / 255, 109.5388 / 255)
_STD_2017: Channels = (0.224, 0.224, 0.224)


@dataclass(frozen=True, kw_only=True)
class Convention:
    """The rules of one tool (docs/conventions.md).

    tool: whose rules they are.
    position: of a quantile q, where among a unit's ascending values its threshold lies, 0 the
        smallest and 1 the largest, interpolated linearly; None for the (K + 1)-th largest value.
    inside: A counts an image for a category only where a label of it lies in the unit's mask.
    once, truth_once: what a pixel counts that has its label in two planes, see RegionReader.
    centring: see `read_axis`.
    mean, std: of the input; None takes the network's own.
    split, without, iou: defaults for the images used (None for all), the categories left out, and
        the IoU above which a unit is interpretable.
    """

    name: ConventionName
    tool: str
    position: Callable[[Fraction], Fraction] | None = None
    inside: bool = False
    once: bool = True
    truth_once: bool = True
    centring: Centring = "half-pixel"
    mean: Channels | None = None
    std: Channels | None = None
    split: str | None = None
    without: tuple[str, ...] = ()
    iou: float = 0.04

    def cut(self, quantile: float, cells: int, where: str) -> Cut:
        """Return where a unit's threshold lies among its cells on all images.

        quantile: read as a decimal. where: what the cells are, for the message.
        Raises ConfigError as `cells_above` does, under the rule of `exact` alone.
        """
        if self.position is None:
            return Cut(cells=cells, above=cells_above(quantile, cells, where))
        position = self.position(Fraction(str(quantile))) * (cells - 1)
        below = math.floor(position)
        return Cut(cells=cells, above=cells - 1 - below, toward_next=float(position - below))

    def images_of(self, split: str | None) -> str | None:
        """Return the split used: the one stated, else the tool's; None for all images."""
        return self.split if split is None else split

    def categories_of(self, categories: Sequence[str]) -> tuple[str, ...] | None:
        """Return the default categories whose labels may be a concept; None for all of the set's.

        Raises ConfigError where none is left.
        """
        left = tuple(name for name in categories if name not in self.without)
        if not left:
            raise ConfigError(
                f"the convention {self.name} leaves out {', '.join(self.without)}, and the concept "
                f"set has nothing else: state the categories (--categories {','.join(categories)})"
            )
        return None if left == tuple(categories) else left


def _among_a_thousand(quantile: Fraction) -> Fraction:
    """Return the position of the quantile that the 2017 tool takes of its thousand."""
    index = math.floor(_QUANTILES * (1 - quantile) - 1)
    return Fraction(max(0, index), _QUANTILES - 1)


def _complement(quantile: Fraction) -> Fraction:
    return 1 - quantile


EXACT = Convention(name="exact", tool="Prunescope's own definitions", iou=0.05)

CONVENTIONS: dict[ConventionName, Convention] = {
    "exact": EXACT,
    "netdissect": Convention(
        name="netdissect",
        tool="Network Dissection (2017)",
        position=_among_a_thousand,
        once=False,
        centring="nominal",
        mean=_MEAN_2017,
        std=_STD_2017,
    ),
    "lite": Convention(
        name="lite",
        tool="NetDissect-Lite",
        position=_among_a_thousand,
        inside=True,
        once=False,
        mean=_MEAN_2017,
        std=_STD_2017,
        without=("material",),
    ),
    "quick": Convention(
        name="quick",
        tool="quick-netdissect",
        position=_complement,
        truth_once=False,
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
        split="train",
    ),
}
"""Every convention by its name. To add one, add its rules here and its name to `ConventionName`."""


def convention_of(summary: Mapping[str, Any]) -> Convention:
    """Return the rules a layer was counted by, from its summary: `exact` where it states none."""
    return CONVENTIONS[summary.get("convention", EXACT.name)]
