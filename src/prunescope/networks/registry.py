"""Which network does a name stand for?"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import torch
from torch import nn

from prunescope.base.errors import ConfigError, reason_of
from prunescope.base.seeding import derive_seed
from prunescope.base.text import shortened
from prunescope.imaging.network_input import IMAGENET, NetworkInput
from prunescope.networks.cifar_resnet import CifarResNet
from prunescope.networks.factories import build_factory
from prunescope.networks.names import CIFAR, Name, parse, refuse_other_options
from prunescope.networks.plain_cnn import CHANNELS, PlainCNN
from prunescope.networks.published import Published, no_published
from prunescope.networks.timm_networks import (
    build_timm,
    find_timm_weights,
    timm_input,
    timm_network_input,
)
from prunescope.networks.torchvision_networks import build_torchvision, find_torchvision_weights

_MOST_CLASSES = 10_000_000
_WIDEST = 64


def build(name: str, *, num_classes: int | None = None, seed: int) -> nn.Module:
    """Make the network a name stands for, on the CPU, initialised from the seed alone.

    name: "torchvision:NAME[,stem=small]" (ResNets only: 3 x 3 first convolution of stride 1, no
    max-pooling), "timm:NAME[,key=value...]", made by timm.create_model with these arguments,
    "cifar_resnet20[,width=2]" (20, 32, 44, 56, 110), "plain_cnn[,width=2]", or
    "package.module:factory[,key=value...]", called with num_classes where it takes that; values are
    read as Python literals where they are.
    num_classes: None for the network's default, mostly 1,000; 10 for those that we ship.
    Torch's global generator is left as it was.
    Raises ConfigError for a name, an option or a value that is none of these.
    """
    if num_classes is not None and not 1 <= num_classes <= _MOST_CLASSES:
        raise ConfigError(
            f"the number of classes is {num_classes}, but must be 1 to {_MOST_CLASSES:,}"
        )
    parsed = parse(name)
    makers = {"torchvision": build_torchvision, "timm": build_timm, "shipped": _build_shipped}
    make = makers.get(parsed.origin, build_factory)
    with seeded(derive_seed(seed, "network")):
        try:
            return make(parsed, num_classes)
        except (RuntimeError, MemoryError, OverflowError) as error:  # of torch, for what is too big
            raise ConfigError(f'"{name}" cannot be made: {reason_of(error)}') from error


def network_input(name: str) -> NetworkInput | None:
    """Return what the named network expects to see; None for a factory, which does not say.

    torchvision: ImageNet's mean and std at 224. timm: as its `pretrained_cfg` says, or an option
    `img_size`. cifar_resnet: ImageNet's mean and std at 32, as its published checkpoints were
    trained; plain_cnn: the same at 64. Raises ConfigError for a name that cannot be read, or that
    timm does not know.
    """
    parsed = parse(name)
    match parsed.origin:
        case "torchvision":
            return IMAGENET
        case "timm":
            return timm_network_input(parsed)
        case "shipped":
            return replace(IMAGENET, resolution=32 if parsed.entry in CIFAR else 64)
        case _:
            return None


def module_input(network: nn.Module) -> NetworkInput | None:
    """Return what a network handed over as a module expects to see; None if it is not known.

    Known are torchvision's networks, by ImageNet's mean and std at 224 pixels, and timm's, by
    their `pretrained_cfg`.
    """
    match type(network).__module__.partition(".")[0]:
        case "torchvision":
            return IMAGENET
        case "timm":
            stated = getattr(network, "pretrained_cfg", None) or {}
            size = getattr(getattr(network, "patch_embed", None), "img_size", None)
            return timm_input(stated, image_size=size)
        case _:
            return None


def find_published(name: str, weights: str) -> Published:
    """Return the weights that a library publishes for a network; nothing is downloaded yet.

    weights: "DEFAULT", or a name the library has for them: "IMAGENET1K_V2" (torchvision), or the
    tag "a1_in1k" (timm). Raises ConfigError for a network without such weights, saying which it
    has.
    """
    parsed = parse(name)
    match parsed.origin:
        case "torchvision":
            return find_torchvision_weights(parsed, weights)
        case "timm":
            return find_timm_weights(parsed, weights)
        case _:
            raise no_published(name, weights)


def _build_shipped(name: Name, num_classes: int | None) -> nn.Module:
    refuse_other_options(name, "width")
    text = name.options.get("width", "1")
    width = float(text) if re.fullmatch(r"\d+(\.\d*)?|\.\d+", text) else 0.0
    channels = (16, 32, 64) if name.entry in CIFAR else CHANNELS
    if width > _WIDEST or round(channels[0] * width) < 1:
        *first, last = map(str, channels)
        raise ConfigError(
            f'width is "{shortened(text)}" in "{shortened(name.text)}", but must be a number from '
            f"1/{channels[0]} to {_WIDEST}, written as 0.5 or 2: it multiplies the "
            f"{', '.join(first)} and {last} channels"
        )
    classes = 10 if num_classes is None else num_classes
    if name.entry in CIFAR:
        return CifarResNet(CIFAR[name.entry], num_classes=classes, width=width)
    return PlainCNN(num_classes=classes, width=width)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Draw from torch's global generator on the CPU, from a seed, and leave it as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would reach the GPUs too
        yield
