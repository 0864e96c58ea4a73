"""How does a stage state its settings, and how is a wrong one explained?"""

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from types import NoneType
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ByteSize,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticUndefined

from prunescope.base.attribute_docs import attribute_docs
from prunescope.base.errors import ConfigError, nearest
from prunescope.base.images import MOST_PIXELS, in_range
from prunescope.base.text import on_one_line, shortened, written

S = TypeVar("S", bound="Settings")
_SHOWN = 10  # faults in one message
_LONGEST_NAME = 200  # bytes; file systems take 255
_OF_A_KEY = "[key]"  # pydantic's mark for a wrong key of a mapping
_FOLDER_NAME = r"^[^/\\.][^/\\]*$"
_ALLOWED = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "string": "a text: write it in quotes",
    "tuple": "a list: write [a] or [a, b]",
    "list": "a list: write [a] or [a, b]",
}
"""What is allowed, by the word with which pydantic begins the name of an error."""


Count = Annotated[int, Field(ge=1, le=10_000)]
"""How many of a thing a study may have."""
Pixels = Annotated[int, Field(ge=1, le=MOST_PIXELS)]
"""A length in images."""
Batch = Annotated[int, Field(ge=1, le=1_000_000)]
"""Images in a batch."""
Rate = Annotated[float, Field(gt=0, le=1e15)]
"""A rate of learning."""
Seed = Annotated[int, Field(ge=0, le=2**63 - 1)]
"""From which random numbers follow."""


def _as_folder(name: str) -> str:
    is_plain = on_one_line(name) == name and re.search(_FOLDER_NAME, name) is not None
    if not is_plain or len(name.encode("utf-8", "replace")) > _LONGEST_NAME:
        raise ValueError(
            f'"{on_one_line(shortened(name))}" names no folder: use no slashes and no control '
            f"characters, no dot at the beginning, and 1 to {_LONGEST_NAME} bytes"
        )
    return name


RunName = Annotated[
    str,
    AfterValidator(_as_folder),
    WithJsonSchema({"type": "string", "pattern": _FOLDER_NAME}),
]
"""The name of a study, and of its folder under runs/."""


def _of_one_channel(value: Any) -> Any:
    """Return a number as the values of a single channel; anything else as it is."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return (value,) if is_number else value


class Later:
    """Marks a field that is younger than the keys of some runs: Annotated[..., Later()].

    meant: what runs did before the field was there, where that is not its default.
    """

    def __init__(self, *, meant: Any = PydanticUndefined) -> None:
        self.meant = meant

    def value(self, field: FieldInfo) -> Any:
        """Return the value at which a field enters no key."""
        return field.default if self.meant is PydanticUndefined else self.meant


Bytes = Annotated[
    ByteSize,
    WithJsonSchema(
        {
            "anyOf": [{"type": "integer", "minimum": 0}, {"type": "string"}],
            "examples": ["512MiB", "4GiB"],
        }
    ),
]
"""A size of memory, as a number of bytes or with a unit."""

_Values = tuple[Annotated[float, Field(allow_inf_nan=True)], ...]  # `in_range` refuses these
Mean = Annotated[_Values, BeforeValidator(_of_one_channel), AfterValidator(in_range("mean"))]
"""The mean of each channel in [0, 1]; a number alone is of one channel."""
Std = Annotated[_Values, BeforeValidator(_of_one_channel), AfterValidator(in_range("std"))]
"""The standard deviation of each channel in (0, 1]; a number alone is of one channel."""

ExpectedMean = Annotated[
    Mean | None,
    Field(description="Mean of each channel in [0, 1]; by default what the network expects."),
]
ExpectedStd = Annotated[
    Std | None,
    Field(
        description="Standard deviation of each channel in (0, 1]; by default what the network "
        "expects."
    ),
]
Limit = Annotated[
    Annotated[int, Field(ge=1)] | None,
    Field(description="Use only the first so many images; by default all."),
]


class NeverKeyed:
    """Marks a field that changes no artifact's content and so enters no key."""


class Settings(BaseModel):
    """Frozen settings of one stage: unknown keys are refused, values are checked at the door."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @classmethod
    def __pydantic_init_subclass__(cls, **_given: Any) -> None:
        """Take the docstring behind a field as its description, unless it has one."""
        texts = attribute_docs(cls)
        for name, field in cls.model_fields.items():
            if field.description is None and name in texts:
                field.description = texts[name]

    @model_validator(mode="before")
    @classmethod
    def _true_is_no_number(cls, values: Any) -> Any:
        """Refuse true and false where they would be read as 1 and 0."""
        for name, value in values.items() if isinstance(values, Mapping) else ():
            field = cls.model_fields.get(name)
            items = value if isinstance(value, list | tuple) else (value,)
            if field is None or not any(isinstance(item, bool) for item in items):
                continue
            if not _admits_bool(field.annotation):
                raise ValueError(
                    f"{name} is {written(value).lower()}, but must not be true or false"
                )
        return values

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Describe the settings by their docstring, each of its paragraphs on one line."""
        schema = handler.resolve_ref_schema(handler(core_schema))
        schema["description"] = unfolded(cls.__doc__)
        for name, property_ in schema.get("properties", {}).items():
            property_.pop("title", None)  # pydantic's: the name again, in capitals
            property_["description"] = unfolded(cls.model_fields[name].description)
        return schema

    @classmethod
    def validate_from(
        cls: type[S], values: Mapping[Any, Any], where: str, spell: Callable[[str], str] = str
    ) -> S:
        """Read settings from plain values.

        where: what the values came from, for messages ("demo.yaml"). spell: writes a setting's name
        as its user did.
        Raises ConfigError naming the key, what was given, what is allowed, the nearest valid name.
        """
        try:
            return cls.model_validate(dict(values))
        except ValidationError as error:
            raise explained(cls, error, where, spell) from None

    @classmethod
    @cache
    def marked(cls, *marks: type) -> frozenset[str]:
        """Return the names of the fields that have any of these marks."""
        return frozenset(
            name
            for name, field in cls.model_fields.items()
            if any(isinstance(mark, marks) for mark in field.metadata)
        )

    def for_key(self) -> dict[str, Any]:
        """Return plain values for an artifact's key.

        A setting that is `Later` enters only where it differs from what was meant before it was
        there, its default mostly, so keys made before it still hold. One that is `NeverKeyed` never
        enters.
        """
        values = self.model_dump(mode="json")
        never = self.marked(NeverKeyed)
        for name, field in type(self).model_fields.items():
            value = getattr(self, name)
            later = [mark for mark in field.metadata if isinstance(mark, Later)]
            if name in never or any(value == mark.value(field) for mark in later):
                del values[name]
            elif isinstance(value, Settings):
                values[name] = value.for_key()
        return values


def unfolded(text: str | None) -> str:
    """Return a docstring's text with each of its paragraphs on one line."""
    paragraphs = re.split(r"\n\s*\n", inspect.cleandoc(text or ""))
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def explained(
    model: type[BaseModel], error: ValidationError, where: str, spell: Callable[[str], str] = str
) -> ConfigError:
    """Return pydantic's refusal of settings as the error that `validate_from` raises."""
    lines = list(dict.fromkeys(_explain(model, detail, spell) for detail in _faults(error)))
    more = [f"and {len(lines) - _SHOWN:,} more"] if len(lines) > _SHOWN else []
    return ConfigError(f"{where}: " + "; ".join([*lines[:_SHOWN], *more]))


def _admits_bool(annotation: Any) -> bool:
    """Return whether a field takes true and false, or at least no number for which they pass."""
    kinds = _kinds_of(annotation)
    return bool in kinds or not kinds & {int, float}


def _kinds_of(annotation: Any) -> set[Any]:
    if get_origin(annotation) in (Literal, dict) or not get_args(annotation):
        return {annotation} - {NoneType}
    return set().union(*map(_kinds_of, get_args(annotation)))


def _faults(error: ValidationError) -> list[Any]:
    """Return the faults, but not that a list is too short where only its items are at fault."""
    faults: list[Any] = error.errors()
    return [fault for fault in faults if fault["type"] != "too_short" or not fault["input"]]


def _explain(model: type[BaseModel], detail: Any, spell: Callable[[str], str]) -> str:
    plain = ".".join(f"{part!s:.60}" for part in detail["loc"] if part != _OF_A_KEY)
    path = spell(plain) if plain else ""
    value = _as_in_yaml(detail["input"])
    match detail["type"]:
        case "extra_forbidden":
            *parents, key = detail["loc"]
            names = _fields_at(model, parents)
            hint = nearest(str(key), names) or f" (known here: {', '.join(names)})"
            return f"{path} is not a setting{hint}"
        case "missing":
            return f"{path} is missing"
        case "value_error":
            reason, name = str(detail["ctx"]["error"]), plain.rpartition(".")[2]
            is_named = bool(name) and reason.startswith(f"{name} ")
            return (
                path + reason.removeprefix(name) if is_named else f"{path or 'settings'}: {reason}"
            )
        case "byte_size" | "byte_size_unit":
            return f"{path} is {value}, but must be a number of bytes, as in 512MiB"
        case "too_short":
            return f"{path} is empty, but must name at least one"
        case "model_type" | "dict_type" | "mapping_type":
            names = _fields_at(model, detail["loc"]) if detail["type"] == "model_type" else []
            which = f" ({', '.join(names)})" if names else ""
            return f"{path} is {value}, but must hold settings{which}: write them below it"
        case kind:
            begin, is_plain, expected = detail["msg"].partition("Input should be ")
            allowed = _ALLOWED.get(kind.partition("_")[0], expected if is_plain else "")
            advice = f", but must be {allowed}" if allowed else f": {begin[0].lower()}{begin[1:]}"
            return f"{path} is {value}{advice}"


def _as_in_yaml(value: object) -> str:
    names = {True: "true", False: "false", None: "null"}
    return names[value] if value is None or isinstance(value, bool) else written(value)


def _fields_at(model: type[BaseModel], path: Sequence[str | int]) -> list[str]:
    for part in path:
        field = model.model_fields.get(str(part))
        nested = _model_within(field.annotation) if field else None
        model = nested or model  # else the key of a mapping, or an index into a list
    return list(model.model_fields)


def _model_within(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    models = (_model_within(argument) for argument in get_args(annotation))
    return next((model for model in models if model is not None), None)
