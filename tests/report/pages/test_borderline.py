import numpy as np
import pandas as pd

from prunescope.report.pages.borderline import borderline_images


def test_the_smallest_masks_come_first_and_empty_ones_are_left_out() -> None:
    images = pd.DataFrame(
        {
            "image": ["a", "b", "c", "d"],
            "units": [np.array(each) for each in ([0, 2], [0], [0], [2, 5])],
            "activation": [np.array(each) for each in ([9, 4], [3], [3], [0, 0])],
        }
    )
    found = borderline_images(images, 2)[["unit", "rank", "image", "pixels"]]
    assert found.values.tolist() == [[0, 0, "b", 3], [0, 1, "c", 3], [2, 0, "a", 4]]
    assert borderline_images(images.head(0), 2).empty
