"""Which network is meant, and with which weights?"""

from dataclasses import dataclass
from pathlib import Path

from torch import nn

from prunescope.base.errors import ConfigError, DataError
from prunescope.networks.description import Description, read_description
from prunescope.networks.registry import NetworkInput, build, network_input
from prunescope.networks.weights import fit_state_dict, read_state_dict

__all__ = [
    "LEVEL_WEIGHTS",
    "Description",
    "LoadedNetwork",
    "NetworkInput",
    "build",
    "fit_state_dict",
    "load_network",
    "network_input",
    "own_weights",
    "read_description",
    "read_state_dict",
]

LEVEL_WEIGHTS = "weights.safetensors"


@dataclass(frozen=True, kw_only=True)
class LoadedNetwork:
    """A network with its weights, in evaluation mode, on the CPU.

    module: the network itself.
    name: as the registry knows it. num_classes: None where the network chose it itself.
    input: what it expects to see; None where nothing says so.
    """

    module: nn.Module
    name: str
    num_classes: int | None
    input: NetworkInput | None


def load_network(
    name: str, *, weights: Path | None = None, num_classes: int | None = None
) -> LoadedNetwork:
    """Make a named network and load its weights, or open weights that know their network.

    num_classes: outputs of a named network; its own number (1,000, or 10 for CIFAR) when None.
    name: as `build` takes it, or a folder that holds a level's weights.safetensors, or a file that
        `prunescope prune` wrote.
    weights: a file as `read_state_dict` takes it; None leaves a network random (seed 0).
    Raises ConfigError for a wrong name or an argument that contradicts a level, DataError for
    weights that are absent, damaged or do not fit.
    """
    own = own_weights(name)
    if own is not None:
        return _load_own(name, own, weights=weights, num_classes=num_classes)
    module = build(name, num_classes=num_classes, seed=0)
    if weights is not None:
        fit_state_dict(module, read_state_dict(weights), str(weights))
    return LoadedNetwork(
        module=module.eval(), name=name, num_classes=num_classes, input=network_input(name)
    )


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


def _load_own(
    name: str, path: Path, *, weights: Path | None, num_classes: int | None
) -> LoadedNetwork:
    if weights is not None:
        raise ConfigError(f"{name} has weights of its own: leave out --weights {weights}")
    described = read_description(path)
    if num_classes not in (None, described.num_classes):
        raise ConfigError(
            f"{name} has {described.num_classes} classes, not {num_classes}: "
            "leave out --num-classes"
        )
    module = build(described.name, num_classes=described.num_classes, seed=0)
    fit_state_dict(module, read_state_dict(path), str(path))
    return LoadedNetwork(
        module=module.eval(),
        name=described.name,
        num_classes=described.num_classes,
        input=described.input,
    )
