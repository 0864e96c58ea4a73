"""What did a user hand in as a network, layers, concepts, a mask or a number?"""

import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from prunescope.base.errors import ConfigError
from prunescope.base.modules import checked_network, in_float32
from prunescope.base.text import a_kind
from prunescope.base.wrappers import unwrapped, unwrapped_name, without_wrappers
from prunescope.concepts.protocol import ConceptSet
from prunescope.concepts.sources import kinds
from prunescope.dissection.input import Loaded
from prunescope.experiment.load import load
from prunescope.networks.loading import LoadedNetwork, implied_weights
from prunescope.networks.registry import module_input
from prunescope.pruning.interchange import as_mask
from prunescope.pruning.mask import Mask
from prunescope.pruning.saved import read_mask
from prunescope.results.run import Level


def open_network(model: object) -> LoadedNetwork:
    """Return the network that a user means, and what is known of it.

    model: a module; what `load` returns for a network; or a name, a file or a level, as the
    command line takes them. Raises ConfigError or DataError for anything else, saying what to do.
    """
    if isinstance(model, str | Path):
        return _opened(model)
    if isinstance(model, Level):
        return model.network
    if isinstance(model, LoadedNetwork):
        return replace(model, module=checked_network(model.module))
    if not isinstance(model, nn.Module | type) and isinstance(model, Loaded):
        module, expected = checked_network(model.module), model.input
        return LoadedNetwork(
            module=module,
            name=type(module).__name__,
            num_classes=None,
            input=expected,
            units=getattr(model, "units", None),  # of what `prune` returns
        )
    module = checked_network(model)
    return LoadedNetwork(
        module=module,
        name=type(module).__name__,
        num_classes=None,
        input=module_input(module),
    )


@contextmanager
def computing(network: LoadedNetwork) -> Iterator[LoadedNetwork]:
    """Give a network as it computes: in float32, and with no wrapper round a part of it."""
    with without_wrappers(checked_network(network.module)) as plain:
        yield replace(network, module=in_float32(plain))


def name_layers(network: nn.Module, layers: object) -> tuple[str, ...] | None:
    """Return the names of layers given as names, patterns or modules; None stays None.

    Raises ConfigError for none, or for what is neither, or a module of another network.
    """
    if layers is None:
        return None
    if isinstance(layers, str | nn.Module):
        return (_name_layer(network, layers),)
    if isinstance(layers, Mapping) or not isinstance(layers, Iterable):
        raise ConfigError(f'layers is {a_kind(layers)}: give names, such as "layer4"')
    named = tuple(_name_layer(network, layer) for layer in layers)
    if not named:
        raise ConfigError("layers is empty: name one, or give None for the network's default")
    return named


def _opened(model: str | Path) -> LoadedNetwork:
    opened = load(model)
    if isinstance(opened, Level):
        return opened.network
    if not isinstance(opened, LoadedNetwork):
        raise ConfigError(
            f"{model} is {a_kind(opened)}, not a network: give a name, such as "
            '"torchvision:resnet18", a level of a run, or a file that `prune` wrote'
        )
    if not Path(model).expanduser().exists() and implied_weights(str(model)) is None:
        warnings.warn(
            f'{model} has random weights: load("{model}", weights=...) opens it with others',
            stacklevel=4,
        )
    return opened


def _name_layer(network: nn.Module, layer: object) -> str:
    modules: dict[str, nn.Module] = dict(network.named_modules(remove_duplicate=False))
    if isinstance(layer, str):
        return unwrapped_name(layer, modules)
    if not isinstance(layer, nn.Module):
        raise ConfigError(
            f'a layer is {a_kind(layer)}: give its name, such as "layer4", or the module'
        )
    inner = unwrapped(layer)
    for name, module in modules.items():
        if module is layer or module is inner:
            if not name:
                raise ConfigError("the layer is the network itself: give a module inside it")
            return name
    raise ConfigError(
        f"the {type(layer).__name__} given as a layer is no module of this "
        f"{type(network).__name__}: "
        "give one of its own, or its name (list_layers shows them)"
    )


def as_concepts(concepts: object) -> ConceptSet | str:
    """Return a concept set, or its name. Raises ConfigError for anything else."""
    forms = ", ".join(kinds())
    if isinstance(concepts, Path):
        raise ConfigError(
            f'concepts is the path {concepts}: say what it holds, as in "broden:{concepts}"'
        )
    if isinstance(concepts, str | ConceptSet):
        return concepts
    raise ConfigError(
        f"concepts is {a_kind(concepts)}, but must be the name of a set with labelled pixels "
        f"({forms}) or a ConceptSet: a data set with labels of whole images has none; lay its "
        'images and masks out as docs/concept-sets.md says, and give "masks:DIR"'
    )


def as_given_mask(mask: object) -> Mask | None:
    """Return the mask that is meant: one, its file, or tensors by name. Raises ConfigError."""
    if mask is None or isinstance(mask, Mask):
        return mask
    if isinstance(mask, str | Path):
        return read_mask(Path(mask))
    if isinstance(mask, Mapping) and all(isinstance(v, torch.Tensor) for v in mask.values()):
        return as_mask({str(name): kept for name, kept in mask.items()}, "the mask")
    raise ConfigError(
        f"mask is {a_kind(mask)}, but must be a Mask, its file, or tensors of zeros and "
        "ones by the names of the weights"
    )


def path_or_name(value: object, name: str, what: str) -> str:
    """Return a path or a name as text. Raises ConfigError for what is neither."""
    if value == "":
        raise ConfigError(f'{name} is "": give {what}')
    if isinstance(value, str | Path):
        return str(value)
    raise ConfigError(f"{name} is {a_kind(value)}: give {what}")


def strings(names: Iterable[str]) -> Iterator[str]:
    """Yield several names, of which one may be given alone."""
    if not isinstance(names, Iterable):
        raise ConfigError(f"{names!r} is given where names are expected, as a str or several")
    yield from ((names,) if isinstance(names, str) else names)


def is_number(value: object) -> bool:
    """Return whether something is a number, and no boolean."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def plain_classes(classes: object) -> object:
    """Return a choice of classes in plain values: a file as its path, several names as a list."""
    if isinstance(classes, Path):
        return str(classes)
    several = isinstance(classes, Iterable) and not isinstance(classes, str | Mapping)
    return list(classes) if several else classes  # type: ignore[call-overload]
