"""Which network does a file of weights belong to? The file says it itself."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from prunescope.base.errors import DataError
from prunescope.base.files import canonical_json
from prunescope.base.inputs import CentreSquare, NetworkInput
from prunescope.base.tensors import load_metadata

_KEY = "network"


@dataclass(frozen=True, kw_only=True)
class Description:
    """What must be known of a network to build it again, and to show it images.

    name: as `build` takes it. num_classes: None where the network chose it itself.
    input: what it expects to see; None where nothing says so.
    measured_on: how photographs are sized to measure weights that a library publishes; None for
        all others. No file carries it.
    """

    name: str
    num_classes: int | None
    input: NetworkInput | None
    measured_on: CentreSquare | None = None

    def as_metadata(self) -> dict[str, str]:
        """Return the metadata under which a safetensors file carries the description."""
        expected = (
            asdict(self.input) if self.input else dict.fromkeys(("mean", "std", "resolution"))
        )
        values = {"name": self.name, "num_classes": self.num_classes, **expected}
        return {_KEY: canonical_json(values)}


def has_description(path: Path) -> bool:
    """Say whether a safetensors file says which network it belongs to."""
    return _KEY in load_metadata(path)


def read_description(path: Path) -> Description:
    """Read which network a safetensors file belongs to. Raises DataError if it does not say."""
    try:
        stored: dict[str, Any] = json.loads(load_metadata(path)[_KEY])
        return Description(
            name=str(stored["name"]),
            num_classes=stored["num_classes"],
            input=None if stored["mean"] is None else _as_input(stored),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(
            f'{path} does not say which network it belongs to: its metadata "{_KEY}" is missing '
            f"or incomplete ({type(error).__name__}: {error})"
        ) from error


def _as_input(stored: dict[str, Any]) -> NetworkInput:
    red, green, blue = map(float, stored["mean"])
    std_red, std_green, std_blue = map(float, stored["std"])
    return NetworkInput(
        mean=(red, green, blue),
        std=(std_red, std_green, std_blue),
        resolution=int(stored["resolution"]),
    )
