"""How is a choice of pruning stated in settings, and described?"""

from typing import Annotated, Any

from pydantic import AfterValidator, Field, WithJsonSchema

from prunescope.base.errors import ConfigError
from prunescope.base.registry import Registry
from prunescope.pruning.choices import CRITERIA, RECOVERIES, SCHEDULES, SCOPES, Structure


def _named(registry: Registry) -> AfterValidator:
    def check(name: str) -> str:
        try:
            return registry.check(name)
        except ConfigError as error:
            raise ValueError(str(error)) from None

    return AfterValidator(check)


def _schema(registry: Registry) -> WithJsonSchema:
    """Offer the names that come with Prunescope, and take any that leads to code."""
    examples = [*registry.names, f"mine:{registry.function}"]
    named = {"enum": list(registry.names)}
    users = {"type": "string", "pattern": r"^[\w.]+:\w+$"}
    return WithJsonSchema({"anyOf": [named, users], "examples": examples})


def _text(registry: Registry, description: str) -> Any:
    """Return the text of a setting, and what each choice that comes with Prunescope does."""
    return Field(description=registry.described(description))


Criterion = Annotated[
    str,
    _named(CRITERIA),
    _schema(CRITERIA),
    _text(CRITERIA, description="Which weights survive, by name or by a function of your own."),
]
Scope = Annotated[
    str,
    _named(SCOPES),
    _schema(SCOPES),
    _text(SCOPES, description="Which weights compete, by name or by a function of your own."),
]
PrunedStructure = Annotated[
    Structure,
    Field(
        description='What goes: "weights", single ones, which become zeros; "filters", which are '
        "removed with all that belongs to their channels, so that the network is smaller; "
        '"2:4", of each four weights along the input channels the two that score lowest.'
    ),
]
Recovery = Annotated[
    str,
    _named(RECOVERIES),
    _schema(RECOVERIES),
    _text(
        RECOVERIES,
        description="How a pruned network recovers, by name or by a function of your own.",
    ),
]
Schedule = Annotated[
    str,
    _named(SCHEDULES),
    _schema(SCHEDULES),
    _text(
        SCHEDULES,
        description="How many weights each level keeps, by name or by a function of your own.",
    ),
]
