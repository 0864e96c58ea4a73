"""Which network does a file of weights belong to? The file says it itself."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeGuard

from prunescope.base.errors import DataError
from prunescope.base.files import canonical_json
from prunescope.base.inputs import CentreSquare, NetworkInput
from prunescope.base.tensors import load_metadata
from prunescope.networks.trust import code_refusal, library_name

_KEY = "network"
_LONGEST = 10_000
_LARGEST_SIDE = 100_000
_LARGEST_CHANNEL = 1e6


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
    """Read which network of a library a safetensors file belongs to.

    Raises DataError where it does not say, or names a function: nothing is called that only a file
    names (`library_name`).
    """
    stored = _stored(path)
    return _describe(library_name(stored.get("name"), path), stored, path)


def describe_as(name: str, path: Path) -> Description:
    """Describe a file's network under the name that the user gives it; the file says the rest.

    Raises DataError where the file does not say it.
    """
    return _describe(name, _stored(path), path)


def stated_code(path: Path) -> str | None:
    """Return why a file's network cannot be made of its description, if that names a function."""
    name = _stored(path).get("name") if has_description(path) else None
    return code_refusal(name, path)


def stated_input(path: Path) -> NetworkInput | None:
    """Return what a file says its network expects to see; None where it does not say."""
    if path.suffix != ".safetensors" or not path.is_file() or not has_description(path):
        return None
    stored = _stored(path)
    return None if stored.get("mean") is None else _as_input(stored, path)


def _stored(path: Path) -> dict[str, Any]:
    text = load_metadata(path).get(_KEY)
    if text is None:
        raise _unsaid(path, f'its metadata "{_KEY}" is missing')
    if len(text) > _LONGEST:
        raise _unsaid(path, f'its metadata "{_KEY}" is longer than {_LONGEST:,} characters')
    try:
        stored = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _unsaid(path, f'its metadata "{_KEY}" is no JSON ({error})') from None
    if not isinstance(stored, dict):
        raise _unsaid(path, f'its metadata "{_KEY}" is {type(stored).__name__}, not an object')
    return stored


def _describe(name: str, stored: Mapping[str, Any], path: Path) -> Description:
    if "num_classes" not in stored or "mean" not in stored:
        lacking = "num_classes" if "num_classes" not in stored else "mean"
        raise _unsaid(path, f'its metadata "{_KEY}" lacks {lacking}')
    classes = stored["num_classes"]
    size = path.stat().st_size
    if classes is not None and not (_is_count(classes) and classes <= size):
        raise _unsaid(path, f"its number of classes is {_shown(classes)}")
    expected = None if stored["mean"] is None else _as_input(stored, path)
    return Description(name=name, num_classes=classes, input=expected)


def _as_input(stored: Mapping[str, Any], path: Path) -> NetworkInput:
    mean, std, resolution = (stored.get(key) for key in ("mean", "std", "resolution"))
    if not (_are_channels(mean) and _are_channels(std) and all(each > 0 for each in std)):
        raise _unsaid(path, f"its mean and std are {_shown(mean)} and {_shown(std)}")
    if not (_is_count(resolution) and resolution <= _LARGEST_SIDE):
        raise _unsaid(path, f"its resolution is {_shown(resolution)}")
    red, green, blue = map(float, mean)
    std_red, std_green, std_blue = map(float, std)
    return NetworkInput(
        mean=(red, green, blue), std=(std_red, std_green, std_blue), resolution=resolution
    )


def _is_count(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _are_channels(values: Any) -> TypeGuard[list[float]]:
    return (
        isinstance(values, list)
        and len(values) == 3
        and all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
        and all(abs(v) < _LARGEST_CHANNEL for v in values)  # nan is not less
    )


def _shown(value: Any) -> str:
    text = ascii(value)
    return text if len(text) <= 60 else f"{text[:60]}..."


def _unsaid(path: Path, why: str) -> DataError:
    return DataError(f"{path} does not say which network it belongs to: {why}")
