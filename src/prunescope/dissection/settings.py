"""What can be chosen in a dissection?"""

from typing import Annotated

from pydantic import Field, model_validator

from prunescope.base.images import Channels, Precision
from prunescope.base.settings import Settings

Spread = Annotated[float, Field(gt=0)]


class DissectionSettings(Settings):
    """Settings of one dissection (METHOD section 2).

    layers: names as in `model.named_modules()`, each once; outside of studies, whose layers are
        known before their network, also patterns, as `choose_layers` takes them.
    quantile: share of a unit's cells above its threshold, in (0, 1).
    iou: a unit is interpretable if its best IoU is strictly above this.
    resolution, mean, std: the network's input; None takes what is known of the network.
    categories: only labels of these may be a concept; None allows all. Images, thresholds and the
        results of the labels that are left do not depend on it.
    batch_size: images per forward pass; it changes no more than the last digits.
    precision: the forward pass in float32, or in bfloat16 where autocast allows.
    examples: number of top images kept per unit.
    """

    layers: Annotated[tuple[str, ...], Field(min_length=1)]
    quantile: Annotated[float, Field(gt=0, lt=1)] = 0.005
    iou: Annotated[float, Field(ge=0, le=1)] = 0.05
    resolution: Annotated[int, Field(ge=1)] | None = None
    mean: Channels | None = None
    std: tuple[Spread, Spread, Spread] | None = None
    categories: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    batch_size: Annotated[int, Field(ge=1)] = 32
    precision: Precision = "float32"
    examples: Annotated[int, Field(ge=1)] = 16

    def completed(self, *, resolution: int, mean: Channels, std: Channels) -> "DissectionSettings":
        """Return these settings with a network's own input where they state none."""
        known = {"resolution": resolution, "mean": mean, "std": std}
        return self.model_copy(
            update={key: value for key, value in known.items() if getattr(self, key) is None}
        )

    @model_validator(mode="after")
    def _names_each_once(self) -> "DissectionSettings":
        for key, names in (("layers", self.layers), ("categories", self.categories or ())):
            repeated = sorted({name for name in names if names.count(name) > 1})
            if repeated:
                raise ValueError(f"{key} names {', '.join(repeated)} more than once")
        return self
