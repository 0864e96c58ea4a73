"""Which networks and which weights does timm have?"""

import math
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from torch import nn

from prunescope.base.errors import ConfigError, DataError, InputError, nearest, reason_of
from prunescope.imaging.network_input import IMAGENET, NetworkInput
from prunescope.imaging.sizing import Sizing
from prunescope.networks.names import Name, literal
from prunescope.networks.published import Published, choose, fetch, fetch_from_hub
from prunescope.networks.weights import read_state_dict

_OURS = {
    "num_classes": "give --num-classes",
    "pretrained": "give --weights DEFAULT",
    "checkpoint_path": "give --weights FILE",
    "features_only": "the whole network is needed",
    "out_indices": "the whole network is needed",
    **dict.fromkeys(
        (
            *("pretrained_cfg", "pretrained_cfg_overlay", "pretrained_strict"),
            *("pretrained_custom_load", "pretrained_model_args", "pretrained_filter_fn"),
            *("cache_dir", "file", "state_dict"),
        ),
        "it would read or fetch weights, for which there is --weights",
    ),
    **dict.fromkeys(("scriptable", "exportable", "no_jit"), "networks run as plain modules"),
}
"""Arguments of timm.create_model that no name may hold, and what to do instead."""
_CROP_SHARE = 0.875  # timm.data.DEFAULT_CROP_PCT
_FILES = ("model.safetensors", "pytorch_model.bin")


def build_timm(name: Name, num_classes: int | None, **arguments: Any) -> nn.Module:
    """Make a network of timm, its options passed on. Raises ConfigError for what timm refuses."""
    import timm

    _check_known(name)
    for key, instead in _OURS.items():
        if key in name.options:
            raise ConfigError(f'"{name.text}" cannot take {key}: {instead}')
    arguments |= {key: literal(value) for key, value in name.options.items()}
    if num_classes is not None:
        arguments["num_classes"] = num_classes
    try:
        network: nn.Module = timm.create_model(name.entry, **arguments)
    except InputError:  # of what a file may ask for
        raise
    except Exception as error:  # timm raises anything for an option that does not fit
        raise ConfigError(f'timm refuses "{name.text}": {reason_of(error)}') from error
    return network


def timm_network_input(name: Name) -> NetworkInput:
    """Return what a network of timm expects to see: as its default weights do, if it has any."""
    from timm.models import get_pretrained_cfg

    _check_known(name)
    return _input_of(name, get_pretrained_cfg(name.entry))


def timm_input(stated: Mapping[str, Any], *, image_size: Any = None) -> NetworkInput:
    """Return what a `pretrained_cfg` of timm states; what it lacks is ImageNet's.

    image_size: the side, or height and width, that the network was built for instead, if any.
    """
    size = image_size or (stated.get("input_size") or (IMAGENET.resolution,))[-1]
    return NetworkInput(
        mean=tuple(map(float, stated.get("mean") or IMAGENET.mean)),
        std=tuple(map(float, stated.get("std") or IMAGENET.std)),
        resolution=int(size if isinstance(size, int) else size[-1]),
    )


def find_timm_weights(name: Name, wanted: str) -> Published:
    """Return the published weights of a network; nothing is downloaded yet.

    wanted: their tag, as timm writes it behind the network's name ("a1_in1k"), or "DEFAULT".
    Raises ConfigError for a network that has none, or not these.
    """
    from timm.models import get_pretrained_cfg, list_pretrained

    _check_known(name)
    tags = [
        full.partition(".")[2]
        for full in list_pretrained(f"{name.entry}.*")
        if full.partition(".")[0] == name.entry
    ]
    default = get_pretrained_cfg(name.entry)
    best = (default.tag or "") if default and default.has_weights else None
    tag = choose(wanted, tags or ([""] if best == "" else []), name.text, best)
    stated: Any = get_pretrained_cfg(f"{name.entry}.{tag}" if tag else name.entry)
    expected = _input_of(name, stated)
    return Published(
        name=tag or name.entry,
        num_classes=stated.num_classes or None,
        input=expected,
        measured_on=_measured_on(vars(stated), expected.resolution),
        load=partial(_load, name, tag, stated),
    )


def _check_known(name: Name) -> None:
    from timm.models import list_models

    names = list_models()
    if name.entry in names:
        return
    network, dot, tag = name.entry.partition(".")
    if dot and network in names:
        raise ConfigError(f'"{name.text}": write "timm:{network}" and --weights {tag}')
    hint = nearest(name.entry, names) or " (timm.list_models() shows all)"
    raise ConfigError(f'timm has no network "{name.entry}"{hint}')


def _input_of(name: Name, stated: Any) -> NetworkInput:
    size = literal(name.options.get("img_size", "None"))
    image_size = size if isinstance(size, int) else None
    return timm_input(vars(stated) if stated else {}, image_size=image_size)


def _measured_on(stated: Mapping[str, Any], resolution: int) -> Sizing:
    if stated.get("crop_mode", "center") != "center":
        return Sizing(resolution=resolution)
    share = stated.get("crop_pct") or _CROP_SHARE
    return Sizing(resolution=resolution, shorter_side=math.floor(resolution / share))


def _load(name: Name, tag: str, stated: Any) -> nn.Module:
    """Return the network with published weights, as timm fits them to its present form."""
    if name.options:
        build_timm(name, None)  # what timm refuses is said before anything is downloaded
    path, own_form = _fetch(stated)
    source: dict[str, Any] = {"file": str(path), "custom_load": True}
    if not own_form:
        source = {"state_dict": read_state_dict(path)}
    try:
        return build_timm(
            name,
            None,
            pretrained=True,
            pretrained_cfg=tag or None,
            pretrained_cfg_overlay=source,
        )
    except ConfigError as error:
        raise DataError(f"{path} does not fit {name.text}: {error}") from error


def _fetch(stated: Any) -> tuple[Path, bool]:
    """Return the file of published weights, and whether only the network itself can read it.

    The latter are arrays of numpy, of which timm takes no pickled ones. On the hub, most of these
    are kept as tensors as well.
    """
    if not stated.hf_hub_id:
        url = stated.url if isinstance(stated.url, str) else stated.url[0]
        return fetch(url), bool(stated.custom_load)
    named = (stated.hf_hub_filename,) if stated.hf_hub_filename else _FILES
    return fetch_from_hub(stated.hf_hub_id, named), stated.custom_load == "hf"
