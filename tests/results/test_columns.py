"""Which columns pass for texts?"""

import numpy as np
import pandas as pd
import pytest

from prunescope.results.columns import NAMES, TEXTS


@pytest.mark.parametrize(
    ("values", "texts", "names"),
    [
        (["a", "b"], True, True),
        (["a", None], True, False),
        ([None, None], True, False),
        ([np.nan, np.nan], True, False),
        (["a", 1], False, False),
        ([b"a", b"b"], False, False),
        ([1, 2], False, False),
        ([], True, True),
    ],
)
def test_texts_are_texts_alone_whatever_is_missing(values, texts, names):
    column = pd.Series(values)
    assert (TEXTS.takes(column), NAMES.takes(column)) == (texts, names)
