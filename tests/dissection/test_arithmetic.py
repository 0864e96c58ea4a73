"""Does a dissection count the same by every arithmetic?"""

import numpy as np
import pytest
import torch
import torchvision
from torch import nn

from expected import largest_activations
from painted import PaintedSet
from prunescope import dissect
from prunescope.base.errors import ConfigError
from prunescope.base.images import IMAGENET_MEAN, IMAGENET_STD
from prunescope.concepts import open_concepts
from prunescope.concepts.protocol import Annotation, Label
from prunescope.dissection.forward import read_pixels
from prunescope.imaging.network_input import Normalisation
from prunescope.imaging.normalise import normalise

FORM = {"resolution": 16, "mean": (0.5, 0.5, 0.5), "std": (0.25, 0.25, 0.25)}
LAYERS = ["stem", "block", "block.conv1", "block.bn1", "block.conv2", "tail"]


class Block(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, groups=2)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, maps):
        return self.relu(self.bn2(self.conv2(self.relu(self.bn1(self.conv1(maps))))) + maps)


class Net(nn.Module):
    """A residual block behind a stem, and a normalisation before the last convolution."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8))
        self.block = Block(8)
        self.norm = nn.BatchNorm2d(8)
        self.tail = nn.ConvTranspose2d(8, 6, 2, stride=2)

    def forward(self, images):
        return self.tail(self.norm(self.block(self.stem(images)))).mean((2, 3))


def with_statistics(network, generator):
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.3, generator=generator)
            module.running_var.uniform_(0.5, 2, generator=generator)
    return network


def estimate_statistics(network, pixels):
    """Have a random network normalise by its own statistics on photographs, as a trained one."""
    normalisation = Normalisation(mean=IMAGENET_MEAN, std=IMAGENET_STD)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
    with torch.no_grad():
        network.train()(normalise(torch.from_numpy(pixels), normalisation))


@pytest.fixture
def network():
    torch.manual_seed(3)
    return with_statistics(Net(), torch.Generator().manual_seed(4))


@pytest.fixture
def noise():
    """Ten pictures of noise, half of each labelled."""
    random = np.random.default_rng(0)
    labels = tuple(Label(number=n, name=f"part {n}", category="part") for n in (1, 2, 3))
    planes = [np.repeat(random.integers(0, 4, (1, 4, 4)), 4, 1).repeat(4, 2) for _ in range(10)]
    return PaintedSet(
        pictures=tuple(random.integers(0, 256, (16, 16, 3), np.uint8) for _ in range(10)),
        annotations=[Annotation(planes=plane.astype(np.int32), whole=()) for plane in planes],
        labels=labels,
        categories=("part",),
    )


def check_equal(plain, other, swapping=0):
    """Check two dissections of a layer as the method asks.

    swapping: how many units may have two cells at the threshold that are equal up to rounding, one
    of which other sums put on the other side: their IoUs move by more.
    """
    thresholds = (plain.units["threshold"] - other.units["threshold"]).abs().to_numpy()
    assert (thresholds <= 1e-4 * largest_activations(plain)).all()
    moved = (plain.units["iou"] - other.units["iou"]).abs()
    assert (moved > 2e-4).sum() <= swapping
    assert moved.max() <= 3e-4
    assert plain.units["concept"].equals(other.units["concept"])


def test_folded_units_are_those_of_the_plain_pass_at_every_layer(network, noise):
    plain, folded = (
        dissect(network, LAYERS, noise, quantile=0.05, arithmetic=arithmetic, **FORM)
        for arithmetic in ("plain", "folded")
    )
    for layer in LAYERS:
        check_equal(plain[layer], folded[layer])
    assert folded["block"].summary["settings"]["arithmetic"] == "folded"
    thresholds = [found["tail"].overlap.thresholds for found in (plain, folded)]
    assert not np.array_equal(*thresholds)  # it was not the plain pass all the same


def test_a_layers_bits_do_not_depend_on_which_others_are_dissected(network, noise):
    together = dissect(network, LAYERS, noise, quantile=0.05, **FORM)
    for layer in ("block", "block.conv1", "tail"):
        alone = dissect(network, layer, noise, quantile=0.05, **FORM)[layer]
        assert np.array_equal(alone.overlap.thresholds, together[layer].overlap.thresholds)


def test_two_passes_fold_as_one_does(network, noise):
    one = dissect(network, LAYERS, noise, quantile=0.05, **FORM)
    two = dissect(network, LAYERS, noise, quantile=0.05, memory=0, **FORM)
    assert set(two.passes.values()) == {2}
    for layer in LAYERS:
        assert np.array_equal(one[layer].overlap.thresholds, two[layer].overlap.thresholds)
        assert one[layer].units["intersection"].equals(two[layer].units["intersection"])


def test_plain_is_what_dissections_were_before_there_was_a_choice(network, noise):
    layer = dissect(network, "block", noise, quantile=0.05, arithmetic="plain", **FORM)["block"]
    pixels = np.stack([noise.read_image(index) for index in range(10)]).astype(np.float32)
    images = torch.from_numpy((pixels / 255 - 0.5) / 0.25).permute(0, 3, 1, 2).contiguous()
    with torch.inference_mode():
        maps = network.eval().block(network.stem(images))
    highest = maps.amax((0, 2, 3)).numpy()
    peaks = layer.examples[layer.examples["rank"] == 0]["peak"].to_numpy()
    assert np.allclose(peaks, highest, rtol=1e-6)


def test_the_network_is_as_it_was_after_a_folded_dissection(network, noise):
    before = {key: tensor.clone() for key, tensor in network.state_dict().items()}
    dissect(network, LAYERS, noise, quantile=0.05, **FORM)
    after = network.state_dict()
    assert all(torch.equal(after[key], before[key]) for key in before)
    assert not any("forward" in vars(module) for module in network.modules())


def test_masks_of_a_folded_dissection_are_those_of_a_plain_one(network, noise):
    pictures = [noise.read_image(index) for index in range(3)]
    masks = []
    for arithmetic in ("plain", "folded"):
        layer = dissect(network, "block.conv1", noise, quantile=0.05, arithmetic=arithmetic, **FORM)
        masks.append(layer["block.conv1"].masks(network, pictures, [0, 3]))
    different = sum(int((a != b).sum()) for a, b in zip(*masks, strict=True))
    assert sum(int(mask.sum()) for mask in masks[0]) > 10
    assert different <= 1


@pytest.mark.long
@pytest.mark.parametrize("memory", ["1GiB", 0], ids=["one pass", "two passes"])
def test_compiled_units_are_those_of_the_plain_pass_at_every_layer(network, noise, memory):
    form = {**FORM, "quantile": 0.05, "batch_size": 4, "memory": memory}  # 4 + 4 + 2 images
    plain, compiled = (
        dissect(network, LAYERS, noise, arithmetic=arithmetic, **form)
        for arithmetic in ("plain", "compiled")
    )
    assert set(compiled.passes.values()) == {2 if memory == 0 else 1}
    for layer in LAYERS:
        check_equal(plain[layer], compiled[layer])


@pytest.mark.long
def test_a_compiled_layer_without_maps_is_refused_as_ever(network, noise):
    network.twice = nn.Identity()
    network.forward = lambda images: network.twice(
        network.twice(network.block(network.stem(images)))
    )
    with pytest.raises(ConfigError, match="was called more than once in one forward pass"):
        dissect(network, "twice", noise, quantile=0.05, arithmetic="compiled", **FORM)


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_real_photographs_give_the_same_units_by_every_arithmetic(shared, name):
    concepts = open_concepts(f"broden:{shared}/data/minibroden_224", limit=500)
    torch.manual_seed(0)
    network = getattr(torchvision.models, name)(num_classes=200)
    if name == "resnet18":
        weights = shared / "models/resnet18_tinyimagenet.pth"
        network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    else:
        estimate_statistics(network, read_pixels(concepts, range(0, 500, 10), 224))
    layers = ["layer4", "layer4.0.conv1", "layer4.1.bn2"]
    form = {"resolution": 224, "mean": IMAGENET_MEAN, "std": IMAGENET_STD}
    plain, folded, compiled = (
        dissect(network, layers, concepts, arithmetic=arithmetic, **form)
        for arithmetic in ("plain", "folded", "compiled")
    )
    for layer in layers:
        check_equal(plain[layer], folded[layer])
        # of ResNet-18's `layer4.1.bn2` one unit moves by 2.02e-4
        check_equal(plain[layer], compiled[layer], swapping=int(layer == "layer4.1.bn2"))
