"""Fed the same activations, do the naive oracle and the fast code give identical integers?"""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision

from prunescope.concepts import open_concepts
from prunescope.concepts.protocol import Annotation, Label
from prunescope.dissection.capture import capture
from prunescope.dissection.first_pass import FirstPass
from prunescope.dissection.forward import read_pixels
from prunescope.dissection.overlap import OverlapTally
from prunescope.dissection.quantile import Cut, cells_above
from prunescope.dissection.regions import RegionReader
from prunescope.dissection.scores import score_units
from prunescope.imaging.network_input import NetworkInput
from prunescope.imaging.normalise import normalise

CATEGORIES = ("color", "object", "part")


@pytest.fixture(scope="module")
def oracle():
    path = Path(__file__).parent.parent / "oracle" / "dissection.py"
    spec = importlib.util.spec_from_file_location("oracle_of_dissection", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def tally_fast(activations, annotations, labels, categories, quantile):
    """Return the counts of activations [image, unit, height, width], a few images at a time."""
    maps = torch.from_numpy(activations)
    above = cells_above(quantile, maps[:, 0].numel(), "the maps")
    cut = Cut(cells=maps[:, 0].numel(), above=above)
    first_pass = FirstPass(maps, cut, examples=1, image_count=len(maps))
    for number, some in enumerate(maps.split(4)):
        first_pass.add(number, some, torch.arange(len(some)) + 4 * number)
    tally = OverlapTally(first_pass.end().thresholds, labels, categories)
    reader = RegionReader(labels)
    for number in range(len(maps.split(4))):
        regions = [reader.read(one, "an image") for one in annotations[4 * number : 4 * number + 4]]
        assert list(tally.add(first_pass.kept.take(number), regions))
    return tally.overlap()


def assert_equal(expected, overlap, labels, iou):
    assert np.array_equal(overlap.thresholds, expected.thresholds)
    assert np.array_equal(overlap.intersection, expected.intersection)
    assert np.array_equal(overlap.activation, expected.activation)
    assert np.array_equal(overlap.truth, expected.truth)
    units = score_units(overlap, iou=iou)
    best_label = units["label"].astype(object).where(units["label"].notna(), None)
    assert best_label.tolist() == expected.best_label
    assert np.array_equal(units["iou"], expected.best_iou, equal_nan=True)
    assert np.array_equal(units["dead"], expected.dead)
    assert np.array_equal(units["interpretable"], expected.interpretable)


def random_activations(source, kind, images, side):
    values = source.normal(0, 1, (images, 6, side, side))
    values[:, 5] = -1  # never above its threshold: dead
    if kind == "rectified":
        values[:, :3] = (values[:, :3] - 2.6).clip(0)  # so sparse that the threshold is 0
    if kind == "quantised":
        values[:, :4] = (values[:, :4] * 4).round() / 4  # many cells at the threshold
    return values.astype(np.float32)


@pytest.mark.parametrize(
    ("kind", "side", "height", "width"),
    [
        *(
            (kind, *sizes)
            for kind in ("smooth", "rectified")
            for sizes in ((4, 16, 8), (7, 28, 28), (5, 13, 9), (9, 4, 6))
        ),
        # Where the oracle's weights are powers of two, it does not round ties either.
        ("quantised", 4, 16, 8),
        ("quantised", 8, 32, 8),
    ],
)
def test_random_worlds_give_the_same_integers(oracle, kind, side, height, width):
    source = np.random.default_rng([side, height, width])
    labels = [
        Label(number=number, name=f"label {number}", category=source.choice(CATEGORIES))
        for number in (1, 2, 4, 7, 8, 300)
    ]
    numbers = [0, 0, *(label.number for label in labels[:5])]
    planes = source.choice(numbers, (30, 2, height, width)).astype(np.int32)
    planes[::3, 1] = planes[::3, 0]  # one label in both planes
    planes[::4, 1] = 0
    wholes = [tuple(source.choice([1, 300], 2)) if source.random() < 0.3 else () for _ in planes]
    wholes = [tuple(int(number) for number in whole) for whole in wholes]
    activations = random_activations(source, kind, len(planes), side)
    annotations = [
        Annotation(planes=plane, whole=whole) for plane, whole in zip(planes, wholes, strict=True)
    ]
    world = oracle.World(
        categories=list(CATEGORIES),
        names={label.number: label.name for label in labels},
        primary={label.number: label.category for label in labels},
        images=[
            oracle.LabelledImage(
                path="", height=height, width=width, planes=list(plane), whole=list(whole)
            )
            for plane, whole in zip(planes, wholes, strict=True)
        ],
    )
    expected = oracle.dissect(activations, world, quantile=0.02)
    overlap = tally_fast(activations, annotations, labels, CATEGORIES, 0.02)
    assert expected.dead.any()
    assert not expected.dead.all()
    assert_equal(expected, overlap, labels, iou=0.05)


@pytest.mark.real
@pytest.mark.parametrize("layer", ["layer4", "layer3"])
def test_real_photographs_give_the_same_integers(oracle, shared, layer):
    folder = shared / "data/minibroden_224"
    concepts = open_concepts(f"broden:{folder}", limit=24)
    network = torchvision.models.resnet18(num_classes=200)
    path = shared / "models/resnet18_tinyimagenet.pth"
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    form = NetworkInput(resolution=64, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
    pixels = read_pixels(concepts, range(24), form.resolution)
    with capture(network, [layer]) as maps, torch.no_grad():
        network(normalise(torch.from_numpy(pixels), form, channels_last=True))
    activations = maps[layer].contiguous().numpy()
    expected = oracle.dissect(activations, oracle.read_broden(folder, limit=24), quantile=0.02)
    annotations = [concepts.read_annotation(image) for image in range(24)]
    overlap = tally_fast(activations, annotations, concepts.labels, concepts.categories, 0.02)
    assert_equal(expected, overlap, concepts.labels, iou=0.05)
