"""What can be chosen in a dissection, and of which concept images?"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, TypeAlias, TypedDict

from pydantic import (
    BeforeValidator,
    Field,
    field_validator,
    model_validator,
)

from prunescope.base.errors import ConfigError
from prunescope.base.forward_settings import (
    ForwardArithmetic,
    ForwardBatch,
    ForwardPrecision,
    plain_in_bfloat16,
)
from prunescope.base.images import Arithmetic, Channels, Precision
from prunescope.base.settings import (
    Bytes,
    Count,
    ExpectedMean,
    ExpectedStd,
    Later,
    Limit,
    NeverKeyed,
    Pixels,
    Settings,
)
from prunescope.base.text import written
from prunescope.dissection.conventions import CONVENTIONS, Convention, ConventionName

DrawCount: TypeAlias = Annotated[int, Field(ge=0)] | Literal["auto"]
"""How many draws of chance: so many, or as many as it takes to decide."""

DEFAULT_LAYER = "(default)"
"""Stands for the layer that a network is dissected at where none is named."""

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


class ScoresOnly:
    """Marks a field that changes the scores of a dissection, but none of its counts."""


class ConceptSettings(Settings):
    """The concept images on which networks are dissected."""

    source: str
    """scenes (embedded), broden:DIR, or masks:DIR (your own)."""
    split: str | None = None
    """Use only the images of this split; by default all, or those that the convention uses."""
    limit: Limit = None
    mask_size: Annotated[Pixels | None, Later()] = None
    """Side in pixels to which all label maps are brought, so that all images weigh alike; by
    default they stay as they are."""


class DissectionSettings(Settings):
    """Settings of one dissection (docs/method.md)."""

    layers: Annotated[tuple[str, ...], Field(min_length=1)]
    """The layers to dissect: names as in `model.named_modules()`, each once, or patterns (layer?,
    *.conv2).

    A study must name its layers: it is checked before there is a network."""
    quantile: Annotated[float, Field(gt=0, le=0.5)] = 0.005
    """Share of a unit's cells above its threshold, in (0, 0.5]."""
    convention: Annotated[ConventionName, Later()] = "exact"
    """By whose rules units are counted. Its own IoU, mean, std and categories are used where these
    are not set."""
    iou: Annotated[float, ScoresOnly(), Field(ge=0, le=1)] = 0.05
    """A unit is interpretable if its best IoU is strictly above this; each convention but "exact"
    has a default of its own."""
    resolution: Pixels | None = None
    """Side in pixels that images are squashed to; by default what the network expects."""
    mean: ExpectedMean = None
    std: ExpectedStd = None
    categories: Annotated[Annotated[tuple[str, ...], Field(min_length=1)] | None, ScoresOnly()] = (
        None
    )
    """Only labels of these categories may be a concept; by default all, or those that the
    convention allows.

    Images, thresholds and the results of the labels that are left do not depend on it."""
    batch_size: ForwardBatch = 32
    precision: ForwardPrecision = "float32"
    arithmetic: ForwardArithmetic = "folded"
    channels_last: Annotated[bool, Later()] = False
    """Use the channels-last memory format in plain float32 too; bfloat16 always does, and so does
    folded arithmetic on CPUs."""
    axes: Annotated[str | None, Later(), Field(examples=["NHWC", "LNC", "NHWC,LNC"])] = None
    """The axes of the layers' outputs (N images, C units, H rows, W columns, L tokens), or those of
    four and of three axes with a comma; by default they are told from outputs of several sizes."""
    examples: Count = 16
    """How many top activating images of each unit are kept."""
    association: Annotated[bool, Later(meant=False)] = True
    """Measure Pearson's correlation and AUPRC of units with their labels over all pixels, too."""
    null: Annotated[DrawCount, BeforeValidator(read_draws), Later(), ScoresOnly()] = 0
    """How often the labels are permuted among the images, to see what is due to chance: a number,
    or "auto" to draw until it is decided which units are beyond it."""
    memory: Annotated[Bytes, NeverKeyed()] = Field(default="2GiB", validate_default=True)
    """Bytes for the maps that are kept until the thresholds are known, of all layers together, in
    each process; it changes no number.

    Layers that need more are shown the images twice. With `null`, as much again is for the labels
    of all images; what it does not hold is read anew, and the masks of all units are kept beside
    it (docs/dissection.md says what they take)."""

    def completed(self, *, resolution: int, mean: Channels, std: Channels) -> "DissectionSettings":
        """Return these settings with a network's own input where they state none."""
        expected = {"resolution": resolution, "mean": mean, "std": std}
        return self.model_copy(
            update={key: value for key, value in expected.items() if getattr(self, key) is None}
        )

    @property
    def rules(self) -> Convention:
        """The convention's rules."""
        return CONVENTIONS[self.convention]

    @model_validator(mode="before")
    @classmethod
    def _as_the_convention_where_nothing_is_stated(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        name = values.get("convention", "exact")
        rules = next((rules for rules in CONVENTIONS.values() if rules.name == name), None)
        if rules is None:
            return values  # which the field refuses
        unstated = [key for key in ("iou", "mean", "std") if values.get(key) is None]
        return {**values, **{key: getattr(rules, key) for key in unstated}}

    @model_validator(mode="before")
    @classmethod
    def _bfloat16_is_plain(cls, values: Any) -> Any:
        return plain_in_bfloat16(values)

    @model_validator(mode="before")
    @classmethod
    def _quantile_is_the_share_above(cls, values: Any) -> Any:
        stated = values.get("quantile") if isinstance(values, Mapping) else None
        if isinstance(stated, int | float) and 0.5 < stated < 100 and stated is not True:
            part = stated if stated < 1 else stated / 100
            share = 1 - part if part > 0.5 else part
            raise ValueError(
                f"quantile is {stated:g}, but it is the share of a unit's cells above its "
                f"threshold, in (0, 0.5]: probably {round(share, 12):g} is meant"
            )
        return values

    @field_validator("axes")
    @classmethod
    def _axes_are_read(cls, axes: str | None) -> str | None:
        if axes is None:
            return None
        try:
            return ",".join(parse_axes(axes).values())
        except ConfigError as error:
            raise ValueError(str(error)) from None

    @model_validator(mode="after")
    def _chance_is_defined(self) -> "DissectionSettings":
        if self.null and self.rules.inside:
            raise ValueError(
                f"null permutes labels, but under the convention {self.convention} the area of a "
                "mask counts only where a label lies inside it: take another convention"
            )
        return self

    @model_validator(mode="after")
    def _names_each_once(self) -> "DissectionSettings":
        for key, names in (("layers", self.layers), ("categories", self.categories or ())):
            repeated = sorted({name for name in names if names.count(name) > 1})
            if repeated:
                raise ValueError(f"{key} names {', '.join(repeated)} more than once")
        return self


class ConceptOptions(TypedDict, total=False):
    """Which images of a concept set are used, as a function takes it by keyword."""

    split: str | None
    limit: int | None
    mask_size: int | None


class SharedOptions(TypedDict, total=False):
    """The settings that dissections by several conventions share, as a function takes them."""

    quantile: float
    iou: float | None
    categories: Sequence[str] | None
    resolution: int | None
    mean: Channels | float | None
    std: Channels | float | None
    axes: str | None
    batch_size: int
    precision: Precision
    arithmetic: Arithmetic
    channels_last: bool
    examples: int
    association: bool
    null: DrawCount
    memory: int | str


class DissectionOptions(SharedOptions, total=False):
    """The settings of a dissection, all but its layers, as a function takes them by keyword."""

    convention: ConventionName
