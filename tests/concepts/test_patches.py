"""Do masks that overlap keep all their pixels in as few maps as can be?"""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from prunescope.concepts.patches import Patch, joined, lay_out

SHAPE = (7, 9)


@st.composite
def patches(draw):
    top, left = draw(st.integers(0, 6)), draw(st.integers(0, 8))
    size = draw(st.integers(1, 7 - top)), draw(st.integers(1, 9 - left))
    marked = np.array(
        draw(st.lists(st.booleans(), min_size=size[0] * size[1], max_size=size[0] * size[1]))
    )
    return Patch(top, left, marked.reshape(size))


def whole(patch):
    mask = np.zeros(SHAPE, bool)
    patch.within(mask)[patch.marked] = True
    return mask


@given(st.lists(patches(), min_size=1, max_size=4))
def test_joined_patches_mark_what_any_of_them_does(several):
    assert (whole(joined(several)) == np.any([whole(patch) for patch in several], axis=0)).all()


@given(patches(), patches())
def test_patches_overlap_where_both_mark_a_pixel(one, other):
    assert one.overlaps(other) == bool((whole(one) & whole(other)).any())


@given(st.lists(patches(), max_size=5))
def test_every_pixel_of_every_patch_is_in_the_maps_of_its_category(several):
    numbered = dict(enumerate(several, start=1))
    category_of = {number: "ab"[number % 2] for number in numbered}
    planes = lay_out(numbered, category_of, ("a", "b"), SHAPE)
    assert planes.shape[1:] == SHAPE
    for number, patch in numbered.items():
        assert ((planes == number).any(axis=0) == whole(patch)).all()
    for plane in planes:
        assert len({category_of[number] for number in set(plane.ravel().tolist()) - {0}}) <= 1


def test_masks_that_do_not_overlap_share_a_map():
    apart = {1: Patch(0, 0, np.ones((2, 2), bool)), 2: Patch(2, 0, np.ones((2, 2), bool))}
    over = {**apart, 3: Patch(1, 1, np.ones((2, 2), bool))}
    names = dict.fromkeys(over, "a")
    assert len(lay_out(apart, names, ("a",), SHAPE)) == 1
    assert len(lay_out(over, names, ("a",), SHAPE)) == 2
    assert len(lay_out(over, names | {2: "b"}, ("a", "b"), SHAPE)) == 3
