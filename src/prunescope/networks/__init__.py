"""Which network is meant, and with which weights?"""

from dataclasses import dataclass
from pathlib import Path

from torch import nn

from prunescope.base.errors import ConfigError, DataError
from prunescope.base.inputs import CentreSquare, NetworkInput
from prunescope.networks.description import Description, read_description, stated_input
from prunescope.networks.names import as_name
from prunescope.networks.published import DEFAULT, Published
from prunescope.networks.registry import build, find_published, network_input
from prunescope.networks.weights import fit_state_dict, read_state_dict

__all__ = [
    "LEVEL_WEIGHTS",
    "Description",
    "LoadedNetwork",
    "NetworkInput",
    "build",
    "describe_network",
    "find_weights",
    "fit_state_dict",
    "load_network",
    "network_input",
    "own_weights",
    "read_description",
    "read_state_dict",
]

LEVEL_WEIGHTS = "weights.safetensors"
_SUFFIXES = (".safetensors", ".pth", ".pt", ".th", ".bin", ".ckpt", ".tar", ".pkl", ".npz")


@dataclass(frozen=True, kw_only=True)
class LoadedNetwork:
    """A network with its weights, in evaluation mode, on the CPU.

    module: the network itself.
    name: as the registry knows it. num_classes: None where the network chose it itself.
    input: what it expects to see; None where nothing says so.
    measured_on: how photographs are sized to measure weights that a library publishes; None for
        all others.
    """

    module: nn.Module
    name: str
    num_classes: int | None
    input: NetworkInput | None
    measured_on: CentreSquare | None = None


def load_network(
    name: Path | str, *, weights: Path | str | None = None, num_classes: int | None = None
) -> LoadedNetwork:
    """Make a named network and load its weights, or open weights that know their network.

    num_classes: outputs of a named network; its own number (1,000, or 10 for CIFAR) when None.
    name: as `build` takes it, or a folder that holds a level's weights.safetensors, or a file that
        `prunescope prune` wrote.
    weights: a file as `read_state_dict` takes it; or, as text, what a library publishes, see
        `find_weights`; None leaves a network random (seed 0).
    Raises ConfigError for a wrong name or an argument that contradicts a level, DataError for
    weights that are absent, damaged or do not fit, DownloadError for those that do not come.
    """
    name = as_name(name)
    described = describe_network(name, weights=weights, num_classes=num_classes)
    own = own_weights(name)
    chosen = own or find_weights(name, weights)
    if isinstance(chosen, Published):
        module = chosen.load()
    else:
        module = build(described.name, num_classes=described.num_classes, seed=0)
        if chosen is not None:
            fit_state_dict(module, read_state_dict(chosen), str(chosen))
    return LoadedNetwork(module=module.eval(), **vars(described))


def describe_network(
    name: str, *, weights: Path | str | None = None, num_classes: int | None = None
) -> Description:
    """Say which network `load_network` would load and what it expects to see; load nothing.

    Raises what `load_network` raises for a wrong name or an argument that contradicts another.
    """
    own = own_weights(name)
    if own is not None:
        return _describe_own(name, own, weights=weights, num_classes=num_classes)
    published = find_weights(name, weights)
    if not isinstance(published, Published):
        known = network_input(name) or (stated_input(published) if published else None)
        return Description(name=name, num_classes=num_classes, input=known)
    if num_classes not in (None, published.num_classes):
        raise ConfigError(
            f"the weights {published.name} of {name} have {published.num_classes} classes, "
            f"not {num_classes}: leave out --num-classes"
        )
    return Description(
        name=name,
        num_classes=published.num_classes,
        input=published.input,
        measured_on=published.measured_on,
    )


def find_weights(name: str, weights: Path | str | None) -> Path | Published | None:
    """Return the file of weights that is meant, or what a library publishes under that name.

    weights: text that holds a slash or ends as files of weights do, or that names a file that is
        there, is a file; any other is "DEFAULT" or a name as `find_published` takes it.
    """
    if weights is None or isinstance(weights, Path):
        return weights
    path = Path(weights)
    is_file = "/" in weights or path.suffix in _SUFFIXES or path.is_file()
    return path if is_file and weights != DEFAULT else find_published(name, weights)


def own_weights(name: str) -> Path | None:
    """Return the file of weights that a name means by itself; None if it is a network's name.

    Raises DataError for a folder that is not a level of a run.
    """
    path = Path(name)
    level = path / LEVEL_WEIGHTS
    if level.is_file():
        return level
    if "/" in name and path.is_dir():
        raise DataError(f"{path} is not a level of a run: it has no {LEVEL_WEIGHTS}")
    return path if path.suffix == ".safetensors" else None


def _describe_own(
    name: str, path: Path, *, weights: Path | str | None, num_classes: int | None
) -> Description:
    if weights is not None:
        raise ConfigError(f"{name} has weights of its own: leave out --weights {weights}")
    described = read_description(path)
    if num_classes not in (None, described.num_classes):
        raise ConfigError(
            f"{name} has {described.num_classes} classes, not {num_classes}: "
            "leave out --num-classes"
        )
    return described
