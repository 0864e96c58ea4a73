"""Are predictions read as they were written, and refused where they do not fit?"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from predicted import CLASSES, said
from prunescope.base.errors import DataError
from prunescope.results.evaluation import Evaluation
from prunescope.results.predictions import (
    check_same_images,
    classes_of,
    read_predictions,
    write_predictions,
)


def test_predictions_come_back_with_all_classes_in_their_order(tmp_path: Path) -> None:
    table = said((0, 2, 2), (2, 2, 0))
    write_predictions(tmp_path / "p.parquet", table)
    back = read_predictions(tmp_path / "p.parquet")
    pd.testing.assert_frame_equal(back, table)
    assert classes_of(back) == CLASSES


def test_scores_are_those_of_the_predictions() -> None:
    found = Evaluation.of(said((0, 2, 2, 3), (2, 2, 2, 3)))
    assert (found.top1, found.top5, found.images) == (0.75, 1.0, 4)
    assert found.loss == pytest.approx((np.log(8) - 3 * np.log(0.75)) / 4)
    assert str(found.per_class) == "{'zebra': 0.0, 'ant': nan, 'moa': 1.0, '=dodo': 1.0}"


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (said((0, 2), (0, 2)), "one has 3 of them, the other 2$"),
        (said((0, 2, 1), (0, 2, 1)), "images: their classes are not the same, image by image"),
        (said((0, 2, 2), (0, 2, 2)).assign(row=[0, 1, 3]), "images: their rows are not the same"),
        (
            said((0, 2, 2), (0, 2, 2), classes=(*CLASSES[:3], "emu")),
            r"classes differ \(=dodo, for one\)",
        ),
        (said((0, 2, 2), (0, 2, 2), classes=CLASSES[::-1]), "classes differ, in their order"),
    ],
)
def test_predictions_of_other_images_are_refused(other: pd.DataFrame, message: str) -> None:
    with pytest.raises(DataError, match=message):
        check_same_images({"A": said((0, 2, 2), (0, 2, 2)), "B": other})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"prediction": "ant"}, "its column prediction holds not names of classes alone"),
        ({"class": pd.Categorical(["moa"] * 3)}, "columns of classes are not of the same ones"),
        ({"row": 1}, "an image twice"),
        ({"probability": 1.5}, r"its column probability holds not numbers in \[0, 1\] alone"),
        ({"loss": -1.0}, "its column loss holds not numbers of 0 or more alone"),
    ],
)
def test_a_damaged_table_is_refused(
    tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    write_predictions(tmp_path / "p.parquet", said((0, 2, 2), (2, 2, 0)).assign(**changes))
    with pytest.raises(DataError, match=message):
        read_predictions(tmp_path / "p.parquet")
    write_predictions(tmp_path / "p.parquet", said((), ()))
    with pytest.raises(DataError, match=r"damaged: (it has no rows|its column class)"):
        read_predictions(tmp_path / "p.parquet")
