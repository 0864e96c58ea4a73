"""How are activation maps handed to a browser, small enough for a page?"""

import base64
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

_LARGEST = 127


def write_maps(maps: Sequence[np.ndarray], thresholds: Float[np.ndarray, " map"]) -> list[str]:
    """Return each map's excess over its threshold as bytes in base64, row by row.

    The excess is a share of the map's largest, in steps of 1/127, its sign kept: a cell is above 0
    exactly where its activation is above the threshold. A mask that is drawn from it differs by
    less than 1/127 of the largest excess in where its edge runs.
    """
    if not len(maps):
        return []
    if len({len(each) for each in maps}) > 1:
        return [
            text
            for each, threshold in zip(maps, thresholds, strict=True)
            for text in write_maps([each], np.array([threshold]))
        ]
    excess = np.stack(maps).astype(np.float64) - thresholds[:, None]
    excess = np.nan_to_num(excess, nan=-1.0)
    largest = np.abs(excess).max(axis=1, keepdims=True)
    steps = np.rint(excess / np.where(largest > 0, largest, 1) * _LARGEST).astype(np.int8)
    steps = np.where(steps == 0, np.sign(excess), steps).astype(np.int8)
    return [base64.b64encode(row.tobytes()).decode() for row in steps]
