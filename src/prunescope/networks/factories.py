"""How is a network made by a user's function? Only this module calls one by name."""

import inspect
import sys
from collections.abc import Callable
from typing import Any

from torch import nn

from prunescope.base.errors import ConfigError, InputError
from prunescope.base.modules import check_shapes
from prunescope.base.user_code import (
    current_directory_importable,
    find_function,
    raised,
)
from prunescope.networks.names import FORMS, Name, literal


def build_factory(name: Name, num_classes: int | None) -> nn.Module:
    """Return what a factory makes. Raises ConfigError for all that goes wrong in it.

    name: which the user gave to this very command or call; a file's passes `trusted_name` first.
    num_classes: handed over where the factory takes it.
    """
    with current_directory_importable():
        factory = _find_factory(name)
        arguments = _arguments(factory, name, num_classes)
        try:
            network = factory(**arguments)
        except InputError:
            raise
        except (Exception, SystemExit) as error:  # whatever a user's function raises
            raise ConfigError(f'"{name.text}" failed: {raised(error)}') from error
    if not isinstance(network, nn.Module):
        raise ConfigError(f'"{name.text}" returned {type(network).__name__}, not a torch.nn.Module')
    check_shapes(network)
    return network


def _find_factory(name: Name) -> Callable[..., Any]:
    try:
        return find_function(name.origin, name.entry)
    except ConfigError as error:
        forms = "" if name.origin in sys.modules else f"; {FORMS}"
        raise ConfigError(f'"{name.text}": {error}{forms}') from error


def _arguments(factory: Callable[..., Any], name: Name, num_classes: int | None) -> dict[str, Any]:
    arguments = {key: literal(value) for key, value in name.options.items()}
    try:
        signature = inspect.signature(factory)
        takes_any = any(p.kind is p.VAR_KEYWORD for p in signature.parameters.values())
        if num_classes is not None and (takes_any or "num_classes" in signature.parameters):
            arguments["num_classes"] = num_classes
        signature.bind(**arguments)
    except (TypeError, ValueError) as error:
        raise ConfigError(f'"{name.text}" does not fit its factory: {error}') from error
    return arguments
