"""How are shapes and types checked while tests run? By beartype, to which an int is a float too."""

from collections.abc import Callable
from typing import Any

from beartype import BeartypeConf, beartype

_beartype = beartype(conf=BeartypeConf(is_pep484_tower=True))
_checked: dict[Any, Callable[..., Any]] = {}


def check(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that fails where its arguments or its result are not what they should be.

    jaxtyping hands in a function of the same signature as the one that is checked, but with no
    body. So all that are defined in one place, a function within a function each time that the
    outer one is called, share one check: to make it takes longer than what many of them do.
    """
    code, hints = function.__code__, function.__annotations__
    names = (code.co_varnames, code.co_flags, code.co_posonlyargcount, code.co_kwonlyargcount)
    try:
        key = (function.__module__, function.__qualname__, *names, tuple(hints.values()))
        if key not in _checked:
            _checked[key] = _beartype(function)
    except TypeError:  # a hint that has no hash
        return _beartype(function)
    return _checked[key]
