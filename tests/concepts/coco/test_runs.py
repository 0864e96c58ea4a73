"""Are run lengths decoded as pycocotools decodes them, and wrong ones refused?"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from concepts.coco_files import compressed, uncompressed
from prunescope.concepts.coco.runs import patch_of_counts, read_counts

pytest.importorskip("pycocotools", reason="pycocotools is not installed (extra: coco)")


def decoded(stored, height, width):
    mask = np.zeros((height, width), np.uint8)
    patch = patch_of_counts(read_counts(stored, height, width), height)
    if patch is not None:
        patch.within(mask)[patch.marked] = 1
    return mask


@given(
    arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40)), elements=st.integers(0, 1))
)
def test_what_pycocotools_encodes_is_read_back(mask):
    for stored in (compressed(mask), uncompressed(mask)):
        assert (decoded(stored["counts"], *mask.shape) == mask).all()


@pytest.mark.parametrize("share", [0, 0.001, 0.5, 1])
def test_long_runs_are_read_back(share):
    mask = (np.random.default_rng(0).random((700, 900)) < share).astype(np.uint8)
    mask[:, 400:600] = 1
    assert (decoded(compressed(mask)["counts"], 700, 900) == mask).all()


def test_a_patch_is_no_larger_than_its_pixels():
    mask = np.zeros((20, 30), np.uint8)
    mask[4:7, 10:12] = 1
    patch = patch_of_counts(read_counts(compressed(mask)["counts"], 20, 30), 20)
    assert (patch.top, patch.left, patch.bottom, patch.right) == (4, 10, 7, 12)


def test_runs_of_no_length_are_passed_over():
    assert decoded([0, 0, 3, 1, 0, 2, 3], 3, 3).T.ravel().tolist() == [0, 0, 0, 1, 1, 1, 0, 0, 0]


@pytest.mark.parametrize(
    ("stored", "said"),
    [
        ([3, 3], "add up to 6 pixels, but the image has 9"),
        ([3, 400], "negative or larger"),
        ([-1, 10], "negative or larger"),
        ([3.0, 6.0], "whole numbers"),
        ([True] * 9, "whole numbers"),
        (None, "string or a list"),
        ("", "no compressed run lengths"),
        ("01", "add up to 1 pixels"),  # of which pycocotools makes a mask of random memory
        ("\u20ac", "no compressed"),
        ("zzzz", "no compressed"),
        ("oooo", "end too early"),
        ("o" * 20 + "0", "no compressed"),
    ],
)
def test_runs_of_another_image_are_refused(stored, said):
    with pytest.raises(ValueError, match=said):
        read_counts(stored, 3, 3)
