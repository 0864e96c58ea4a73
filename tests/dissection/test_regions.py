"""Does a pixel carry exactly the labels its annotation gives it?"""

import pytest

from prunescope.base.errors import DataError
from prunescope.dissection.regions import RegionReader


def test_a_pixel_with_one_label_in_two_planes_carries_it_once(annotate, labels):
    regions = RegionReader(labels).read(annotate([[3, 0], [5, 0]], [[3, 9], [0, 0]]), "0.png")
    assert regions.columns.tolist() == [0, 1, 2]
    assert regions.pixels.int().tolist() == [[1, 0, 0, 0], [0, 0, 1, 0], [0, 1, 0, 0]]
    assert regions.shape == (2, 2)


def test_a_whole_image_label_fills_the_map_beside_the_planes(annotate, labels):
    regions = RegionReader(labels).read(annotate([[5, 0, 9]], whole=(9, 9)), "0.png")
    assert regions.columns.tolist() == [1, 2]
    assert regions.pixels.int().tolist() == [[1, 0, 0], [1, 1, 1]]


def test_an_image_without_planes_keeps_the_size_of_its_label_map(labels):
    import numpy as np

    from prunescope.concepts.protocol import Annotation

    annotation = Annotation(planes=np.zeros((0, 2, 3), np.int32), whole=(3,))
    regions = RegionReader(labels).read(annotation, "0.png")
    assert regions.shape == (2, 3)
    assert regions.pixels.sum() == 6


def test_a_plane_of_zeros_carries_nothing(annotate, labels):
    regions = RegionReader(labels).read(annotate([[0, 0]]), "0.png")
    assert regions.pixels.shape == (0, 2)


def test_a_label_the_set_does_not_list_is_refused_with_the_image(annotate, labels):
    with pytest.raises(DataError, match=r"0\.png carries label 4"):
        RegionReader(labels).read(annotate([[3, 4]]), "0.png")
