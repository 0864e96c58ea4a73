"""Which network is meant, and with which weights?"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from prunescope.base.errors import ConfigError, DataError
from prunescope.base.tensors import load_metadata
from prunescope.networks.registry import NetworkInput, build, network_input
from prunescope.networks.weights import fit_state_dict, read_state_dict

__all__ = [
    "LoadedNetwork",
    "NetworkInput",
    "build",
    "fit_state_dict",
    "load_network",
    "network_input",
    "read_state_dict",
]

_LEVEL_WEIGHTS = "weights.safetensors"


@dataclass(frozen=True, kw_only=True)
class LoadedNetwork:
    """A network with its weights, in evaluation mode, on the CPU.

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
    """Make a named network and load its weights, or open a level of a run.

    name: as `build` takes it, or a folder that holds a level's weights.safetensors.
    weights: a file as `read_state_dict` takes it; None leaves a network random (seed 0).
    Raises ConfigError for a wrong name or an argument that contradicts a level, DataError for
    weights that are absent, damaged or do not fit.
    """
    is_level = (Path(name) / _LEVEL_WEIGHTS).is_file()
    if is_level or ("/" in name and Path(name).is_dir()):
        return _load_level(Path(name), weights=weights, num_classes=num_classes)
    module = build(name, num_classes=num_classes, seed=0)
    if weights is not None:
        fit_state_dict(module, read_state_dict(weights), str(weights))
    return LoadedNetwork(
        module=module.eval(), name=name, num_classes=num_classes, input=network_input(name)
    )


def _load_level(folder: Path, *, weights: Path | None, num_classes: int | None) -> LoadedNetwork:
    path = folder / _LEVEL_WEIGHTS
    if not path.is_file():
        raise DataError(f"{folder} is not a level of a run: it has no {_LEVEL_WEIGHTS}")
    if weights is not None:
        raise ConfigError(f"{folder} has weights of its own: leave out --weights {weights}")
    described = _read_description(path)
    if num_classes not in (None, described.num_classes):
        raise ConfigError(
            f"{folder} has {described.num_classes} classes, not {num_classes}: "
            "leave out --num-classes"
        )
    fit_state_dict(described.module, read_state_dict(path), str(path))
    return described


def _read_description(path: Path) -> LoadedNetwork:
    try:
        stored: dict[str, Any] = json.loads(load_metadata(path)["network"])
        name, num_classes = str(stored["name"]), stored["num_classes"]
        expected = None if stored["mean"] is None else _as_input(stored)
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(
            f'{path} does not say which network it belongs to: its metadata "network" is missing '
            f"or incomplete ({type(error).__name__}: {error})"
        ) from error
    module = build(name, num_classes=num_classes, seed=0).eval()
    return LoadedNetwork(module=module, name=name, num_classes=num_classes, input=expected)


def _as_input(stored: dict[str, Any]) -> NetworkInput:
    red, green, blue = map(float, stored["mean"])
    std_red, std_green, std_blue = map(float, stored["std"])
    return NetworkInput(
        mean=(red, green, blue),
        std=(std_red, std_green, std_blue),
        resolution=int(stored["resolution"]),
    )
