"""What can be chosen in a dissection, and of which concept images?"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypedDict

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
    Seed,
    Settings,
)
from prunescope.dissection.basis_file import SUFFIX
from prunescope.dissection.conventions import CONVENTIONS, Convention, ConventionName
from prunescope.dissection.stated import (
    Basis,
    DrawCount,
    Quantile,
    Quantiles,
    parse_axes,
    read_draws,
)

DEFAULT_LAYER = "(default)"
"""Stands for the layer that a network is dissected at where none is named."""


_LONGEST = 10  # formula


class ScoresOnly:
    """Marks a field that changes the scores of a dissection, but none of its counts."""


class ConceptSettings(Settings):
    """The concept images on which networks are dissected."""

    source: str
    """scenes (embedded), broden:DIR, masks:DIR (your own), coco:FILE, or another kind that
    `concepts list` names."""
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
    quantile: Quantile = 0.005
    """Share of a unit's cells above its threshold, in (0, 0.5]."""
    quantiles: Annotated[Quantiles | None, Later(), Field(examples=["0.001,0.01"])] = None
    """Other quantiles at which units and concepts are counted, too, in the same passes."""
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
    basis: Annotated[Basis, Later()] = None
    basis_seed: Annotated[Seed, Later()] = 0
    """Where a random basis comes from; other seeds give others."""
    skip_broken: Annotated[bool, Later()] = False
    """Leave out images that, or whose label maps, cannot be read, at most 1 % of all, and list
    them; by default the first one ends it."""
    examples: Count = 16
    """How many top activating images of each unit are kept."""
    association: Annotated[bool, Later(meant=False)] = True
    """Measure Pearson's correlation and AUPRC of units with their labels over all pixels, too."""
    null: Annotated[DrawCount, BeforeValidator(read_draws), Later(), ScoresOnly()] = 0
    """How often the labels are permuted among the images, to see what is due to chance: a number,
    or "auto" to draw until it is decided which units are beyond it."""
    formulas: Annotated[int, Later(), ScoresOnly(), Field(ge=1, le=_LONGEST)] = 1
    """How many labels a formula may join with and, or, and-not, to fit a unit better than one label
    does; 1 searches for none."""
    beam: Annotated[int, Later(), ScoresOnly(), Field(ge=1, le=1000)] = 10
    """How many formulas of each length the search makes longer; more find better ones, and take
    longer."""
    formula_draws: Annotated[int, Later(), ScoresOnly(), Field(ge=0, le=10_000)] = 0
    """How often the search is repeated with labels that are permuted among the images, to see how
    good formulas are by chance."""
    memory: Annotated[Bytes, NeverKeyed()] = Field(default="2GiB", validate_default=True)
    """Bytes for the maps that are kept until the thresholds are known, of all layers together, in
    each process; it changes no number.

    Layers that need more are shown the images twice. With `null` or `formulas`, as much again is
    for the labels of all images; what it does not hold is read anew, and the masks of all units are
    kept beside it (docs/dissection.md says what they take)."""

    def completed(self, *, resolution: int, mean: Channels, std: Channels) -> "DissectionSettings":
        """Return these settings with a network's own input where they state none."""
        expected = {"resolution": resolution, "mean": mean, "std": std}
        return self.model_copy(
            update={key: value for key, value in expected.items() if getattr(self, key) is None}
        )

    @property
    def basis_file(self) -> Path | None:
        """The file with the directions; None where none is named."""
        basis = self.basis or ""
        return Path(basis).expanduser() if basis.endswith(SUFFIX) else None

    @property
    def along(self) -> str:
        """What is dissected: units, or the name of the basis, of a file without its path."""
        return self.basis_file.name if self.basis_file else self.basis or "units"

    @property
    def keeps_masks(self) -> bool:
        """Whether the masks of all units are kept until they are counted with other labels."""
        return bool(self.null) or self.formulas > 1

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
    def _formulas_are_defined(self) -> "DissectionSettings":
        if self.formula_draws and self.formulas == 1:
            raise ValueError(
                f"formula_draws is {self.formula_draws}, but formulas is 1, which searches for "
                "none: set formulas to the most labels that one may have"
            )
        if self.formulas > 1 and not (self.rules.once and self.rules.truth_once):
            raise ValueError(
                f"formulas is {self.formulas}, but under the convention {self.convention} a pixel "
                'may count twice, which no formula does: take the convention "exact"'
            )
        return self

    @model_validator(mode="after")
    def _quantiles_are_others(self) -> "DissectionSettings":
        if self.quantile in (self.quantiles or ()):
            raise ValueError(
                f"quantiles names {self.quantile:g}, which is the quantile itself: leave it out"
            )
        return self

    @model_validator(mode="after")
    def _names_each_once(self) -> "DissectionSettings":
        quantiles = tuple(f"{quantile:g}" for quantile in self.quantiles or ())
        for key, names in (
            ("layers", self.layers),
            ("categories", self.categories or ()),
            ("quantiles", quantiles),
        ):
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
    quantiles: Sequence[float] | None
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
    basis: str | Path | None
    basis_seed: int
    skip_broken: bool
    examples: int
    association: bool
    null: DrawCount
    memory: int | str


class DissectionOptions(SharedOptions, total=False):
    """The settings of a dissection, all but its layers, as a function takes them by keyword."""

    convention: ConventionName
    formulas: int
    beam: int
    formula_draws: int
