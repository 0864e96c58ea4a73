"""Does a real network on real photographs give the numbers of an independent dissection?"""

import subprocess
import sys

import pytest
import torch
import torchvision

from expected import check_as_expected
from prunescope import dissect
from prunescope.imaging.network_input import IMAGENET
from prunescope.results.dissection import LayerDissection

LAYERS = {"layer4": (36, 14), "layer3": (15, 11)}  # interpretable units, concepts


@pytest.fixture(scope="module", params=["one pass", "two passes", "two processes"])
def dissection(request, shared, tmp_path_factory):
    concepts = f"broden:{shared}/data/minibroden_224"
    weights = shared / "models/resnet18_tinyimagenet.pth"
    if request.param == "two processes":
        out = tmp_path_factory.mktemp("shared work") / "D"
        command = (
            f"-m torch.distributed.run --nproc-per-node 2 -m prunescope dissect "
            f"torchvision:resnet18 --weights {weights} --num-classes 200 --layer layer4 "
            f"--layer layer3 --concepts {concepts}"
        ).split()
        subprocess.run([sys.executable, *command, "--out", str(out)], check=True)
        return {layer: LayerDissection.load(out / layer) for layer in LAYERS}
    network = torchvision.models.resnet18(num_classes=200)
    network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    memory = 0 if request.param == "two passes" else "2GiB"
    found = dissect(network, list(LAYERS), concepts, memory=memory, **vars(IMAGENET))
    torch.set_num_threads(threads)
    assert set(found.passes.values()) == {2 if memory == 0 else 1}
    return found.layers


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.parametrize("layer", LAYERS)
def test_every_unit_equals_the_expected_one(dissection, shared, layer):
    table = shared / f"data/expected/resnet18_tinyimagenet_{layer}.csv"
    check_as_expected(dissection[layer], table)


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.parametrize(("layer", "counts"), LAYERS.items())
def test_interpretable_units_and_concepts_are_as_many_as_expected(dissection, layer, counts):
    summary = dissection[layer].summary
    assert (summary["interpretable"], summary["concepts"]) == counts
