"""How is a user's function found by its name? Only here is a module of theirs imported."""

import importlib
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import Any

from prunescope.base.errors import ConfigError, first_line, nearest
from prunescope.base.text import a_kind

_OURS = Path(__file__).parents[1]


def find_function(module: str, name: str) -> Callable[..., Any]:
    """Import a module, from the current directory too, and return a function of it.

    Raises ConfigError where there is none, or whatever the module raises, in a line.
    """
    with current_directory_importable():
        try:
            imported = importlib.import_module(module)
        except (Exception, SystemExit) as error:  # whatever user code raises
            raise ConfigError(f"importing {module} failed: {raised(error)}") from error
    function = getattr(imported, name, None)
    if callable(function):
        return function  # type: ignore[no-any-return]  # callable() tells mypy nothing of results
    if name in vars(imported):
        raise ConfigError(f"{name} of {module} is {a_kind(function)}, but must be a function")
    raise ConfigError(f'{module} has no function "{name}"{nearest(name, vars(imported))}')


def find_source(module: str) -> Path:
    """Return the file that holds a module, found without running anything of it.

    Raises ConfigError where there is none.
    """
    loaded = sys.modules.get(module)
    if loaded is not None and getattr(loaded, "__file__", None):
        return Path(str(loaded.__file__))
    with current_directory_importable():
        folders: list[str] | None = list(sys.path)
        spec: ModuleSpec | None = None
        for part in module.split("."):
            spec = None if folders is None else PathFinder.find_spec(part, folders)
            folders = None if spec is None else spec.submodule_search_locations
    if spec is None or not spec.origin or not Path(spec.origin).is_file():
        raise ConfigError(f"there is no module {module} here")
    return Path(spec.origin)


def raised(error: BaseException) -> str:
    """Say in a line what user code raised, and in which line of which file of theirs."""
    if isinstance(error, SyntaxError):
        return f"SyntaxError: {error.msg} ({error.filename}, line {error.lineno})"
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith("<") and not Path(frame.filename).is_relative_to(_OURS)
    ]
    where = f" ({frames[-1].filename}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {first_line(error)}{where}"


@contextmanager
def current_directory_importable() -> Iterator[None]:
    """Let modules be imported from the current directory."""
    folder = str(Path.cwd())
    sys.path.insert(0, folder)
    importlib.invalidate_caches()
    try:
        yield
    finally:
        if folder in sys.path:  # else user code has taken it out
            sys.path.remove(folder)
