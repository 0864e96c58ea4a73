"""How is what a user states of a dissection read: draws, axes, a basis or a quantile?"""

from collections import Counter
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from prunescope.base.errors import ConfigError
from prunescope.base.registry import Registry
from prunescope.base.text import written
from prunescope.dissection.basis_file import SUFFIX

DrawCount: TypeAlias = Annotated[int, Field(ge=0)] | Literal["auto"]
"""How many draws of chance: so many, or as many as it takes to decide."""

BASES = Registry("basis", "prunescope.dissection.bases", "directions")
"""Along which directions a layer is dissected, beside those of a file."""

_MOST_DRAWS = 1_000_000
_KINDS_OF_AXES = ("NCHW", "NLC")


def read_draws(value: Any) -> Any:
    """Return a number of draws, or "auto", as it may stand in a recipe or on a command line.

    Raises ValueError for anything else.
    """
    if isinstance(value, str) and value.strip().isdecimal():
        value = int(value)
    is_number = isinstance(value, int) and not isinstance(value, bool)
    if value != "auto" and not (is_number and 0 <= value <= _MOST_DRAWS):
        raise ValueError(
            f'{written(value)} is not how often labels can be permuted: give "auto" to draw until '
            f"it is decided, or a number from 0 to {_MOST_DRAWS:,}"
        )
    return value


def parse_axes(text: str) -> dict[int, str]:
    """Read axes as a user states them, "NHWC" or "NHWC,LNC", by how many there are.

    Raises ConfigError for letters that are no axes, and for two of one number.
    """
    stated = [part.strip().upper() for part in text.split(",")]
    counts = Counter(map(len, stated))
    sound = all(any(sorted(axes) == sorted(kind) for kind in _KINDS_OF_AXES) for axes in stated)
    if not sound or max(counts.values()) > 1:
        raise ConfigError(
            f'axes are "{text}", but must be the letters NCHW or NLC in the order of the axes, as '
            "in NHWC, LNC or NHWC,LNC (N images, C units, H rows, W columns, L tokens)"
        )
    return {len(axes): axes for axes in stated}


def _read_basis(basis: str) -> str:
    if basis.endswith(SUFFIX):
        return basis
    try:
        return BASES.check(basis)
    except ConfigError as error:
        raise ValueError(f"{error}, or the path of a file of matrices (NAME{SUFFIX})") from None


_Basis = Annotated[
    str,
    BeforeValidator(lambda value: str(value) if isinstance(value, Path) else value),
    AfterValidator(_read_basis),
    WithJsonSchema(
        {"anyOf": [{"enum": list(BASES.names)}, {"type": "string", "pattern": r"\.safetensors$"}]}
    ),
]
Basis = Annotated[
    _Basis | None,
    Field(
        description=BASES.described(
            description="Directions to dissect in place of units, each a weighted sum of a layer's "
            "units: by name, or a safetensors file with a matrix (direction x unit) named after "
            "each layer."
        ),
        examples=[*BASES.names, f"FILE{SUFFIX}"],
    ),
]


def _read_quantile(value: Any) -> Any:
    """Refuse the share of the cells below a threshold, or one in percent."""
    if isinstance(value, int | float) and 0.5 < value < 100:
        part = value if value < 1 else value / 100
        share = 1 - part if part > 0.5 else part
        raise ValueError(
            f"quantile is {value:g}, but it is the share of a unit's cells above its threshold, in "
            f"(0, 0.5]: probably {round(share, 12):g} is meant"
        )
    return value


Quantile = Annotated[float, Field(gt=0, le=0.5), BeforeValidator(_read_quantile)]
Quantiles = Annotated[tuple[Quantile, ...], Field(min_length=1)]
