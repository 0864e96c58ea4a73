"""Is a network right as often as its probabilities say?"""

import math

import numpy as np
import pandas as pd

from prunescope.statistics.class_changes import is_right

BINS = 15


def calibration_error(predictions: pd.DataFrame) -> float:
    """Return the expected calibration error (Guo et al. 2017), a share.

    The probabilities of the predictions fall into 15 bins of equal width, (0, 1/15] and so on. The
    error is the mean over the images of the distance, in an image's bin, between the share of right
    predictions and the mean probability; float64. nan where an image has no prediction.
    """
    probability = predictions["probability"].to_numpy(np.float64)
    if np.isnan(probability).any():
        return math.nan
    within = np.clip(np.ceil(probability * BINS).astype(np.int64) - 1, 0, BINS - 1)
    excess = np.bincount(within, weights=is_right(predictions) - probability, minlength=BINS)
    return float(np.abs(excess).sum() / len(probability))
