"""Does a real network on real photographs give the numbers of an independent dissection?"""

import numpy as np
import pandas as pd
import pytest
import torch
import torchvision

from prunescope.concepts import open_concepts
from prunescope.dissection.run import dissect
from prunescope.dissection.scores import iou_matrix

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
def test_every_unit_equals_the_expected_one(dissection, concepts, shared, layer):
    expected = pd.read_csv(shared / f"data/expected/resnet18_tinyimagenet_{layer}.csv")
    units = dissection.layers[layer].units
    assert units["unit"].tolist() == expected["unit"].tolist()
    away = (units["threshold"] - expected["threshold"]).abs()
    assert (away <= 1e-4 * expected["threshold"].abs()).all()
    assert ((units["iou"] - expected["iou"]).abs() <= 2e-4).all()
    assert units["truth"].tolist() == expected["truth"].tolist()
    # The rounding of another machine may swap labels whose IoUs are as close as this.
    clear = runner_up_gap(dissection.layers[layer], concepts.labels) > 1e-3
    assert clear.sum() > 0.5 * len(units)
    assert units["label"][clear].tolist() == expected["label"][clear].tolist()


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.parametrize(("layer", "counts"), LAYERS.items())
def test_interpretable_units_and_concepts_are_as_many_as_expected(dissection, layer, counts):
    summary = dissection.summary()["layers"][layer]
    assert (summary["interpretable"], summary["concepts"]) == counts


def runner_up_gap(layer, labels):
    """Return how far each unit's best IoU is above its second best."""
    categories = [layer.overlap.categories.index(label.category) for label in labels]
    ious = np.nan_to_num(iou_matrix(layer.overlap, np.array(categories)))
    second, best = np.sort(ious, axis=1)[:, -2:].T
    return best - second
