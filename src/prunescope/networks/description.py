"""Which network does a file of weights say that it belongs to?"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prunescope.base.errors import ConfigError, DataError, first_line
from prunescope.base.files import canonical_json
from prunescope.base.images import Channels
from prunescope.base.tensors import load_metadata
from prunescope.imaging.network_input import NetworkInput
from prunescope.imaging.sizing import Sizing
from prunescope.networks.trust import NamesCode, trusted_name
from prunescope.networks.units import Units, units_as_value, units_of_value

_KEY = "network"
_INPUT = ("mean", "std", "resolution")
_UNITS = "units"
_MOST = 1 << 20  # classes, or pixels across
_MOST_CHANNELS = 64


@dataclass(frozen=True, kw_only=True)
class Description:
    """What it takes to build a network again and to show it images.

    name: as `build` takes it. num_classes: None where the network chose it itself.
    input: what it expects to see; None where nothing says so.
    measured_on: how photographs are sized to measure weights that a library publishes; None for
        all others. No file carries it.
    units: which units are left of the layers that have lost some, by their numbers in the network
        of that name; None where it is whole, or where nothing says so.
    """

    name: str
    num_classes: int | None
    input: NetworkInput | None
    measured_on: Sizing | None = None
    units: Units | None = None

    def as_metadata(self) -> dict[str, str]:
        """Return the metadata under which a safetensors file carries the description."""
        values: dict[str, Any] = {"name": self.name, "num_classes": self.num_classes}
        values |= self.input.as_dict() if self.input else dict.fromkeys(_INPUT)
        values |= {} if self.units is None else {_UNITS: units_as_value(self.units)}
        return {_KEY: canonical_json(values)}


def has_description(path: Path) -> bool:
    """Return whether a safetensors file says which network it belongs to."""
    return _KEY in load_metadata(path)


def read_description(path: Path, typed: str | None = None) -> Description:
    """Read which network a safetensors file belongs to: one of a library, or the typed one.

    typed: the network that the user names now. Raises DataError if the file does not say, or is
    damaged; NamesCode, as `trusted_name` does, if it names any other network.
    """
    metadata = load_metadata(path)
    if _KEY not in metadata:
        raise DataError(
            f'{path} does not say which network it belongs to: it has no metadata "{_KEY}"'
        )
    try:
        stored: dict[str, Any] = json.loads(metadata[_KEY])
        name, classes = stored["name"], stored["num_classes"]
        if not isinstance(name, str) or not (classes is None or _is_count(classes)):
            raise ValueError(f"name {name!r:.40}, num_classes {classes!r:.40}")
        expected = None if stored["mean"] is None else _as_input(stored)
        units = units_of_value(stored[_UNITS]) if _UNITS in stored else None
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise DataError(
            f'{path} is damaged: its metadata "{_KEY}" does not describe a network '
            f"({type(error).__name__}: {first_line(error):.200})"
        ) from None
    return Description(
        name=trusted_name(name, path, typed), num_classes=classes, input=expected, units=units
    )


def names_code(path: Path) -> bool:
    """Return whether a file names a network that no file may choose."""
    try:
        read_description(path)
    except NamesCode:
        return True
    return False


def belongs_to(path: Path, network: str) -> bool:
    """Return whether a safetensors file says that it belongs to this network."""
    try:
        return path.suffix == ".safetensors" and read_description(path, network).name == network
    except DataError:
        return False


def _as_input(stored: dict[str, Any]) -> NetworkInput:
    mean, std = (_numbers(name, stored[name]) for name in ("mean", "std"))
    if len(mean) > _MOST_CHANNELS or not _is_count(stored["resolution"]):
        raise ValueError(f"{len(mean)} means, resolution {stored['resolution']!r:.40}")
    try:
        return NetworkInput(mean=mean, std=std, resolution=stored["resolution"])
    except ConfigError as error:
        raise ValueError(str(error)) from None


def _numbers(name: str, values: Any) -> Channels:
    if not isinstance(values, list) or not all(type(value) in (int, float) for value in values):
        raise ValueError(f"{name} is {values!r:.40}, not numbers")
    return tuple(map(float, values))


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _MOST
