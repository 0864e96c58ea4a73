"""Which small networks are scored, and by which images?"""

import torch
from torch import nn
from torchvision.ops import FrozenBatchNorm2d

from prunescope.data.labelled import LabelledImages
from prunescope.imaging.network_input import Normalisation
from prunescope.pruning.mask import Mask
from prunescope.pruning.prunable import prunable_names
from prunescope.pruning.scoring_images import TrainingImages
from prunescope.training.settings import TrainingSettings

SHAPE = (3, 6, 6)
CLASSES = ("cat", "dog", "owl")
SEED = 11


def plain() -> nn.Module:
    """Return convolutions with a normalisation that has been used, and a classifier."""
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Conv2d(4, 3, 3),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(3, 3),
    )


def smooth() -> nn.Module:
    """Return a network without kinks, in which every second derivative is at work."""
    return nn.Sequential(
        nn.Conv2d(3, 3, 3), nn.BatchNorm2d(3), nn.Tanh(), nn.Flatten(), nn.Linear(48, 3)
    )


def shared() -> nn.Module:
    """Return a network in which two convolutions have one weight."""
    network = nn.Sequential(
        nn.Conv2d(3, 3, 3, padding=1, bias=False),
        nn.Tanh(),
        nn.Conv2d(3, 3, 3, padding=1),
        nn.Flatten(),
        nn.Linear(108, 3),
    )
    network[2].weight = network[0].weight
    return network


def dropped() -> nn.Module:
    """Return a network that draws from the random generator as it is trained."""
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Dropout(0.5), nn.Flatten(), nn.Linear(64, 3)
    )


def frozen() -> nn.Module:
    """Return a network whose convolutions are not trained."""
    network = plain()
    for layer in (network[0], network[3]):
        layer.requires_grad_(False)
    return network


def fixed() -> nn.Module:
    """Return a network whose normalisation has buffers in place of parameters."""
    network = plain()
    network[1] = FrozenBatchNorm2d(4)
    return network


NETWORKS = [plain, smooth, shared, dropped, frozen, fixed]


def made(make) -> nn.Module:
    """Return a network with weights, gains, shifts and statistics of both signs."""
    generator = torch.Generator().manual_seed(5)
    network = make()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) / 2)
        for module in network.modules():
            if isinstance(module, (nn.BatchNorm2d, FrozenBatchNorm2d)):
                module.running_mean.copy_(torch.randn(4, generator=generator)[: len(module.bias)])
                module.running_var.copy_(torch.rand(len(module.bias), generator=generator) + 0.5)
            if isinstance(module, FrozenBatchNorm2d):
                module.weight.copy_(torch.tensor([-1.0, 2.0, 0.5, -0.5]))
                module.bias.copy_(torch.tensor([1.0, -1.0, 0.5, 0.0]))
    return network


def ones(network) -> Mask:
    return Mask.ones(network, prunable_names(network, "all"))


def some(network) -> Mask:
    """Return a mask in which two weights of three survive."""
    generator = torch.Generator().manual_seed(7)
    return Mask(
        {
            name: torch.rand(k.shape, generator=generator) < 2 / 3
            for name, k in ones(network).items()
        }
    )


def images(count=10, batch_size=10, smoothing=0.0) -> TrainingImages:
    generator = torch.Generator().manual_seed(3)
    held = LabelledImages(
        pixels=torch.randint(256, (24, 6, 6, 3), generator=generator, dtype=torch.uint8),
        labels=torch.arange(24) % 3,
        classes=CLASSES,
    )
    training = TrainingSettings(
        to="1ep",
        batch_size=batch_size,
        learning_rate=0.1,
        weight_decay=0,
        label_smoothing=smoothing,
    )
    return TrainingImages(
        images=held,
        normalisation=Normalisation(mean=(0.5,) * 3, std=(0.25,) * 3),
        training=training,
        seed=SEED,
        device=torch.device("cpu"),
        count=count,
    )
