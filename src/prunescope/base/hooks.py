"""How does a result call code of a higher package without importing it?

A saved result shows itself in a notebook, and a level gives its network, without importing what
draws or what computes. The package registers where these functions stand when it is imported; the
module of each is loaded when the function is first called.
"""

from collections.abc import Callable
from typing import Any

_HOMES: dict[str, str] = {}


def register(**homes: str) -> None:
    """State where functions stand, as "package.module:function"; nothing is imported yet."""
    _HOMES.update(homes)


def hook(name: str) -> Callable[..., Any]:
    """Return a registered function, importing its module."""
    from pkgutil import resolve_name  # which takes 4 ms that `import prunescope` has not

    function: Callable[..., Any] = resolve_name(_HOMES[name])
    return function


class Shown:
    """A result that reads as text in Python and on a terminal, and as HTML in a notebook."""

    def __repr__(self) -> str:
        return str(hook("text")(self))

    def _repr_html_(self) -> str:
        return str(hook("html")(self))
