"""Which two networks or results are meant where two are laid side by side?"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from prunescope.base.errors import ConfigError, DataError, InputError
from prunescope.base.formats import is_safetensors
from prunescope.base.modules import checked_network
from prunescope.base.text import a_kind
from prunescope.networks.description import has_description, names_code
from prunescope.networks.loading import RANDOM, LoadedNetwork, load_network
from prunescope.networks.reading.files import is_hub_folder, is_weights_folder, weights_file
from prunescope.results.kinds import holds_weights, is_level, is_run

Side = str | Path | LoadedNetwork


def check_sides(*sides: object) -> None:
    """Raise ConfigError where A or B is neither a path nor a loaded network."""
    for letter, side in zip("AB", sides, strict=True):
        if not isinstance(side, str | Path | LoadedNetwork):
            raise ConfigError(
                f"{letter} is {a_kind(side)}: give a path, or what load_network returns"
            )


def keys_of_sides(key: str | None) -> tuple[str | None, str | None]:
    """Return the keys of A and B. Raises ConfigError for more than two."""
    if key is None or "," not in key:
        return key, key
    of_a, *rest = (name.strip() or None for name in key.split(","))
    if len(rest) > 1:
        raise ConfigError(f'--key is "{key}", but names one network, or that of A and that of B')
    return of_a, rest[0]


def open_side(
    side: Side, network: str | None, num_classes: int | None, key: str | None
) -> LoadedNetwork | Path:
    """Return the network of a side, or the path of what is none.

    network, num_classes: of weights that do not say to which network they belong. key: which
    network of a file that holds several.
    Raises ConfigError or DataError for what is not there, or does not fit.
    """
    if isinstance(side, LoadedNetwork):
        return replace(side, module=checked_network(side.module))
    if str(side) == RANDOM and not Path(side).exists():
        if network is None:
            raise ConfigError("random weights of which network? Give its name (--network)")
        return load_network(network, weights=RANDOM, num_classes=num_classes)
    path = Path(side).expanduser()
    if not path.exists():
        raise DataError(
            "it does not exist: give a file of weights or a level of a run (compare also takes a "
            "dissection)"
        )
    if is_run(path):
        raise ConfigError("it is a whole run: name one of its levels")
    is_file = path.is_file() and holds_weights(path)
    if is_level(path) or is_weights_folder(path) or is_file:
        return _load(path, network, num_classes, key)
    return path


def side_name(side: Side) -> dict[str, str]:
    """Return what a side is called, as part of its description."""
    return {"name": side.name if isinstance(side, LoadedNetwork) else str(side)}


@contextmanager
def on_side(letter: str, side: Side) -> Iterator[None]:
    """Say of what the user gave wrong on which side it is."""
    try:
        yield
    except InputError as error:
        raise type(error)(f"{letter} ({side_name(side)['name']}): {error}") from error


def _load(
    path: Path, network: str | None, num_classes: int | None, key: str | None
) -> LoadedNetwork:
    if is_hub_folder(path) and network is None:
        return load_network(str(path), key=key)
    file = weights_file(path)
    if is_safetensors(file) and has_description(file) and not (network and names_code(file)):
        return load_network(str(path))
    if network is None:
        raise ConfigError(
            "it does not say to which network its weights belong: give its name (--network)"
        )
    return load_network(network, weights=path, num_classes=num_classes, key=key)
