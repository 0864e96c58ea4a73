"""May a name that was read from a file choose which network is built? It must not run code.

Names that the user types now (on the command line, in the recipe that is given, in a Python call)
may lead to any factory. Names in files may select networks of a library, with harmless options;
this is the only place that decides it, and `Description`s that come from files have passed it.
"""

import math
from pathlib import Path

from prunescope.base.errors import ConfigError, DataError
from prunescope.networks.names import LIBRARIES, Name, literal, parse

_LONGEST_NAME = 300
_LARGEST_NUMBER = 65_536
_LONGEST_WORD = 40
_READ_FILES = ("pretrained", "checkpoint", "cache", "file", "url", "hf_hub", "state_dict")
"""How options of timm begin by which it reads, or fetches, files."""


class NamesCode(DataError):
    """A file says that it belongs to a network that is not of a library."""


def trusted_name(name: str, path: Path, typed: str | None = None, how: str | None = None) -> str:
    """Return a name that was read from a file, if it may be built.

    typed: the network that the user names now, which may be any. how: it is named where the file
    holds no weights.
    Raises NamesCode for a name that leads to code, and for an option by which a library would read
    other files; DataError for a name that cannot be read.
    """
    if name == typed:
        return name
    if len(name) > _LONGEST_NAME:
        raise DataError(f"{path} names a network in {len(name):,} characters: it is damaged")
    try:
        parsed = parse(name)
    except ConfigError as error:
        raise DataError(f"{path} is damaged, or names no network: {error}") from None
    if parsed.origin not in LIBRARIES:
        raise NamesCode(
            f'{path} says that it belongs to "{name}", which is code, and a file must not choose '
            "what is run: it was not called. If you trust that code, name it yourself, "
            f"{how or beside_weights(name, path)}"
        )
    for key in parsed.options:
        if not _is_harmless(parsed, key):
            raise NamesCode(
                f'{path} says that it belongs to "{name}", whose option {key} a file must not '
                "choose. If you trust it, name the network yourself, "
                f"{how or beside_weights(name, path)}"
            )
    return name


def beside_weights(name: str, path: Path) -> str:
    """Say how a user names the network of weights that lie at a path."""
    return (
        f"as the network with --weights {path} (audit, compare: --network), or in Python: "
        f'load("{name}", weights="{path}")'
    )


def _is_harmless(name: Name, key: str) -> bool:
    if key.startswith(_READ_FILES):
        return False
    value = literal(name.options[key])
    if isinstance(value, bool) or value is None:
        return True
    if isinstance(value, int | float):
        return math.isfinite(value) and abs(value) <= _LARGEST_NUMBER
    is_word = isinstance(value, str) and value.replace("_", "").isalnum()
    return is_word and len(value) <= _LONGEST_WORD
