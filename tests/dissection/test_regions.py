"""Does a pixel carry exactly the labels its annotation gives it?"""

import numpy as np
import pytest
import torch

from prunescope.base.errors import DataError
from prunescope.concepts.protocol import Annotation
from prunescope.dissection.regions import RegionReader, label_sums


def carried(regions):
    """Return how often every pixel carries each label, label by label."""
    return carried_by([regions])[0, : len(regions.label_indices)].flatten(1).int().tolist()


def carried_by(regions):
    """Return the same of several images, [image, label, row, column]."""
    rows, columns = regions[0].shape
    sums = label_sums(regions, torch.float32, torch.device("cpu"))
    return sums.view(len(regions), rows + 1, columns, -1).diff(dim=1).permute(0, 3, 1, 2)


def test_a_pixel_with_one_label_in_two_planes_carries_it_once(annotate, labels):
    regions = RegionReader(labels).read(annotate([[3, 0], [5, 0]], [[3, 9], [0, 0]]), "0.png")
    assert regions.label_indices.tolist() == [0, 1, 2]
    assert carried(regions) == [[1, 0, 0, 0], [0, 0, 1, 0], [0, 1, 0, 0]]
    assert regions.truth.tolist() == [1, 1, 1]
    assert regions.shape == (2, 2)


def test_a_whole_image_label_fills_the_map_beside_the_planes(annotate, labels):
    regions = RegionReader(labels).read(annotate([[5, 0, 9]], whole=(9, 9)), "0.png")
    assert regions.label_indices.tolist() == [1, 2]
    assert carried(regions) == [[1, 0, 0], [1, 1, 1]]
    assert regions.truth.tolist() == [1, 3]


def test_an_image_without_planes_keeps_the_size_of_its_label_map(labels):
    annotation = Annotation(planes=np.zeros((0, 2, 3), np.int32), whole=(3,))
    regions = RegionReader(labels).read(annotation, "0.png")
    assert regions.shape == (2, 3)
    assert carried(regions) == [[1] * 6]
    assert regions.truth.tolist() == [6]


def test_a_zero_among_the_labels_of_the_whole_image_is_none(annotate, labels):
    regions = RegionReader(labels).read(annotate([[3, 5]], whole=(0, 9)), "0.png")
    assert carried(regions) == [[1, 0], [0, 1], [1, 1]]
    assert regions.truth.tolist() == [1, 1, 2]


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


def test_sums_run_down_the_columns_of_every_image(annotate, labels):
    reader = RegionReader(labels)
    some = [
        reader.read(annotate([[3, 5], [3, 3], [0, 5]]), "0.png"),
        reader.read(annotate([[9, 0], [0, 0], [9, 9]]), "1.png"),
    ]
    sums = label_sums(some, torch.float32, torch.device("cpu")).view(2, 4, 2, -1)
    assert sums[0, :, 0, 0].tolist() == [0, 1, 2, 2]
    assert sums[0, :, 1, 0].tolist() == [0, 0, 1, 1]
    assert sums[0, :, 1, 1].tolist() == [0, 1, 1, 2]
    assert sums[1, :, 0, 0].tolist() == [0, 1, 1, 2]
    assert not sums[1, ..., 1:].any()
    assert carried_by(some)[1, 0].tolist() == [[1, 0], [0, 0], [1, 1]]


@pytest.mark.parametrize("number", [-1, 4, 8, 1 << 30])
@pytest.mark.parametrize("everywhere", [False, True])
def test_no_number_that_the_set_lacks_is_taken_for_another(annotate, labels, number, everywhere):
    planes = [[3, 0 if everywhere else number]]
    annotation = annotate(planes, whole=(number,) if everywhere else ())
    with pytest.raises(DataError, match=rf"0\.png carries label {number}, which"):
        RegionReader(labels).read(annotation, "0.png")
