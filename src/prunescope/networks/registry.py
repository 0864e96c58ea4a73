"""Which network does a name stand for?"""

import ast
import importlib.util
import inspect
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from prunescope.base.errors import ConfigError, nearest
from prunescope.base.images import IMAGENET_MEAN, IMAGENET_STD, Channels
from prunescope.base.seeding import derive_seed
from prunescope.networks.cifar_resnet import DEPTHS, CifarResNet

_CIFAR = {f"cifar_resnet{depth}": depth for depth in DEPTHS}
_WITH_AUXILIARIES = ("googlenet", "inception_v3")
_FORMS = (
    'write "torchvision:resnet18" (for a ResNet on small images "torchvision:resnet18,stem=small"),'
    f' one of {", ".join(_CIFAR)} (wider: "cifar_resnet20,width=2"),'
    ' "package.module:factory" (with arguments: "package.module:factory,depth=3"),'
    " or the folder of a run's level"
)


@dataclass(frozen=True, kw_only=True)
class NetworkInput:
    """What a network expects to see: RGB in [0, 1], normalised by mean and std, this many pixels.

    resolution: side of the square, in pixels.
    """

    mean: Channels
    std: Channels
    resolution: int


@dataclass(frozen=True, kw_only=True)
class _Name:
    given: str
    origin: str  # "torchvision", "cifar" or the module that holds the factory
    entry: str
    options: Mapping[str, str]


def build(name: str, *, num_classes: int | None = None, seed: int) -> nn.Module:
    """Make the network a name stands for, on the CPU, initialised from the seed alone.

    name: "torchvision:NAME[,stem=small]" (ResNets only: 3 x 3 first convolution of stride 1, no
    max-pooling), "cifar_resnet20[,width=2]" (20, 32, 44, 56, 110), or
    "package.module:factory[,key=value...]", called with the values read as Python literals where
    they are, and with num_classes where it takes that.
    num_classes: None for the network's own number (1,000; 10 for cifar_resnet).
    Torch's global generator is left as it was.
    Raises ConfigError for a name, an option or a value that is none of these.
    """
    if num_classes is not None and num_classes < 1:
        raise ConfigError(f"the number of classes is {num_classes}, but must be at least 1")
    parsed = _parse(name)
    makers = {"torchvision": _build_torchvision, "cifar": _build_cifar}
    make = makers.get(parsed.origin, _build_factory)
    with _seeded(derive_seed(seed, "network")):
        return make(parsed, num_classes)


def network_input(name: str) -> NetworkInput | None:
    """Return what the named network expects to see; None for a factory, which does not say.

    torchvision: ImageNet's mean and std at 224. cifar_resnet: the same mean and std at 32, as its
    published checkpoints were trained. Raises ConfigError for a name that cannot be read.
    """
    origin = _parse(name).origin
    if origin not in ("torchvision", "cifar"):
        return None
    side = 224 if origin == "torchvision" else 32
    return NetworkInput(mean=IMAGENET_MEAN, std=IMAGENET_STD, resolution=side)


def factory_source(name: str) -> Path | None:
    """Return the file that holds a name's factory; None for the networks of a library.

    The module is found, not run. Raises ConfigError where there is none.
    """
    origin = _parse(name).origin
    if origin in ("torchvision", "cifar"):
        return None
    with _current_directory_importable():
        try:
            found = importlib.util.find_spec(origin)
        except (ImportError, ValueError):  # a parent package that is missing or no package
            found = None
    if found is None or not found.origin:
        raise ConfigError(f'"{name}": there is no module {origin} here; {_FORMS}')
    return Path(found.origin)


def _parse(name: str) -> _Name:
    head, *parts = (part.strip() for part in name.split(","))
    options: dict[str, str] = {}
    for part in parts:
        key, value = _option(part, name)
        if key in options:
            raise ConfigError(f'"{name}" gives {key} twice')
        options[key] = value
    origin, colon, entry = head.partition(":")
    if colon and origin and entry:
        return _Name(given=name, origin=origin, entry=entry, options=options)
    if head in _CIFAR:
        return _Name(given=name, origin="cifar", entry=head, options=options)
    raise ConfigError(f'"{name}" is not a network{nearest(head, _CIFAR)}: {_FORMS}')


def _option(part: str, name: str) -> tuple[str, str]:
    key, equals, value = (piece.strip() for piece in part.partition("="))
    if not (key.isidentifier() and equals and value):
        raise ConfigError(f'"{part}" in the network "{name}" is not of the form key=value')
    return key, value


def _refuse_other_options(name: _Name, allowed: str) -> None:
    for key in name.options:
        if key != allowed:
            hint = nearest(key, [allowed])
            raise ConfigError(f'"{name.given}" has no option "{key}"{hint}: it takes {allowed}')


def _build_cifar(name: _Name, num_classes: int | None) -> nn.Module:
    _refuse_other_options(name, "width")
    text = name.options.get("width", "1")
    if not re.fullmatch(r"\d+(\.\d*)?|\.\d+", text) or round(16 * float(text)) < 1:
        raise ConfigError(
            f'width is "{text}" in "{name.given}", but must be a number of 1/16 or more: '
            "it multiplies the 16, 32 and 64 channels"
        )
    classes = 10 if num_classes is None else num_classes
    return CifarResNet(_CIFAR[name.entry], num_classes=classes, width=float(text))


def _build_torchvision(name: _Name, num_classes: int | None) -> nn.Module:
    from torchvision import models

    _refuse_other_options(name, "stem")
    stem = name.options.get("stem", "standard")
    if stem not in ("standard", "small"):
        hint = nearest(stem, ["standard", "small"])
        raise ConfigError(f'stem is "{stem}" in "{name.given}"{hint}: it is standard or small')
    known = models.list_models(module=models)
    if name.entry not in known:
        hint = nearest(name.entry, known) or f" (it has {', '.join(known)})"
        raise ConfigError(f'torchvision has no classification network "{name.entry}"{hint}')
    arguments: dict[str, Any] = {} if num_classes is None else {"num_classes": num_classes}
    if name.entry in _WITH_AUXILIARIES:  # their outputs in training are tuples otherwise
        arguments |= {"aux_logits": False, "init_weights": True}
    network: nn.Module = models.get_model(name.entry, weights=None, **arguments)
    if stem == "small":
        _shrink_stem(network, name.given)
    return network


def _shrink_stem(network: nn.Module, given: str) -> None:
    from torchvision.models import ResNet

    if not isinstance(network, ResNet):
        raise ConfigError(
            f'"{given}": stem=small is for ResNets, whose stem has a known small form'
        )
    wide = network.conv1.out_channels
    network.conv1 = nn.Conv2d(3, wide, 3, stride=1, padding=1, bias=False)
    nn.init.kaiming_normal_(network.conv1.weight, mode="fan_out", nonlinearity="relu")
    network.maxpool = nn.Identity()


def _build_factory(name: _Name, num_classes: int | None) -> nn.Module:
    with _current_directory_importable():
        factory = _find_factory(name)
        network = factory(**_factory_arguments(factory, name, num_classes))
    if not isinstance(network, nn.Module):
        raise ConfigError(
            f'"{name.given}" returned {type(network).__name__}, not a torch.nn.Module'
        )
    return network


def _find_factory(name: _Name) -> Callable[..., Any]:
    try:
        module = importlib.import_module(name.origin)
    except Exception as error:  # whatever a user's module raises when it is imported
        raise ConfigError(
            f'"{name.given}": importing {name.origin} failed: '
            f"{type(error).__name__}: {error}; {_FORMS}"
        ) from error
    factory = getattr(module, name.entry, None)
    if not callable(factory):
        hint = nearest(name.entry, vars(module))
        raise ConfigError(f'"{name.given}": {name.origin} has no function "{name.entry}"{hint}')
    return factory  # type: ignore[no-any-return]  # callable() tells mypy nothing of the result


def _factory_arguments(
    factory: Callable[..., Any], name: _Name, num_classes: int | None
) -> dict[str, Any]:
    arguments = {key: _literal(value) for key, value in name.options.items()}
    try:
        signature = inspect.signature(factory)
        takes_any = any(p.kind is p.VAR_KEYWORD for p in signature.parameters.values())
        if num_classes is not None and (takes_any or "num_classes" in signature.parameters):
            arguments["num_classes"] = num_classes
        signature.bind(**arguments)
    except (TypeError, ValueError) as error:
        raise ConfigError(f'"{name.given}" does not fit its factory: {error}') from error
    return arguments


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


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
