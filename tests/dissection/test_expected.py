"""Does a real network on real photographs give the numbers of an independent dissection?"""

import pytest
import torch
import torchvision

from expected import check_as_expected
from prunescope.concepts import open_concepts
from prunescope.dissection.run import dissect

LAYERS = {"layer4": (36, 14), "layer3": (15, 11)}  # interpretable units, concepts


@pytest.fixture(scope="module")
def concepts(shared):
    return open_concepts(f"broden:{shared}/data/minibroden_224")


@pytest.fixture(scope="module")
def dissection(shared, concepts):
    path = shared / "models/resnet18_tinyimagenet.pth"
    stored = torch.load(path, map_location="cpu", weights_only=True)
    network = torchvision.models.resnet18(num_classes=200)
    network.load_state_dict(stored)
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    yield dissect(network, list(LAYERS), concepts)
    torch.set_num_threads(threads)


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.parametrize("layer", LAYERS)
def test_every_unit_equals_the_expected_one(dissection, shared, layer):
    table = shared / f"data/expected/resnet18_tinyimagenet_{layer}.csv"
    check_as_expected(dissection.layers[layer], table)


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.parametrize(("layer", "counts"), LAYERS.items())
def test_interpretable_units_and_concepts_are_as_many_as_expected(dissection, layer, counts):
    summary = dissection.summary()["layers"][layer]
    assert (summary["interpretable"], summary["concepts"]) == counts
