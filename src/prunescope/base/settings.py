"""How does a stage state its settings, and how is a wrong one explained?"""

from collections.abc import Mapping
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler, ValidationError
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from prunescope.base.described import describe_fields, introduction
from prunescope.base.errors import ConfigError, nearest

S = TypeVar("S", bound="Settings")
_OF_A_KEY = "[key]"  # pydantic's mark for a wrong key of a mapping


class Later:
    """Marks a field that came after runs had been keyed without it: Annotated[..., Later()]."""


class Settings(BaseModel):
    """Frozen settings of one stage: unknown keys are refused, values are checked at the door."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Describe the settings and each field by the docstring, the one place for such texts."""
        schema = handler.resolve_ref_schema(handler(core_schema))
        names, docstring = list(cls.model_fields), cls.__doc__ or ""
        schema["description"] = introduction(docstring, names)
        for name, text in describe_fields(docstring, names).items():
            schema["properties"][name]["description"] = text
        for own in schema.get("properties", {}).values():
            own.pop("title", None)  # pydantic's: the name again, in capitals
        return schema

    @classmethod
    def validate_from(cls: type[S], values: Mapping[Any, Any], where: str) -> S:
        """Read settings from plain values.

        where: what the values came from, for messages ("demo.yaml").
        Raises ConfigError naming the key, what was given, what is allowed, the nearest valid name.
        """
        try:
            return cls.model_validate(dict(values))
        except ValidationError as error:
            lines = [_explain(cls, detail) for detail in error.errors()]
            raise ConfigError(f"{where}: " + "; ".join(dict.fromkeys(lines))) from None

    def for_key(self) -> dict[str, Any]:
        """Return plain values for an artifact's key.

        A setting that came later enters only where it is not at its default, so that keys made
        before it still hold.
        """
        values = self.model_dump(mode="json")
        for name, field in type(self).model_fields.items():
            own = getattr(self, name)
            if own == field.default and any(isinstance(mark, Later) for mark in field.metadata):
                del values[name]
            elif isinstance(own, Settings):
                values[name] = own.for_key()
        return values


def _explain(model: type[BaseModel], detail: Any) -> str:
    path = ".".join(str(part) for part in detail["loc"] if part != _OF_A_KEY)
    match detail["type"]:
        case "extra_forbidden":
            *parents, key = detail["loc"]
            names = _fields_at(model, parents)
            hint = nearest(str(key), names) or f" (known here: {', '.join(names)})"
            return f"{path} is not a setting{hint}"
        case "missing":
            return f"{path} is missing"
        case "value_error":
            return f"{path or 'settings'}: {detail['ctx']['error']}"
        case "byte_size" | "byte_size_unit":
            return f"{path} is {detail['input']!r}, but must be a number of bytes, as in 512MiB"
        case _:
            message = detail["msg"]
            return f"{path} is {detail['input']!r}: {message[0].lower()}{message[1:]}"


def _fields_at(model: type[BaseModel], path: list[str | int]) -> list[str]:
    for part in path:
        field = model.model_fields.get(str(part))
        nested = _model_within(field.annotation) if field else None
        model = nested or model  # else the key of a mapping, or an index into a list
    return list(model.model_fields)


def _model_within(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_model_within(argument) for argument in get_args(annotation))
    return next((model for model in found if model is not None), None)
