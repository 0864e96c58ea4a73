"""Is a hollow network the same network, but for the weights nobody draws?"""

import subprocess
import sys

import pytest
import torch
from torch import nn

from prunescope.networks.hollow import build_hollow
from prunescope.networks.registry import build

NAMES = [
    "cifar_resnet20,width=0.25",
    "torchvision:resnet18",
    "torchvision:inception_v3",  # draws until every weight lies within bounds
    "torchvision:squeezenet1_1",
    "timm:test_vit",
    "timm:test_convnext",
]


@pytest.mark.parametrize("name", NAMES)
def test_it_has_the_tensors_of_the_network_in_their_order(name):
    hollow, whole = (make.state_dict() for make in (build_hollow(name), build(name, seed=0)))
    assert [(key, value.shape, value.dtype) for key, value in hollow.items()] == [
        (key, value.shape, value.dtype) for key, value in whole.items()
    ]


def test_no_weight_is_drawn_and_the_global_generator_is_left_alone():
    before = torch.get_rng_state()
    network = build_hollow("cifar_resnet20", num_classes=7)
    assert network.linear.out_features == 7
    assert all(
        len(module.weight.unique()) == 1
        for module in network.modules()
        if isinstance(module, nn.Conv2d | nn.Linear)
    )
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.long
def test_torchvision_comes_without_the_compiler_which_can_still_be_had():
    program = (
        "import sys; from prunescope.networks.hollow import build_hollow;"
        "build_hollow('torchvision:resnet18');"
        "print('torch._dynamo' in sys.modules);"
        "from torchvision.ops import roi_align;"
        "scope = sys.modules['torchvision.ops.roi_align'].__dict__;"
        "print(scope['is_compile_supported']('cpu') in (True, False));"
        "import torch._dynamo.utils; print(hasattr(torch._dynamo.utils, 'counters'))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert answer.stdout.split() == ["False", "True", "True"]
