"""How does a function of the user's become a network? Only here is code called by its name."""

import importlib
import inspect
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import Any

from torch import nn

from prunescope.base.errors import ConfigError, InputError, first_line, nearest
from prunescope.base.modules import check_shapes
from prunescope.base.text import a_kind
from prunescope.networks.names import FORMS, Name, literal


def build_factory(name: Name, num_classes: int | None) -> nn.Module:
    """Return what a factory makes. Raises ConfigError for all that goes wrong in it.

    name: which the user gave to this very command or call; a file's passes `library_name` first.
    num_classes: handed over where the factory takes it.
    """
    with _current_directory_importable():
        factory = _find_factory(name)
        arguments = _arguments(factory, name, num_classes)
        try:
            network = factory(**arguments)
        except InputError:
            raise
        except (Exception, SystemExit) as error:  # whatever a user's function raises
            raise ConfigError(f'"{name.given}" failed: {_told(error)}') from error
    if not isinstance(network, nn.Module):
        raise ConfigError(
            f'"{name.given}" returned {type(network).__name__}, not a torch.nn.Module'
        )
    check_shapes(network)
    return network


def find_source(name: Name) -> Path:
    """Return the file that holds a factory, found without running anything of it.

    Raises ConfigError where there is none.
    """
    origin = name.origin
    loaded = sys.modules.get(origin)
    if loaded is not None and getattr(loaded, "__file__", None):
        return Path(str(loaded.__file__))
    with _current_directory_importable():
        places: list[str] | None = list(sys.path)
        spec: ModuleSpec | None = None
        for part in origin.split("."):
            spec = None if places is None else PathFinder.find_spec(part, places)
            places = None if spec is None else spec.submodule_search_locations
    if spec is None or not spec.origin or not Path(spec.origin).is_file():
        raise ConfigError(f'"{name.given}": there is no module {origin} here; {FORMS}')
    return Path(spec.origin)


def _find_factory(name: Name) -> Callable[..., Any]:
    try:
        module = importlib.import_module(name.origin)
    except (Exception, SystemExit) as error:  # whatever a user's module raises when it is imported
        raise ConfigError(
            f'"{name.given}": importing {name.origin} failed: {_told(error)}; {FORMS}'
        ) from error
    factory = getattr(module, name.entry, None)
    if not callable(factory):
        hint = nearest(name.entry, vars(module))
        fault = f'{name.origin} has no function "{name.entry}"{hint}'
        if name.entry in vars(module):
            fault = f"{name.entry} of {name.origin} is {a_kind(factory)}, but must be a function"
        raise ConfigError(f'"{name.given}": {fault}')
    return factory  # type: ignore[no-any-return]  # callable() tells mypy nothing of the result


def _arguments(factory: Callable[..., Any], name: Name, num_classes: int | None) -> dict[str, Any]:
    arguments = {key: literal(value) for key, value in name.options.items()}
    try:
        signature = inspect.signature(factory)
        takes_any = any(p.kind is p.VAR_KEYWORD for p in signature.parameters.values())
        if num_classes is not None and (takes_any or "num_classes" in signature.parameters):
            arguments["num_classes"] = num_classes
        signature.bind(**arguments)
    except (TypeError, ValueError) as error:
        raise ConfigError(f'"{name.given}" does not fit its factory: {error}') from error
    return arguments


def _told(error: BaseException) -> str:
    """Say in a line what a user's code raised, and in which line of which file."""
    if isinstance(error, SyntaxError):
        return f"SyntaxError: {error.msg} ({error.filename}, line {error.lineno})"
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename != __file__ and not frame.filename.startswith("<")
    ]
    where = f" ({frames[-1].filename}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {first_line(error)}{where}"


@contextmanager
def _current_directory_importable() -> Iterator[None]:
    folder = str(Path.cwd())
    sys.path.insert(0, folder)
    importlib.invalidate_caches()
    try:
        yield
    finally:
        if folder in sys.path:  # else the user's code has taken it out
            sys.path.remove(folder)
