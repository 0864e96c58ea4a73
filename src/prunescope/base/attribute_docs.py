"""What do the docstrings behind the attributes of a class say?

pydantic would read them, too, but looks for the source of every class anew, line by line, which
takes a fifth of the time in which all settings are imported. Here a module is parsed once.
"""

import ast
import inspect
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import pairwise

_Docs = Mapping[str, str]


def attribute_docs(cls: type) -> _Docs:
    """Return the docstring behind each annotated attribute that a class states, by its name.

    Empty where the source of its module is not there.
    """
    return _docs_of(cls.__module__).get(cls.__qualname__, {})


@cache
def _docs_of(module: str) -> Mapping[str, _Docs]:
    """Return what is said in a module, by the qualified name of the class."""
    try:
        tree = ast.parse(inspect.getsource(sys.modules[module]))
    except (OSError, TypeError, SyntaxError):
        return {}
    return dict(_classes_in(tree, ""))


def _classes_in(node: ast.AST, prefix: str) -> Iterator[tuple[str, _Docs]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef):
            name = f"{prefix}{child.name}"
            yield name, dict(_docs_in(child))
            yield from _classes_in(child, f"{name}.")
        elif isinstance(child, ast.FunctionDef):
            yield from _classes_in(child, f"{prefix}{child.name}.<locals>.")
        elif isinstance(child, ast.stmt):
            yield from _classes_in(child, prefix)


def _docs_in(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for stated, behind in pairwise(node.body):
        if (
            isinstance(stated, ast.AnnAssign)
            and isinstance(stated.target, ast.Name)
            and isinstance(behind, ast.Expr)
            and isinstance(behind.value, ast.Constant)
            and isinstance(behind.value.value, str)
        ):
            yield stated.target.id, inspect.cleandoc(behind.value.value)
