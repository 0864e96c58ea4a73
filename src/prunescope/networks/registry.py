"""Which network does a name stand for?"""

import importlib
import inspect
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import Any

import torch
from torch import nn

from prunescope.base.errors import ConfigError, nearest
from prunescope.base.inputs import IMAGENET, NetworkInput
from prunescope.base.seeding import derive_seed
from prunescope.networks.cifar_resnet import CifarResNet
from prunescope.networks.names import (
    CIFAR,
    FORMS,
    LIBRARIES,
    Name,
    literal,
    parse,
    refuse_other_options,
)
from prunescope.networks.published import Published, no_published
from prunescope.networks.timm_networks import build_timm, find_timm_weights, timm_network_input
from prunescope.networks.torchvision_networks import build_torchvision, find_torchvision_weights


def build(name: str, *, num_classes: int | None = None, seed: int) -> nn.Module:
    """Make the network a name stands for, on the CPU, initialised from the seed alone.

    name: "torchvision:NAME[,stem=small]" (ResNets only: 3 x 3 first convolution of stride 1, no
    max-pooling), "timm:NAME[,key=value...]", made by timm.create_model with these arguments,
    "cifar_resnet20[,width=2]" (20, 32, 44, 56, 110), or "package.module:factory[,key=value...]",
    called with num_classes where it takes that; values are read as Python literals where they are.
    num_classes: None for the network's own number (mostly 1,000; 10 for cifar_resnet).
    Torch's global generator is left as it was.
    Raises ConfigError for a name, an option or a value that is none of these.
    """
    if num_classes is not None and num_classes < 1:
        raise ConfigError(f"the number of classes is {num_classes}, but must be at least 1")
    parsed = parse(name)
    makers = {"torchvision": build_torchvision, "timm": build_timm, "cifar": _build_cifar}
    make = makers.get(parsed.origin, _build_factory)
    with _seeded(derive_seed(seed, "network")):
        return make(parsed, num_classes)


def network_input(name: str) -> NetworkInput | None:
    """Return what the named network expects to see; None for a factory, which does not say.

    torchvision: ImageNet's mean and std at 224. timm: as its `pretrained_cfg` says, or an option
    `img_size`. cifar_resnet: ImageNet's mean and std at 32, as its published checkpoints were
    trained. Raises ConfigError for a name that cannot be read, or that timm does not know.
    """
    parsed = parse(name)
    match parsed.origin:
        case "torchvision":
            return IMAGENET
        case "timm":
            return timm_network_input(parsed)
        case "cifar":
            return replace(IMAGENET, resolution=32)
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


def factory_source(name: str) -> Path | None:
    """Return the file that holds a name's factory; None for the networks of a library.

    The module is found; neither it nor the packages above it are run. Raises ConfigError where
    there is none.
    """
    origin = parse(name).origin
    if origin in LIBRARIES:
        return None
    loaded = sys.modules.get(origin)
    if loaded is not None and getattr(loaded, "__file__", None):
        return Path(str(loaded.__file__))
    with _current_directory_importable():
        places: list[str] | None = list(sys.path)
        spec: ModuleSpec | None = None
        for part in origin.split("."):
            spec = None if places is None else PathFinder.find_spec(part, places)
            places = None if spec is None else spec.submodule_search_locations
    if spec is None or not spec.origin or not Path(spec.origin).is_file():
        raise ConfigError(f'"{name}": there is no module {origin} here; {FORMS}')
    return Path(spec.origin)


def _build_cifar(name: Name, num_classes: int | None) -> nn.Module:
    refuse_other_options(name, "width")
    text = name.options.get("width", "1")
    if not re.fullmatch(r"\d+(\.\d*)?|\.\d+", text) or round(16 * float(text)) < 1:
        raise ConfigError(
            f'width is "{text}" in "{name.given}", but must be a number of 1/16 or more: '
            "it multiplies the 16, 32 and 64 channels"
        )
    classes = 10 if num_classes is None else num_classes
    return CifarResNet(CIFAR[name.entry], num_classes=classes, width=float(text))


def _build_factory(name: Name, num_classes: int | None) -> nn.Module:
    with _current_directory_importable():
        factory = _find_factory(name)
        network = factory(**_factory_arguments(factory, name, num_classes))
    if not isinstance(network, nn.Module):
        raise ConfigError(
            f'"{name.given}" returned {type(network).__name__}, not a torch.nn.Module'
        )
    return network


def _find_factory(name: Name) -> Callable[..., Any]:
    try:
        module = importlib.import_module(name.origin)
    except Exception as error:  # whatever a user's module raises when it is imported
        raise ConfigError(
            f'"{name.given}": importing {name.origin} failed: '
            f"{type(error).__name__}: {error}; {FORMS}"
        ) from error
    factory = getattr(module, name.entry, None)
    if not callable(factory):
        hint = nearest(name.entry, vars(module))
        raise ConfigError(f'"{name.given}": {name.origin} has no function "{name.entry}"{hint}')
    return factory  # type: ignore[no-any-return]  # callable() tells mypy nothing of the result


def _factory_arguments(
    factory: Callable[..., Any], name: Name, num_classes: int | None
) -> dict[str, Any]:
    arguments = {key: literal(value) for key, value in name.options.items()}
    try:
        signature = inspect.signature(factory)
        takes_any = any(p.kind is p.VAR_KEYWORD for p in signature.parameters.values())
        if num_classes is not None and (takes_any or "num_classes" in signature.parameters):
            arguments["num_classes"] = num_classes
        signature.bind(**arguments)
    except (TypeError, ValueError) as error:
        raise ConfigError(f'"{name.given}" does not fit its factory: {error}') from error
    return arguments


@contextmanager
def _current_directory_importable() -> Iterator[None]:
    folder = str(Path.cwd())
    sys.path.insert(0, folder)
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(folder)


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would reach the GPUs too
        yield
