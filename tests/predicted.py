"""What do made-up networks say of made-up images?"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from prunescope.results.predictions import predictions_table

CLASSES = ("zebra", "ant", "moa", "=dodo")


def said(
    label: Sequence[int],
    prediction: Sequence[int | None],
    *,
    classes: tuple[str, ...] = CLASSES,
    probability: float | Sequence[float] = 0.75,
) -> pd.DataFrame:
    """Return predictions, by the numbers of classes; None for an output that is nan.

    A right one has rank 0 and a wrong one rank 1. The label's probability is that of the
    prediction where it is right, else half of what is left.
    """
    codes = np.array([-1 if each is None else each for each in prediction], np.int64)
    sure = np.where(codes < 0, np.nan, np.broadcast_to(probability, codes.shape))
    right = np.array(label, np.int64) == codes
    return predictions_table(
        classes,
        label=np.array(label, np.int64),
        prediction=codes,
        probability=sure,
        rank=np.where(right, 0, 1),
        loss=-np.log(np.where(right, sure, (1 - sure) / 2)),
    )
