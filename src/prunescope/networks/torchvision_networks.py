"""Which networks and which weights does torchvision have?"""

import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import nn

from prunescope.base.errors import ConfigError, nearest
from prunescope.imaging.network_input import NetworkInput
from prunescope.imaging.sizing import Sizing
from prunescope.networks.names import Name, refuse_other_options
from prunescope.networks.published import DEFAULT, Published, choose, fetch
from prunescope.networks.weights import fit_published, read_published

if TYPE_CHECKING:
    from torchvision.models import WeightsEnum

_WITH_AUXILIARIES = ("googlenet", "inception_v3")
_AUXILIARY = re.compile(r"aux\d\.|AuxLogits\.")
_DENSE_LAYER = re.compile(r"(denselayer\d+\.(?:norm|relu|conv))\.(?=[12]\.)")
_HALF = (0.5, 0.5, 0.5)


def build_torchvision(name: Name, num_classes: int | None) -> nn.Module:
    """Make a classification network of torchvision. Raises ConfigError for a name it lacks."""
    from torchvision import models

    refuse_other_options(name, "stem")
    stem = name.options.get("stem", "standard")
    if stem not in ("standard", "small"):
        hint = nearest(stem, ["standard", "small"])
        raise ConfigError(f'stem is "{stem}" in "{name.text}"{hint}: it is standard or small')
    _check_known(name)
    arguments: dict[str, Any] = {} if num_classes is None else {"num_classes": num_classes}
    if name.entry in _WITH_AUXILIARIES:  # their outputs in training are tuples otherwise
        arguments |= {"aux_logits": False, "init_weights": True}
    network: nn.Module = models.get_model(name.entry, weights=None, **arguments)
    if stem == "small":
        _shrink_stem(network, name.text)
    return network


def find_torchvision_weights(name: Name, wanted: str) -> Published:
    """Return the published weights of a network; nothing is downloaded yet.

    wanted: as torchvision calls them ("IMAGENET1K_V2"), or "DEFAULT".
    Raises ConfigError for a network that has none, or not these.
    """
    from torchvision import models

    _check_known(name)
    if name.options:
        raise ConfigError(
            f'published weights fit the network as it was published, not "{name.text}": write '
            f'"torchvision:{name.entry}"'
        )
    published = models.get_model_weights(name.entry)
    names = [member.name for member in published]
    best = published[DEFAULT].name if DEFAULT in published.__members__ else None
    weights = published[choose(wanted, names, name.text, best)]
    return Published(
        name=weights.name,
        num_classes=len(weights.meta["categories"]),
        input=_input_of(name, weights),
        measured_on=_measured_on(weights),
        load=partial(_load, name, weights),
    )


def _check_known(name: Name) -> None:
    from torchvision import models

    names = models.list_models(module=models)
    if name.entry not in names:
        hint = nearest(name.entry, names) or f" (it has {', '.join(names)})"
        raise ConfigError(f'torchvision has no classification network "{name.entry}"{hint}')


def _input_of(name: Name, weights: "WeightsEnum") -> NetworkInput:
    """Read what published weights expect to see.

    GoogLeNet's and Inception's were trained on channels less 0.5, over 0.5. torchvision takes
    ImageNet's normalisation back inside these networks (`transform_input`); here the network is
    given at once what it wants.
    """
    shown = weights.transforms()
    if name.entry in _WITH_AUXILIARIES:
        return NetworkInput(mean=_HALF, std=_HALF, resolution=shown.crop_size[0])
    return NetworkInput(mean=tuple(shown.mean), std=tuple(shown.std), resolution=shown.crop_size[0])


def _measured_on(weights: "WeightsEnum") -> Sizing:
    shown = weights.transforms()
    return Sizing(resolution=shown.crop_size[0], shorter_side=shown.resize_size[0])


def _load(name: Name, weights: "WeightsEnum") -> nn.Module:
    """Return the network with published weights, in the names that it has for them today."""
    network = build_torchvision(name, None)
    path: Path = fetch(weights.url)
    stored = read_published(path)
    for key in [key for key in stored if _AUXILIARY.match(key)]:
        del stored[key]
    for key in [key for key in stored if _DENSE_LAYER.search(key)]:  # of torch before 0.4
        stored[_DENSE_LAYER.sub(r"\1", key)] = stored.pop(key)
    fit_published(network, stored, path)
    return network


def _shrink_stem(network: nn.Module, name: str) -> None:
    from torchvision.models import ResNet

    if not isinstance(network, ResNet):
        raise ConfigError(f'"{name}": stem=small is for ResNets, whose stem has a known small form')
    wide = network.conv1.out_channels
    network.conv1 = nn.Conv2d(3, wide, 3, stride=1, padding=1, bias=False)
    nn.init.kaiming_normal_(network.conv1.weight, mode="fan_out", nonlinearity="relu")
    network.maxpool = nn.Identity()
