"""Which networks may a file name? Those of a library, made of plain options; nothing that is code.

What the user types now (a command, a recipe, a Python call) may name a factory, which is called.
What is read from a file may not: whoever wrote the file would choose what runs here.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from prunescope.base.errors import ConfigError, DataError
from prunescope.networks.names import LIBRARIES, Name, literal, parse

_WORD = re.compile(r"[A-Za-z0-9_.]{1,40}")
_LONGEST, _SHOWN = 500, 80
_LARGEST: Mapping[str, float] = {
    **dict.fromkeys(("img_size", "patch_size", "embed_dim", "num_features"), 4096),
    **dict.fromkeys(("depth", "num_heads", "window_size", "in_chans", "output_stride"), 512),
    **dict.fromkeys(("reg_tokens", "kernel_size", "mlp_ratio", "width", "cardinality"), 512),
    **dict.fromkeys(("base_width", "stem_width"), 512),
    **dict.fromkeys(("drop_rate", "drop_path_rate", "drop_block_rate", "proj_drop_rate"), 1),
    **dict.fromkeys(("attn_drop_rate", "patch_drop_rate", "init_values", "ls_init_value"), 1),
    **dict.fromkeys(("qkv_bias", "qk_norm", "class_token", "no_embed_class", "pre_norm"), 1),
    **dict.fromkeys(("fc_norm", "dynamic_img_size", "strict_img_size", "zero_init_last"), 1),
}
"""Options of timm that a file may state, and the largest number each may be; False is 0."""
_WORDS = ("global_pool", "act_layer", "norm_layer", "aa_layer", "pos_embed", "stem_type")
"""Options of timm that a file may state as a word, which timm looks up among its own."""


def library_name(name: object, path: Path) -> str:
    """Return the name that a file gives to its network, if that is a library's.

    path: the file. Raises DataError for any other, saying how to go on, and for options that do
    more than shape a network.
    """
    text = _readable(name, path)
    try:
        parsed = parse(text)
    except ConfigError as error:
        raise DataError(f"{path} does not say which network it belongs to: {error}") from None
    refused = code_refusal(text, path)
    if refused is not None:
        raise DataError(refused)
    for key, value in parsed.options.items():
        if not _is_harmless(parsed, key, value):
            raise DataError(
                f'{path} says it belongs to "{text}", but a file may not choose {key}={value}: '
                f"where you trust it, name the network yourself, {_cure(path)}"
            )
    return text


def code_refusal(name: object, path: Path) -> str | None:
    """Say that nothing is called that a file names, and how to go on; None where it names none."""
    try:
        is_code = isinstance(name, str) and parse(name).origin not in LIBRARIES
    except ConfigError:
        return None
    if not is_code:
        return None
    return (
        f'{path} says it belongs to "{_shown(name)}", a function, but nothing is called that only '
        f"a file names: where you know and trust that code, name it yourself, {_cure(path)}"
    )


def _cure(path: Path) -> str:
    return (
        f"package.module:factory --weights {path} in place of the file (to `audit` and `compare` "
        "give --network package.module:factory; in Python "
        f'load("package.module:factory", weights="{path}"))'
    )


def _readable(name: object, path: Path) -> str:
    if isinstance(name, str) and name.isprintable() and len(name) <= _LONGEST:
        return name
    raise DataError(f"{path} does not say which network it belongs to: its name is {_shown(name)}")


def _shown(name: object) -> str:
    text = name if isinstance(name, str) and name.isprintable() else ascii(name)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _is_harmless(name: Name, key: str, text: str) -> bool:
    value = literal(text)
    if name.origin == "cifar":
        return key == "width" and _within(value, _LARGEST["width"])
    if name.origin == "torchvision":
        return key == "stem"
    if key in _WORDS:
        return _WORD.fullmatch(text) is not None
    return key in _LARGEST and (value is None or _within(value, _LARGEST[key]))


def _within(value: Any, largest: float) -> bool:
    return isinstance(value, int | float) and 0 <= value <= largest
