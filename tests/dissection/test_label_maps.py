"""Do labels come back as they were put in, wherever they were held?"""

import numpy as np
import pytest
import torch

from labelled import Labelled
from prunescope.concepts.protocol import Annotation, Label
from prunescope.dissection.label_maps import LabelMaps
from prunescope.dissection.regions import RegionReader, label_sums

CATEGORIES = ("color", "object", "scene")
LABELS = tuple(
    Label(number=number, name=str(number), category=CATEGORIES[number % 3])
    for number in (1, 2, 3, 4, 6, 7, 9, 300)
)


def make_images(source, count=12):
    images = []
    for place in range(count):
        shape = (3, 5) if place % 4 else (2, 4)
        planes = source.choice([0, 0, 1, 2, 4, 7, 9], (place % 4, *shape)).astype(np.int32)
        whole = tuple(int(number) for number in source.choice([3, 6, 300, 2], place % 3))
        images.append(Annotation(planes=planes, whole=whole))
    return images


def fill(images, memory, labels=LABELS, categories=CATEGORIES):
    """Return the label maps of annotations, what was put in, and which are read again."""
    concepts = Labelled(annotations=tuple(images), labels=labels, categories=categories)
    reader = RegionReader(labels)
    regions = [reader.read(image, "an image") for image in images]
    label_maps = LabelMaps(concepts, reader, memory)
    label_maps.add(range(len(images)), regions)
    return label_maps, regions, concepts.asked


@pytest.mark.parametrize("memory", [0, 1500, 1 << 20])
def test_every_pixel_carries_what_it_did_for_any_memory(memory):
    images = make_images(np.random.default_rng(0))
    label_maps, regions, asked = fill(images, memory)
    for image, expected in enumerate(regions):
        found = label_maps.regions(image)
        assert np.array_equal(found.label_indices, expected.label_indices)
        assert np.array_equal(found.truth, expected.truth)
        assert found.shape == expected.shape
        assert sorted(found.whole) == sorted(expected.whole)
        cpu = torch.device("cpu")
        sums = [label_sums([one], torch.float32, cpu) for one in (found, expected)]
        assert torch.equal(*sums)
    assert len(asked) == {0: 12, 1500: len(asked), 1 << 20: 0}[memory]
    assert memory != 1500 or 0 < len(asked) < 12


@pytest.mark.parametrize("memory", [0, 1 << 20])
def test_a_category_has_its_own_labels_alone(memory):
    annotation = Annotation(
        planes=np.array([[[1, 2, 4, 0]], [[0, 7, 7, 9]]], np.int32), whole=(300, 6)
    )
    label_maps, _, _ = fill([annotation], memory)
    assert label_maps.carried.tolist() == [[True, True, True]]
    color, object_, scene = (label_maps.of(0, place) for place in range(3))
    assert [LABELS[index].number for index in color.label_indices] == [6, 9, 300]
    assert color.codes.tolist() == [[0, 0, 0, 2]]
    assert [LABELS[color.label_indices[code - 1]].number for code in color.whole] == [6, 300]
    # Both planes of objects fit into one but where the pixel has 4 and 7.
    assert [LABELS[index].number for index in object_.label_indices] == [1, 4, 7]
    assert object_.codes.tolist() == [[1, 3, 2, 0], [0, 0, 3, 0]]
    assert object_.truth.tolist() == [1, 1, 2]
    assert scene.codes.tolist() == [[0, 1, 0, 0]]
    assert scene.whole == ()


def test_more_labels_than_a_byte_can_number_are_held_too():
    labels = tuple(
        Label(number=number, name=str(number), category="color") for number in range(1, 400)
    )
    plane = np.arange(400, dtype=np.int32).reshape(1, 20, 20)
    annotation = Annotation(planes=plane, whole=())
    label_maps, (region,), asked = fill([annotation], 1 << 20, labels, ("color",))
    assert np.array_equal(label_maps.regions(0).codes, region.codes)
    assert np.array_equal(label_maps.of(0, 0).codes, region.codes)
    assert asked == []
