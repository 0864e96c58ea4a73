"""Which kinds of concept sets can be opened? Each module here is the kind of its name.

It has a function `open_set(request)`, which returns a `Divisible` set for a `Request` and checks
what can be checked without opening a picture. `FORM` is how such a set is named, `OPTIONS` what
may stand behind its place (`coco:FILE,boxes=true`), each with what it says.
"""

from functools import cache
from typing import TYPE_CHECKING

from prunescope.base.errors import ConfigError, nearest
from prunescope.base.registry import Registry
from prunescope.concepts.request import COMMON, Request

if TYPE_CHECKING:
    from prunescope.concepts.protocol import Divisible

SOURCES = Registry(
    kind="kind of concept set", package="prunescope.concepts.sources", function="open_set"
)
FIRST = ("scenes", "broden", "masks")
"""The kinds that are shown before all others."""


@cache
def kinds() -> dict[str, str]:
    """Return how a set of each kind is named, and what that stands for."""
    order = [*FIRST, *(name for name in SOURCES.names if name not in FIRST)]
    summaries = SOURCES.summaries
    return {str(SOURCES.stated(name, "FORM")): summaries[name] for name in order}


def open_source(request: Request) -> "Divisible":
    """Return the set of a request.

    Raises ConfigError for a kind, an option or a split that there is not, DataError for files that
    cannot be used.
    """
    is_kind = request.kind in SOURCES.names
    if not is_kind or (":" in SOURCES.stated(request.kind, "FORM")) != bool(request.place):
        hint = "" if is_kind else nearest(request.kind, SOURCES.names)
        choice = ", or ".join(f"{form} ({what})" for form, what in kinds().items())
        raise ConfigError(f'there is no concept set "{request.name}"{hint}: give {choice}')
    allowed = SOURCES.stated(request.kind, "OPTIONS") or {}
    for option in request.options:
        if option not in allowed:
            every = {**allowed, **COMMON}
            choice = ", ".join(f"{key}= ({what})" for key, what in every.items())
            raise ConfigError(
                f'the concept set "{request.name}" has no option "{option}"'
                f"{nearest(option, every)}; {request.kind} takes {choice}"
            )
    opened: Divisible = SOURCES.find(request.kind)(request)
    return opened
