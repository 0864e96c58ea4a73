"""Which options does a command have? Those of settings are built from the settings' fields."""

import inspect
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias, get_args

import typer

Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON object as the last line of standard output.")
]
Out = Annotated[Path | None, typer.Option(help="Folder to write to.")]
Weights = Annotated[
    str | None,
    typer.Option(
        metavar="FILE|DEFAULT|NAME|random",
        help="A state dict, .safetensors or as torch saves it; what torchvision or timm publish: "
        "DEFAULT, IMAGENET1K_V2, a1_in1k, ...; or random, an untrained network as a control.",
    ),
]
Key = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Which network of a file that holds several: state_dict_ema, model.teacher, ...",
        show_default="the only one",
    ),
]
KeyOfSides = Annotated[
    str | None,
    typer.Option(
        "--key",
        metavar="NAME[,NAME]",
        help="Which network of files that hold several; of A and of B, where they differ.",
        show_default="the only one",
    ),
]
NetworkOfSides = Annotated[
    str | None,
    typer.Option("--network", help="Of weights that do not say to which network they belong."),
]
NumClasses = Annotated[int | None, typer.Option(min=1, help="Number of the network's outputs.")]
Network = Annotated[
    str,
    typer.Argument(
        help="torchvision:NAME, timm:NAME, cifar_resnet20, package.module:factory, a run folder's "
        "level, or a file of `prune`.",
        show_default=False,
    ),
]
Device = Annotated[
    str | None, typer.Option(help="cpu, cuda, ...", show_default="a GPU if there is one")
]
Workers = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Processes that train replicates and strategies in parallel.",
        show_default="one for each of them, as far as the cores go; 1 on a GPU",
    ),
]
Address = Annotated[
    str | None,
    typer.Option(
        metavar="HOST:PORT|auto",
        help="The Ray cluster to work on; else one on this machine, for this call.",
    ),
]

_NULL = {"type": "null"}
_KEYWORD = inspect.Parameter.KEYWORD_ONLY
_Reader: TypeAlias = Callable[[Any, str], Any]
Stated: TypeAlias = dict[str, Any]
"""The settings that a command line states."""


@dataclass(frozen=True, kw_only=True)
class OptionsOf:
    """Marks a parameter that stands for the options of a settings class.

    Write it as Annotated[Stated, OptionsOf(model=...)].

    model: "module:class", which is imported when its command is asked for.
    only: the fields that get an option; all when empty. without: the fields that get none.
    names: of options that are not called as their field.
    arguments: fields that are given by position, and how they are shown.
    unstated: fields that need not be given here, and what holds where they are not, in words.
    checks: typer's callbacks of fields.
    """

    model: str
    only: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    arguments: Mapping[str, str] = field(default_factory=dict)
    unstated: Mapping[str, str] = field(default_factory=dict)
    checks: Mapping[str, Callable[[Any, Any], Any]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class _Setting:
    """An option, its field, and the parameter of the command for which it stands."""

    group: str
    name: str
    parameter: inspect.Parameter
    read: _Reader


def with_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a command in which each parameter that stands for settings has become options."""
    settings: dict[str, _Setting] = {}
    parameters = []
    for parameter in inspect.signature(function).parameters.values():
        options = list(_options(parameter))
        settings |= {each.parameter.name: each for each in options}
        parameters += [each.parameter for each in options] or [parameter]

    @wraps(function)
    def command(_context: Any, **values: Any) -> Any:
        stated: dict[str, Stated] = {each.group: {} for each in settings.values()}
        for option, setting in settings.items():
            value, source = values.pop(option), _context.get_parameter_source(option)
            if source is not None and not source.name.startswith("DEFAULT"):
                stated[setting.group][setting.name] = setting.read(value, option)
        return function(**values, **stated)

    context = inspect.Parameter("_context", _KEYWORD, annotation=typer.Context)
    keywords = [each.replace(kind=_KEYWORD) for each in parameters]
    changed: Any = command
    changed.__signature__ = inspect.Signature([context, *keywords])
    changed.__annotations__ = {}  # in which typer would look for the types
    return command


def as_option(name: str) -> str:
    """Return a setting's name as it is written on a command line."""
    return f"--{name.replace('_', '-')}"


def _options(parameter: inspect.Parameter) -> Iterator[_Setting]:
    """Yield the options for which a parameter stands; none where it is an option itself."""
    spec = next(
        (mark for mark in get_args(parameter.annotation) if isinstance(mark, OptionsOf)), None
    )
    if spec is None:
        return
    schema = pkgutil.resolve_name(f"prunescope.{spec.model}").model_json_schema()
    for name, setting in schema["properties"].items():
        if name in spec.without or (spec.only and name not in spec.only):
            continue
        kind, read, mark = _option(spec, name, setting)
        default = None if name in spec.unstated else setting.get("default", inspect.Parameter.empty)
        option = inspect.Parameter(
            spec.names.get(name, name),
            _KEYWORD,
            default=default,
            annotation=Annotated[kind | None if default is None else kind, mark],
        )
        yield _Setting(group=parameter.name, name=name, read=read, parameter=option)


def _option(spec: OptionsOf, name: str, setting: Mapping[str, Any]) -> tuple[Any, _Reader, Any]:
    """Return the type as which a setting is read, how its value is read on, and typer's mark."""
    kind, read, metavar = _form(setting)
    about: dict[str, Any] = {
        "help": setting["description"].partition("\n")[0],
        "metavar": metavar,
        "callback": spec.checks.get(name),
    }
    if name in spec.arguments:
        about["metavar"] = spec.arguments[name]
        return kind, read, typer.Argument(**about, show_default=False)
    if kind is bool:  # typer would add its contrary
        return kind, read, typer.Option(as_option(name), **about)
    if kind is int:
        about |= _bounds(setting)
    if kind == list[str]:
        about["help"] += " May be repeated."
    return kind, read, typer.Option(**about, show_default=spec.unstated.get(name, True) or False)


def _form(setting: Mapping[str, Any]) -> tuple[Any, _Reader, str | None]:
    """Return the type as which a setting is read, how its value is read on, and its metavar.

    setting: as it stands in the JSON schema.
    """
    variants = [each for each in setting.get("anyOf", [setting]) if each != _NULL]
    examples = "|".join(map(str, setting.get("examples", ()))) or None
    match variants:
        case [{"enum": choices}]:
            return Literal[tuple(choices)], _as_given, None
        case [{"type": "boolean" | "integer" | "number" as kind}]:
            return {"boolean": bool, "integer": int, "number": float}[kind], _as_given, None
        case [{"type": "array", "items": {"type": "number"}}]:
            return str, _numbers, examples or "R,G,B|GREY"
        case [{"type": "array"}] if "default" not in setting:
            return list[str], _as_given, None
        case [{"type": "array"}]:
            return str, _names, "A,B,..."
        case [{"type": "integer"}, {"const": word}]:
            return str, _as_given, f"N|{word}"
        case _:
            return str, _as_given, examples


def _bounds(setting: Mapping[str, Any]) -> dict[str, int]:
    """Return the least and the greatest value that are stated, as typer takes them."""
    (variant,) = (each for each in setting.get("anyOf", [setting]) if each != _NULL)
    names = {"min": "minimum", "max": "maximum"}
    return {bound: variant[name] for bound, name in names.items() if name in variant}


def _as_given(value: Any, _option: str) -> Any:
    return value


def _names(text: str, _option: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(","))


def _numbers(text: str, option: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        message = f'"{text}" is not a number, or several with commas between them, as in 0.5,0.25'
        raise typer.BadParameter(message, param_hint=f"--{option}") from None
