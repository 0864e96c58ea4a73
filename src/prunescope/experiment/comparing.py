"""What do two networks see differently? Both are dissected alike, then compared."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Unpack

from prunescope.base.arguments import takes
from prunescope.base.errors import ConfigError, DataError, InputError
from prunescope.base.formats import is_safetensors
from prunescope.base.modules import checked_network
from prunescope.base.progress import SILENT, Progress
from prunescope.base.text import a_kind
from prunescope.comparison.dissections import Comparison, Match
from prunescope.dissection.capture import find_layers
from prunescope.dissection.settings import DissectionSettings
from prunescope.experiment.handed_in import computing
from prunescope.experiment.single import dissect_network
from prunescope.networks.description import has_description, names_code
from prunescope.networks.loading import RANDOM, LoadedNetwork, load_network
from prunescope.networks.reading.files import is_hub_folder, is_weights_folder, weights_file
from prunescope.report.comparison import check_room, write_comparison
from prunescope.results.dissection import Dissection
from prunescope.results.kinds import holds_weights, is_level, is_run
from prunescope.statistics.bootstrap import ResamplingOptions, ResamplingSettings
from prunescope.statistics.compare import compare_resampled

Side = str | Path | LoadedNetwork


@takes(ResamplingSettings)
def compare_networks(
    a: Side,
    b: Side,
    *,
    layer: str,
    concepts: str,
    network: str | None = None,
    num_classes: int | None = None,
    key: str | None = None,
    settings: DissectionSettings | None = None,
    split: str | None = None,
    limit: int | None = None,
    mask_size: int | None = None,
    match: Match | None = None,
    out: Path | str | None = None,
    device: str | None = None,
    progress: Progress = SILENT,
    **resampling: Unpack[ResamplingOptions],
) -> Comparison:
    """Dissect two networks alike on one concept set, and say what became of A's units in B.

    a, b: files of weights, levels of a run, "random" for the network untrained, or what
        `load_network` returns. One of them may be a
        saved dissection on the same set, or a table of Network Dissection: it is taken as it is.
    layer: of both. concepts: the name of a set, of which `split` and `limit` select images.
    mask_size: make all label maps squares of so many pixels a side; None leaves them as they are.
    network, num_classes: of files of weights that do not say to which network they belong.
    key: which network of files that hold several ("state_dict_ema"), of A and B alike; two names
        with a comma between them where they differ, and nothing for a side that needs none.
    settings: of the dissections (their `layers` do not count); the defaults when None. Units are
        interpretable above `settings.iou`.
    match: as for `compare`. device: where to compute; a GPU if there is one when None.
    progress: where to report.
    out: a folder for the comparison, with the dissections in `a` and `b` below it.
    Returns the Comparison (Frankle & Bau 2019; docs/method.md).
    Raises ConfigError or DataError, saying on which side, for what cannot be opened, dissected or
    compared; nothing is written then.
    """
    for letter, side in (("A", a), ("B", b)):
        if not isinstance(side, str | Path | LoadedNetwork):
            raise ConfigError(
                f"{letter} is {a_kind(side)}: give a path, or what load_network returns"
            )
    if not isinstance(concepts, str):
        raise ConfigError(f"concepts is {a_kind(concepts)}: give the name of a set")
    if settings is not None and not isinstance(settings, DissectionSettings):
        settings = DissectionSettings.validate_from({"layers": (layer,), **settings}, "settings")
    drawn = ResamplingSettings.validate_from(resampling, "compare")
    place = None if out is None else Path(out)
    if place is not None:
        check_room(place)
    chosen = settings or DissectionSettings(layers=(layer,))
    chosen = chosen.model_copy(update={"layers": (layer,)})
    opened: dict[str, LoadedNetwork | Path] = {}
    for letter, side, chosen_key in zip("AB", (a, b), _keys(key), strict=True):
        with _on_side(letter, side):
            opened[letter] = _open(side, layer, network, num_classes, chosen_key)
    if not any(isinstance(side, LoadedNetwork) for side in opened.values()):
        raise ConfigError(
            f"neither {a} nor {b} is a network, so there is nothing to dissect: leave out the "
            "concept set (--concepts)"
        )
    sides: dict[str, Dissection | Path] = {}
    for letter, side in (("A", a), ("B", b)):
        resolved = opened[letter]
        if not isinstance(resolved, LoadedNetwork):
            sides[letter] = resolved
            continue
        with _on_side(letter, side), computing(resolved) as plain:
            sides[letter] = dissect_network(
                plain,
                chosen,
                concepts,
                split=split,
                limit=limit,
                mask_size=mask_size,
                device=device,
                progress=progress.titled(letter),
            )
    compared = compare_resampled(
        sides["A"], sides["B"], layer=layer, match=match, iou=chosen.iou, resampling=drawn
    )
    named = replace(compared, a={**compared.a, **_name(a)}, b={**compared.b, **_name(b)})
    if place is not None:
        made = {
            letter.lower(): side for letter, side in sides.items() if isinstance(side, Dissection)
        }
        write_comparison(named, place, dissections=made)
    return named


def _keys(key: str | None) -> tuple[str | None, str | None]:
    """Return the keys of A and B. Raises ConfigError for more than two."""
    if key is None or "," not in key:
        return key, key
    of_a, *rest = (name.strip() or None for name in key.split(","))
    if len(rest) > 1:
        raise ConfigError(f'--key is "{key}", but names one network, or that of A and that of B')
    return of_a, rest[0]


def _open(
    side: Side, layer: str, network: str | None, num_classes: int | None, key: str | None
) -> LoadedNetwork | Path:
    """Return the network of a side, which has the layer; or the path of what was dissected."""
    if isinstance(side, LoadedNetwork):
        loaded = replace(side, module=checked_network(side.module))
    elif str(side) == RANDOM and not Path(side).exists():
        if network is None:
            raise ConfigError("random weights of which network? Give its name (--network)")
        loaded = load_network(network, weights=RANDOM, num_classes=num_classes)
    else:
        path = Path(side).expanduser()
        if not path.exists():
            raise DataError("it does not exist: give a file of weights, a level or a dissection")
        if is_run(path):
            raise ConfigError("it is a whole run: name one of its levels")
        is_file = path.is_file() and holds_weights(path)
        if is_level(path) or is_weights_folder(path) or is_file:
            loaded = _load(path, network, num_classes, key)
        else:
            return path
    with computing(loaded) as plain:
        find_layers(plain.module, (layer,))
    return loaded


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


def _name(side: Side) -> dict[str, str]:
    return {"name": side.name if isinstance(side, LoadedNetwork) else str(side)}


@contextmanager
def _on_side(letter: str, side: Side) -> Iterator[None]:
    """Say of what the user gave wrong on which side it is."""
    try:
        yield
    except InputError as error:
        raise type(error)(f"{letter} ({_name(side)['name']}): {error}") from error
