"""Are label maps brought to one size by their nearest pixels, and is the set then another?"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from concepts.worlds import FILES, write_folder
from prunescope.base.errors import ConfigError
from prunescope.concepts import open_concepts
from prunescope.concepts.resized import resize_planes


def nearest_by_distance(length: int, side: int) -> list[int]:
    """Return the pixel whose centre is nearest to each new one's; of two, the later."""
    centres = [(pixel + 0.5) / length for pixel in range(length)]
    found = []
    for new in range(side):
        distances = [abs(centre - (new + 0.5) / side) for centre in centres]
        least = min(distances)
        found.append(max(i for i in range(length) if distances[i] < least + 1e-9))
    return found


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 60))
def test_a_pixel_takes_the_label_nearest_to_its_centre(height, width, side):
    planes = np.arange(2 * height * width, dtype=np.int32).reshape(2, height, width)
    rows, columns = nearest_by_distance(height, side), nearest_by_distance(width, side)
    expected = [[[plane[i, j] for j in columns] for i in rows] for plane in planes]
    found = resize_planes(planes, side)
    assert found.tolist() == expected
    assert found.dtype == np.int32


def test_without_planes_the_size_is_still_the_one_asked_for():
    assert resize_planes(np.zeros((0, 3, 5), np.int32), 7).shape == (0, 7, 7)


def test_a_set_of_one_size_is_another_set_with_the_same_images(tmp_path):
    name = f"broden:{write_folder(tmp_path / 'set', FILES)}"
    plain, small, large = (open_concepts(name, mask_size=size) for size in (None, 3, 8))
    assert len({plain.fingerprint, small.fingerprint, large.fingerprint}) == 3
    assert small.fingerprint == open_concepts(name, mask_size=3).fingerprint
    assert (small.images, small.labels, small.name) == (plain.images, plain.labels, plain.name)
    for index in range(len(plain.images)):
        stored, resized = plain.read_annotation(index), small.read_annotation(index)
        assert resized.shape == (3, 3)
        assert resized.whole == stored.whole
        assert np.array_equal(resized.planes, resize_planes(stored.planes, 3))
        assert small.read_image(index).size == plain.read_image(index).size


@pytest.mark.parametrize("size", [0, -1, 16_385])
def test_a_size_that_no_map_can_have_is_refused(tmp_path, size):
    with pytest.raises(ConfigError, match=f"mask_size is {size}, but must be from 1 to 16,384"):
        open_concepts(f"broden:{write_folder(tmp_path / 'set', FILES)}", mask_size=size)
