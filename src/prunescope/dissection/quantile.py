"""How many of a unit's cells exceed its threshold?"""

import math
from dataclasses import dataclass
from fractions import Fraction

from prunescope.base.errors import ConfigError


def cells_above(quantile: float, cells: int, where: str) -> int:
    """Return K = floor(quantile * cells), in exact arithmetic: the most cells above a threshold.

    quantile: read as a decimal. where: what the cells are, for the message.
    Raises ConfigError if K is 0.
    """
    share = Fraction(str(quantile))
    above = math.floor(share * cells)
    if above == 0:
        raise ConfigError(
            f"{where} are {cells} cells, too few for a quantile of {quantile}, which needs at "
            f"least {math.ceil(1 / share)}: take more images, a higher resolution, a layer with "
            f"larger maps or a larger quantile"
        )
    return above


@dataclass(frozen=True, kw_only=True)
class Cut:
    """Where a unit's threshold lies among its cells, from the largest down.

    cells: of all images together. above: K, the most cells that can exceed a threshold.
    toward_next: how far, in [0, 1), it lies from the (K + 1)-th largest value toward the K-th.
    """

    cells: int
    above: int
    toward_next: float = 0.0
