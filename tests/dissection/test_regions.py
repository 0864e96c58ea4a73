"""Does a pixel carry exactly the labels its annotation gives it?"""

import numpy as np
import pytest
import torch

from prunescope.base.errors import DataError
from prunescope.concepts.protocol import Annotation
from prunescope.dissection.regions import RegionReader, label_table


def carried(*regions):
    """Return how often every pixel carries each label, label by label."""
    return label_table(regions, torch.device("cpu")).T.int().tolist()


def test_a_pixel_with_one_label_in_two_planes_carries_it_once(annotate, labels):
    regions = RegionReader(labels).read(annotate([[3, 0], [5, 0]], [[3, 9], [0, 0]]), "0.png")
    assert regions.columns.tolist() == [0, 1, 2]
    assert carried(regions) == [[1, 0, 0, 0], [0, 0, 1, 0], [0, 1, 0, 0]]
    assert regions.truth.tolist() == [1, 1, 1]
    assert regions.shape == (2, 2)


def test_a_whole_image_label_fills_the_map_beside_the_planes(annotate, labels):
    regions = RegionReader(labels).read(annotate([[5, 0, 9]], whole=(9, 9)), "0.png")
    assert regions.columns.tolist() == [1, 2]
    assert carried(regions) == [[1, 0, 0], [1, 1, 1]]
    assert regions.truth.tolist() == [1, 3]


def test_an_image_without_planes_keeps_the_size_of_its_label_map(labels):
    annotation = Annotation(planes=np.zeros((0, 2, 3), np.int32), whole=(3,))
    regions = RegionReader(labels).read(annotation, "0.png")
    assert regions.shape == (2, 3)
    assert carried(regions) == [[1] * 6]
    assert regions.truth.tolist() == [6]


def test_a_plane_of_zeros_carries_nothing(annotate, labels):
    regions = RegionReader(labels).read(annotate([[0, 0]]), "0.png")
    assert carried(regions) == []
    assert regions.pixels == 2


def test_a_label_the_set_does_not_list_is_refused_with_the_image(annotate, labels):
    with pytest.raises(DataError, match=r"0\.png carries label 4"):
        RegionReader(labels).read(annotate([[3, 4]]), "0.png")


def test_where_planes_count_one_by_one_a_pixel_carries_a_label_twice(annotate, labels):
    annotation = annotate([[3, 0]], [[3, 9]], whole=(9,))
    regions = RegionReader(labels, once=False).read(annotation, "0.png")
    assert carried(regions) == [[2, 0], [1, 2]]
    assert regions.truth.tolist() == [2, 3]


def test_planes_may_count_one_by_one_in_the_truth_alone(annotate, labels):
    annotation = annotate([[3, 0]], [[3, 9]], whole=(9,))
    regions = RegionReader(labels, truth_once=False).read(annotation, "0.png")
    assert carried(regions) == [[1, 0], [1, 1]]
    assert regions.truth.tolist() == [2, 3]


def test_the_tables_of_several_images_stand_one_below_the_other(annotate, labels):
    reader = RegionReader(labels)
    some = reader.read(annotate([[3, 5]]), "0.png"), reader.read(annotate([[9, 0]]), "1.png")
    assert carried(*some) == [[1, 0, 1, 0], [0, 1, 0, 0]]
