import numpy as np

from prunescope.concepts.protocol import Annotation
from prunescope.report.pages.pictures import write_region


def test_a_region_is_runs_without_and_with_the_label_in_turn() -> None:
    plane = np.array([[5, 5, 0], [0, 5, 5]], np.int32)
    annotation = Annotation(planes=plane[None], whole=())
    assert write_region(annotation, 5) == [2, 3, [0, 2, 2, 2]]
    assert write_region(annotation, 6) == [2, 3, [6]]


def test_a_label_of_the_whole_image_fills_its_map() -> None:
    annotation = Annotation(planes=np.zeros((0, 2, 3), np.int32), whole=(7,))
    assert write_region(annotation, 7) == [2, 3, [0, 6]]


def test_any_plane_counts_and_large_maps_are_read_at_pixel_centres() -> None:
    planes = np.zeros((2, 128, 256), np.int32)
    planes[0, :, :128], planes[1, :, 252:] = 5, 5
    annotation = Annotation(planes=planes, whole=())
    height, width, runs = write_region(annotation, 5)
    assert (height, width) == (32, 64)
    assert runs == [0, 32, 31, *([33, 31] * 31), 1]
