"""What can be chosen by name, where an addition is a file?"""

import ast
import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from prunescope.base.errors import ConfigError, InputError, nearest
from prunescope.base.text import on_one_line, shortened
from prunescope.base.user_code import (
    current_directory_importable,
    find_function,
    find_source,
    raised,
)


@dataclass(frozen=True)
class Registry:
    """Choices of one kind: every module of a package is one, by its name.

    Where a name is a Python keyword, the name of its module ends with an underscore; a hyphen of a
    name is an underscore there.
    kind: what messages call it. package: of the modules, which are imported when they are used.
    function: which each module has. allows_user_code: whether "package.module:function" names a
    user's function. That is code, so such a name must never be taken from a file.
    but: modules of the package that are no choices.
    """

    kind: str
    package: str
    function: str
    allows_user_code: bool = False
    but: frozenset[str] = frozenset()

    @property
    def names(self) -> tuple[str, ...]:
        """All choices that come with Prunescope."""
        return tuple(sorted(self._modules()))

    @property
    def summaries(self) -> dict[str, str]:
        """What each of these choices does: the first line of its module's docstring.

        No module is imported for it, so that help comes without torch.
        """
        return {name: self._summary(module) for name, module in sorted(self._modules().items())}

    def described(self, description: str) -> str:
        """Return a description, and what each choice that comes with Prunescope does."""
        choices = (
            f'"{name}": {about[:1].lower()}{about[1:]}' for name, about in self.summaries.items()
        )
        return " ".join([description, *choices])

    def check(self, name: object) -> str:
        """Return a name. Raises ConfigError where nothing can have it."""
        if isinstance(name, str) and (self.is_user_code(name) or name in self.names):
            return name
        more = ', or "package.module:function" for one of your own' if self.allows_user_code else ""
        raise ConfigError(
            f'there is no {self.kind} "{on_one_line(shortened(str(name)))}"'
            f"{nearest(str(name), self.names)}: choose {' or '.join(self.names)}{more}"
        )

    def is_user_code(self, name: str) -> bool:
        """Return whether a name leads to user code, and is no choice that comes with Prunescope."""
        module, colon, function = name.partition(":")
        words = [*module.split("."), function]
        return self.allows_user_code and bool(colon) and all(word.isidentifier() for word in words)

    def module(self, name: str) -> Any | None:
        """Return the module of a choice that comes with Prunescope; None for user code."""
        self.check(name)
        if self.is_user_code(name):
            return None
        return importlib.import_module(f"{self.package}.{self._modules()[name]}")

    def find(self, name: str) -> Callable[..., Any]:
        """Return the function of a choice. Raises ConfigError where there is none."""
        module = self.module(name)
        if module is not None:
            function: Callable[..., Any] = getattr(module, self.function)
            return function
        origin, _, entry = name.partition(":")
        try:
            return find_function(origin, entry)
        except ConfigError as error:
            raise ConfigError(f'{self.kind} "{name}": {error}') from error

    def call(self, name: str, *arguments: Any) -> Any:
        """Return what the function of a choice returns.

        Raises ConfigError for whatever user code raises, in a line.
        """
        function = self.find(name)
        if not self.is_user_code(name):
            return function(*arguments)
        with current_directory_importable():
            try:
                return function(*arguments)
            except InputError:
                raise
            except (Exception, SystemExit) as error:  # whatever a user's function raises
                raise self.fault(name, f"failed: {raised(error)}") from error

    def fault(self, name: str, what: str) -> ConfigError:
        """Return the error that says what is wrong with a choice."""
        return ConfigError(f'{self.kind} "{name}" {what}')

    def source(self, name: str) -> Path | None:
        """Return the file of user code, without running it; None for a choice that comes with us.

        Raises ConfigError where there is none.
        """
        if not self.is_user_code(name):
            return None
        try:
            return find_source(name.partition(":")[0])
        except ConfigError as error:
            raise ConfigError(f'{self.kind} "{name}": {error}') from error

    def stated(self, name: str, constant: str) -> Any:
        """Return a constant that the module of a choice states; None where it does not.

        As with `summaries`, nothing is imported. None for user code, too.
        """
        if self.is_user_code(name):
            return None
        for node in self._parsed(self._modules()[self.check(name)]).body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == constant:
                return ast.literal_eval(node.value)
        return None

    def _summary(self, module: str) -> str:
        return (ast.get_docstring(self._parsed(module)) or "").partition("\n")[0]

    def _parsed(self, module: str) -> ast.Module:
        return _parsed(self.package, module)

    def _modules(self) -> dict[str, str]:
        spec = find_spec(self.package)
        folders = () if spec is None else tuple(spec.submodule_search_locations or ())
        names = [name for name in _modules_in(folders) if name not in self.but]
        return {name.rstrip("_").replace("_", "-"): name for name in names}


@cache  # a study of thousands of levels asks as often
def _modules_in(folders: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(module.name for module in pkgutil.iter_modules(folders))


@cache
def _parsed(package: str, module: str) -> ast.Module:
    return ast.parse(pkgutil.get_data(package, f"{module}.py") or b"")
