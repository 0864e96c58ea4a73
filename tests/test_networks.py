"""Do the networks that people use build, train, prune, keep their masks, and dissect?"""

from pathlib import Path

import pytest
import torch

import prunescope as ps
from prunescope.base.seeding import Seeds
from prunescope.base.steps import Step
from prunescope.concepts import open_concepts
from prunescope.concepts.protocol import ConceptSet
from prunescope.data.images import LabelledImages
from prunescope.imaging.network_input import Normalisation
from prunescope.networks.loading import load_network
from prunescope.pruning.patterns import Prunable
from prunescope.training.loop import train
from prunescope.training.settings import TrainingSettings

NETWORKS: list[tuple[str, int, str, Prunable]] = [
    ("torchvision:alexnet", 64, "features.11", "conv"),
    ("torchvision:vgg16", 32, "features.29", "conv"),
    ("torchvision:googlenet", 64, "inception5b", "all"),
    ("torchvision:resnet18", 64, "layer4", "all"),
    ("torchvision:resnet50", 64, "layer4", "all"),
    ("torchvision:resnet152", 64, "layer4", "conv"),
    ("torchvision:densenet161", 64, "features.denseblock4", "all"),
    ("timm:convnext_atto", 64, "stages", "all"),
    ("timm:vit_tiny_patch16_224,img_size=48", 48, "blocks", "all"),
]
"""Names, the smallest images that leave a map, the layer dissected by default, what is pruned.

Of AlexNet and VGG-16 `all` would be 57 and 134 million weights, which takes half a minute to rank.
"""

QUICK = ("alexnet", "resnet18", "convnext_atto")


@pytest.fixture(scope="module")
def pictures(drawn: Path) -> ConceptSet:
    return open_concepts(f"broden:{drawn}", limit=2)


def two_images(side: int) -> LabelledImages:
    pixels = torch.randint(0, 256, (2, side, side, 3), generator=torch.Generator().manual_seed(1))
    return LabelledImages(
        pixels=pixels.to(torch.uint8), labels=torch.tensor([0, 1]), classes=("a", "b")
    )


@pytest.mark.parametrize(
    ("name", "side", "layer", "prunable"),
    [
        pytest.param(*network, marks=() if network[0].endswith(QUICK) else pytest.mark.long)
        for network in NETWORKS
    ],
)
def test_a_network_is_pruned_trained_a_step_keeps_its_mask_and_is_dissected(
    name: str, side: int, layer: str, prunable: Prunable, pictures: ConceptSet
) -> None:
    loaded = load_network(name, num_classes=2)
    network, expected = loaded.module, loaded.input
    assert expected is not None
    mask = ps.prune(network, keep=0.25, prunable=prunable, scope="layerwise")
    assert mask.keep == pytest.approx(0.25, abs=1e-3)
    last = list(mask)[-1]
    before = network.state_dict()[last].clone()
    train(
        network,
        two_images(side),
        settings=TrainingSettings(to="1ep", batch_size=2, learning_rate=0.01, weight_decay=1e-4),
        normalisation=Normalisation(mean=expected.mean, std=expected.std),
        seeds=Seeds.equal(0),
        start=Step(0, 1),
        end=Step(1, 1),
        after_step=ps.MaskKeeper(network, mask),
    )
    state = network.state_dict()
    assert not mask.revived(state)
    assert not torch.equal(state[last], before), "the step changed nothing"
    found = ps.dissect(network, None, pictures, resolution=side, quantile=0.2, batch_size=2)
    assert list(found.layers) == [layer]
    units = found.layers[layer].units
    assert len(units) > 2
    assert units["threshold"].notna().all()
