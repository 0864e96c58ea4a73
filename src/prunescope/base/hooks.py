"""What do methods of a room leave to rooms above, which it may not import?

A saved result shows itself in a notebook, and a level gives its network, without importing what
draws or what computes. The package says where those functions stand when it is imported; each
module is loaded when its function is first called.
"""

import importlib
from collections.abc import Callable
from typing import Any

_HOMES: dict[str, str] = {}


def register(**homes: str) -> None:
    """State where functions stand, as "package.module:function"; nothing is imported yet."""
    _HOMES.update(homes)


def hook(name: str) -> Callable[..., Any]:
    """Return a registered function, importing its module."""
    module, _, function = _HOMES[name].partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), function)
    return found


class Shown:
    """A result that reads as text on a terminal and as HTML in a notebook."""

    def __str__(self) -> str:
        return str(hook("text")(self))

    def _repr_html_(self) -> str:
        return str(hook("html")(self))
