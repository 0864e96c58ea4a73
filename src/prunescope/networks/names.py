"""How is the name of a network read?"""

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prunescope.base.errors import ConfigError, nearest
from prunescope.base.text import a_kind
from prunescope.base.user_code import find_source

LIBRARIES = ("torchvision", "timm", "shipped")
_LONGEST = 2_000
DEPTHS = (20, 32, 44, 56, 110)
"""Of the ResNets for CIFAR (He et al. 2016, section 4.2)."""
CIFAR = {f"cifar_resnet{depth}": depth for depth in DEPTHS}
SHIPPED = (*CIFAR, "plain_cnn")
FORMS = (
    'write "torchvision:resnet18" (for a ResNet on small images "torchvision:resnet18,stem=small"),'
    ' "timm:convnext_atto" (with arguments of its own: "timm:vit_tiny_patch16_224,img_size=64"),'
    f' one of {", ".join(SHIPPED)} (wider: "cifar_resnet20,width=2"), or'
    ' "package.module:factory" (with arguments: "package.module:factory,depth=3")'
    "; where a command asks for it, also the folder of a run's level, or a file of `prune`"
)


@dataclass(frozen=True, kw_only=True)
class Name:
    """A network's name in its parts.

    origin: "torchvision", "timm", "shipped", or the module that holds the factory.
    """

    text: str
    origin: str
    entry: str
    options: Mapping[str, str]


def parse(name: str) -> Name:
    """Take a name apart. Raises ConfigError for one that cannot be read."""
    name = as_name(name)
    if len(name) > _LONGEST or not name.isprintable():
        shown = ascii(name[:60]) + ("..." if len(name) > 60 else "")
        raise ConfigError(
            f"{shown} is not a network: a name has up to {_LONGEST:,} characters, none of which "
            f"is a control character; {FORMS}"
        )
    head, *parts = (part.strip() for part in name.split(","))
    options: dict[str, str] = {}
    for part in parts:
        key, value = _option(part, name)
        if key in options:
            raise ConfigError(f'"{name}" gives {key} twice')
        options[key] = value
    origin, colon, entry = head.partition(":")
    if colon and origin and entry:
        return Name(text=name, origin=origin, entry=entry, options=options)
    if head in SHIPPED:
        return Name(text=name, origin="shipped", entry=head, options=options)
    raise ConfigError(f'"{name}" is not a network{nearest(head, SHIPPED)}: {FORMS}')


def factory_source(name: str) -> Path | None:
    """Return the file that holds a name's factory; None for the networks of a library.

    The module is found; neither it nor the packages above it are run. Raises ConfigError where
    there is none.
    """
    parsed = parse(name)
    if parsed.origin in LIBRARIES:
        return None
    try:
        return find_source(parsed.origin)
    except ConfigError as error:
        raise ConfigError(f'"{parsed.text}": {error}; {FORMS}') from error


def as_name(name: object) -> str:
    """Return a name or a path as text. Raises ConfigError for what is neither."""
    if not isinstance(name, str | Path):
        raise ConfigError(f"the network is {a_kind(name)}: give its name, as a str")
    return str(name)


def refuse_other_options(name: Name, allowed: str) -> None:
    """Raise ConfigError for an option that is not the allowed one."""
    for key in name.options:
        if key != allowed:
            hint = nearest(key, [allowed])
            raise ConfigError(f'"{name.text}" has no option "{key}"{hint}: it takes {allowed}')


def literal(text: str) -> Any:
    """Return the Python literal that an option's value is, else the text itself."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return text


def _option(part: str, name: str) -> tuple[str, str]:
    key, equals, value = (piece.strip() for piece in part.partition("="))
    if not (key.isidentifier() and equals and value):
        raise ConfigError(f'"{part}" in the network "{name}" is not of the form key=value')
    return key, value
