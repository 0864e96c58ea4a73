"""Are the arguments of a public function of the right type?"""

import inspect
import math
from collections.abc import Callable
from functools import wraps
from numbers import Integral, Real
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin

import numpy as np

from prunescope.base.devices import no_device
from prunescope.base.errors import ConfigError, DataError, nearest
from prunescope.base.images import MOST_PIXELS
from prunescope.base.paths import refusal_of_length, require_utf8
from prunescope.base.progress import Progress
from prunescope.base.text import a_kind, written

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")

_WHOLE = {
    1: (
        *("resolution", "num_classes", "batch_size", "limit", "mask_size", "resize", "workers"),
        "gpus",
    ),
    0: ("seed", "level", "replicate"),
}
"""Arguments that are whole numbers, by their least value."""
_PATHS = ("path", "folder", "out", "weights", "rates")
_TEXTS = ("split", "layer", "network", "strategy", "key")
_NUMBERS = ("mean", "std")
_AMOUNTS = ("price",)
_TOO_LARGE = 2**63
_FEW = 64  # values of a tensor or an array that is a setting, not a picture


def at_the_door(function: F) -> F:
    """Return a function that checks what it is given before it does anything.

    Numbers of numpy and torch become Python's. Raises ConfigError, naming the argument, what was
    given and what is allowed; an argument's own function checks its range.
    """
    signature = inspect.signature(function)

    @wraps(function)
    def checked(*args: Any, **named: Any) -> Any:
        try:
            bound = signature.bind(*args, **named)
        except TypeError as error:
            unknown = [name for name in named if name not in signature.parameters]
            hint = nearest(unknown[0], signature.parameters) if unknown else ""
            raise ConfigError(f"{function.__name__}: {error}{hint}") from None
        for name, value in bound.arguments.items():
            plain_value = checked_value(name, value)
            _check_kind(name, signature.parameters[name].annotation, plain_value)
            bound.arguments[name] = plain_value
        try:
            return function(*bound.args, **bound.kwargs)
        except OSError as error:
            if refusal := refusal_of_length(error):
                raise DataError(refusal) from None
            raise

    return checked  # type: ignore[return-value]  # it is called as the function is


def called_as(how: str) -> Callable[[type[T]], type[T]]:
    """Return a decorator of a class that, called wrongly, says how to get an object of it."""

    def guarded(kind: type[T]) -> type[T]:
        make: Any = kind.__init__
        signature = inspect.signature(make)

        @wraps(make)
        def checked(self: T, *args: Any, **named: Any) -> None:
            try:
                signature.bind(self, *args, **named)
            except TypeError:
                raise ConfigError(f"{kind.__name__} is not called so: {how}") from None
            make(self, *args, **named)

        setattr(kind, "__init__", checked)  # noqa: B010  # it takes what the class's takes
        return kind

    return guarded


def checked_value(name: str, value: Any) -> Any:
    """Return an argument in plain Python. Raises ConfigError where its name allows no such kind."""
    if isinstance(value, dict) and name in ("settings", "chosen"):
        return {key: checked_value(key, each) for key, each in value.items()}
    plain = _plain(value)
    if isinstance(plain, str | Path):
        require_utf8(plain)
    if plain is None:
        return plain
    if _is_whole(plain) and abs(plain) >= _TOO_LARGE:
        raise ConfigError(f"{name} is {written(plain, 40)}, but must be smaller than 2^63")
    for least, names in _WHOLE.items():
        if name in names and not (_is_whole(plain) and plain >= least):
            raise ConfigError(
                f"{name} is {_shown(value)}, but must be a whole number of {least} or more"
            )
    if name in _AMOUNTS and not (_is_number(plain) and 0 <= plain < math.inf):
        raise ConfigError(f"{name} is {_shown(value)}, but must be a number of 0 or more")
    if name == "resolution" and plain > MOST_PIXELS:
        raise ConfigError(f"resolution is {plain:,}, but must be at most {MOST_PIXELS:,} pixels")
    if name in _PATHS:
        checked_path(name, plain)
    if name in _TEXTS and not isinstance(plain, str):
        raise ConfigError(f"{name} is {_shown(value)}: give its name, as a str")
    if name in _NUMBERS:
        plain = (plain,) if _is_number(plain) else plain  # of the one channel of a network
        if not (isinstance(plain, list | tuple) and plain and all(map(_is_number, plain))):
            raise ConfigError(
                f"{name} is {_shown(value)}: give a number for each channel, as (r, g, b), or one"
            )
        return tuple(plain)
    if name == "device" and not (isinstance(plain, str) or type(plain).__name__ == "device"):
        raise no_device(value)
    if name == "progress" and not isinstance(plain, Progress):
        raise ConfigError(f"progress is {_shown(value)}: give a Progress, or leave it out")
    return plain


def checked_path(name: str, value: object) -> Path:
    """Return a path. Raises ConfigError, naming the argument, for what is none."""
    if not isinstance(value, str | Path):
        raise ConfigError(f"{name} is {_shown(value)}: give a path, as a str or a Path")
    return Path(value)


def _check_kind(name: str, annotation: Any, value: Any) -> None:
    """Raise ConfigError where a number, a name or a choice is annotated, and this is none."""
    kinds = set(get_args(annotation)) if get_origin(annotation) is UnionType else {annotation}
    if value is None and NoneType in kinds:
        return
    kinds.discard(NoneType)
    if kinds == {int} and not _is_whole(value):
        raise ConfigError(f"{name} is {_shown(value)}, but must be a whole number")
    if kinds == {str} and name in _TEXTS and not isinstance(value, str):
        raise ConfigError(f"{name} is {_shown(value)}: give its name, as a str")
    if all(get_origin(kind) is Literal for kind in kinds):
        allowed = [choice for kind in kinds for choice in get_args(kind)]
        if value not in allowed:
            hint = nearest(value, allowed) if isinstance(value, str) else ""
            choices = " or ".join(allowed)
            raise ConfigError(f"{name} is {_shown(value)}{hint}, but must be {choices}")


def _plain(value: Any) -> Any:
    if isinstance(value, np.floating):
        return float(str(value))  # as it is written: 0.1, not the float32 beside it
    if isinstance(value, np.generic):
        return value.item()
    is_array = isinstance(value, np.ndarray) or type(value).__qualname__ == "Tensor"
    is_small = is_array and value.ndim < 2 and len(value.reshape(-1)) < _FEW
    return value.tolist() if is_small else value


def _is_whole(value: object) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _shown(value: object) -> str:
    text = written(value, 61)
    plain = isinstance(value, str | int | float | list | tuple | None) and len(text) <= 60
    return text if plain else a_kind(value)
