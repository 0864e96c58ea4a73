"""How does a function take settings by keyword, and state them in signature and docstring?"""

import inspect
import textwrap
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar, get_args, get_type_hints

from pydantic.fields import FieldInfo

from prunescope.base.settings import Settings, unfolded

F = TypeVar("F", bound=Callable[..., Any])
S = TypeVar("S", bound=Settings)
Fields = Mapping[str, FieldInfo]
_WIDTH = 96


def takes(*models: type[Settings]) -> Callable[[F], F]:
    """Return a decorator of a function that takes settings, most as `**settings: Unpack[...]`.

    models: whose fields the settings are. Each setting joins the function's signature with its
    default, and its docstring with the text of its field, unless that explains it already.
    """
    fields = {name: field for model in models for name, field in model.model_fields.items()}

    def taking(function: F) -> F:
        signature = inspect.signature(function)
        parameters = [
            parameter
            for stated in signature.parameters.values()
            for parameter in _spread(stated, fields)
        ]
        taken = {parameter.name: fields.get(parameter.name) for parameter in parameters}
        changed: Any = function
        changed.__signature__ = signature.replace(parameters=parameters)
        changed.__doc__ = explain(function.__doc__ or "", taken)
        return function

    return taking


def parted(model: type[S], values: Mapping[str, Any], where: str) -> tuple[S, dict[str, Any]]:
    """Return the settings of a model among values, and the other values.

    where: as `validate_from` takes it. Raises ConfigError as it does.
    """
    stated = {name: value for name, value in values.items() if name in model.model_fields}
    rest = {name: value for name, value in values.items() if name not in model.model_fields}
    return model.validate_from(stated, where), rest


def explain(docstring: str, fields: Mapping[str, FieldInfo | None]) -> str:
    """Return a docstring that ends with the texts of the fields that it does not explain itself."""
    entries = [
        textwrap.fill(
            f"{name}: {unfolded(field.description).partition(chr(10))[0]}",
            _WIDTH,
            subsequent_indent="    ",
            break_on_hyphens=False,
        )
        for name, field in fields.items()
        if field is not None and f"{name}: " not in docstring
    ]
    return "\n\n".join([inspect.cleandoc(docstring), "\n".join(entries)])


def _spread(parameter: inspect.Parameter, fields: Fields) -> Iterator[inspect.Parameter]:
    """Yield a parameter; instead of `**settings` the settings, in the order of the fields."""
    if parameter.kind is not inspect.Parameter.VAR_KEYWORD:
        yield parameter
        return
    (options,) = get_args(parameter.annotation)
    kinds = get_type_hints(options)
    for name in sorted(kinds, key=list(fields).index):
        yield inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=fields[name].get_default(),
            annotation=kinds[name],
        )
