"""Which library network does the config.json of a Hugging Face folder name?"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from prunescope.base.errors import ConfigError, DataError
from prunescope.base.text import on_one_line, shortened
from prunescope.networks.description import Description
from prunescope.networks.reading.files import CONFIG
from prunescope.networks.timm_networks import timm_input
from prunescope.networks.trust import beside_weights, trusted_name


def describe_hub_folder(path: Path) -> Description:
    """Return the network of timm that a hub folder's config.json names, and what it expects to see.

    Only timm's own form counts ("architecture", "num_classes", "pretrained_cfg"), with arguments
    that are numbers or words: no code is called, and nothing is fetched.
    Raises DataError where it names none or has other arguments, and says how to name it.
    """
    config = _read(path / CONFIG)
    from timm.models import is_model

    architecture = config.get("architecture")
    if not isinstance(architecture, str) or not is_model(architecture):
        stated = architecture or _listed(config.get("architectures"))
        shown = on_one_line(shortened(str(stated)))
        what = f'says "{shown}", which is no network of timm' if stated else "names none"
        raise DataError(
            f"{path} does not say which network it belongs to: its {CONFIG} {what}; name the "
            f"network and give the folder as its weights (NETWORK --weights {path})"
        )
    options = _options(path, architecture, config.get("model_args"))
    classes = config.get("num_classes")
    stated_input = config.get("pretrained_cfg")
    try:
        stated = stated_input if isinstance(stated_input, Mapping) else {}
        expected = timm_input(stated)
    except (ConfigError, TypeError, ValueError, IndexError, KeyError, OverflowError) as error:
        raise DataError(
            f"{path / CONFIG} is damaged: pretrained_cfg ({on_one_line(shortened(str(error)))})"
        ) from None
    name = f"timm:{architecture}{options}"
    return Description(
        name=trusted_name(name, path / CONFIG, how=beside_weights(name, path)),
        num_classes=classes if isinstance(classes, int) and classes > 0 else None,
        input=expected,
    )


def _options(path: Path, architecture: str, arguments: object) -> str:
    """Return the arguments of a network as its name has them. Raises DataError for others."""
    options = ""
    for name, value in arguments.items() if isinstance(arguments, Mapping) else ():
        if _is_stated(name) or value is None:
            continue
        is_word = isinstance(value, str) and value.replace("_", "").isalnum()
        if not name.isidentifier() or not (is_word or isinstance(value, int | float)):
            shown = on_one_line(shortened(f"{name}={value!r}", 60))
            raise DataError(
                f"{path / CONFIG} builds its network with {shown}, which is not taken from a file: "
                f"name the network, with that, as in timm:{architecture},NAME=VALUE or a function "
                f"of your own, and give the folder as its weights (--weights {path})"
            )
        options += f",{name}={value}"
    return options


def _listed(names: object) -> str:
    return ", ".join(map(str, names)) if isinstance(names, list) else ""


def _is_stated(name: str) -> bool:
    """Return whether an argument is stated elsewhere, or says from where timm takes weights."""
    return name == "num_classes" or name.startswith(("pretrained", "checkpoint", "cache"))


def _read(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is damaged: {error}") from None
    if not isinstance(values, dict):
        raise DataError(f"{path} is damaged: it holds no JSON object")
    return values
