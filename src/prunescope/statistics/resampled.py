"""How sure are a layer's counts, and the concept of each of its units?"""

from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, Int64, UInt16

from prunescope.base.errors import ConfigError, DataError
from prunescope.results.dissection import LayerDissection
from prunescope.results.units import categories_of, count_units, with_intervals
from prunescope.statistics.bootstrap import draw_images, intervals_of, strata_of
from prunescope.statistics.by_image import CountsByImage, counts_by_image, has_counts_by_image
from prunescope.statistics.concepts import NO_CONCEPT, Concepts, concepts_in_draws
from prunescope.statistics.settings import ResamplingSettings

UNIT_SHARES = ("interpretable_share", "concept_share")
"""Of the draws, as columns of `ResampledLayer.units`."""
OUTCOME_SHARE = "outcome_share"
"""Of the draws in which a unit's outcome against another level holds, as a column."""
_IOU = 0.05  # of results that state none (Frankle & Bau 2019)


class OtherImages(DataError):
    """A layer was counted on other images, or with other labels, than those that are drawn."""


@dataclass(frozen=True, kw_only=True)
class Draws:
    """How often each image is drawn, for all layers that were counted on the same images.

    images: the number of each in the concept set. labels: their numbers.
    carries: whether an image carries a label of each category.
    """

    settings: ResamplingSettings
    images: Int64[np.ndarray, " image"]
    labels: Int64[np.ndarray, " label"]
    carries: Bool[np.ndarray, "image category"]
    weights: UInt16[np.ndarray, "image draw"]

    @classmethod
    def of(cls, counts: CountsByImage, settings: ResamplingSettings) -> "Draws":
        """Draw the images on which a layer was counted."""
        weights = draw_images(strata_of(counts.carries), settings)
        return cls(
            settings=settings,
            images=counts.images,
            labels=counts.overlap.label_numbers,
            carries=counts.carries,
            weights=weights,
        )

    def check(self, counts: CountsByImage) -> None:
        """Raise OtherImages for a layer that was counted on others, or with other labels."""
        pairs = (
            (self.images, counts.images),
            (self.labels, counts.overlap.label_numbers),
            (self.carries, counts.carries),
        )
        if not all(np.array_equal(drawn, counted) for drawn, counted in pairs):
            raise OtherImages(
                f"{counts.layer} was counted on other images, so the same ones cannot be drawn "
                "again: dissect both on one set"
            )


@dataclass(frozen=True, kw_only=True)
class ResampledLayer:
    """The concepts of a layer's units where its images are resampled (docs/method.md).

    layer: as it was dissected. iou: a unit is interpretable strictly above it.
    draws: how often each image is drawn.
    concepts: of each unit in each draw, the column of its label in the layer's counts; NO_CONCEPT
        where it is not interpretable.
    """

    layer: LayerDissection
    iou: float
    draws: Draws
    concepts: Concepts

    @property
    def units(self) -> pd.DataFrame:
        """A row per unit: `unit`, `concept` and `iou` as dissected, and shares of the draws.

        `interpretable_share`: in which the unit is interpretable. `concept_share`: in which it is
        so, with the same concept.
        """
        numbers = np.append(self.layer.overlap.label_numbers, NO_CONCEPT)[self.concepts]
        dissected = self.layer.units["label"].fillna(NO_CONCEPT - 1).to_numpy(np.int64)
        return self.layer.units[["unit", "concept", "iou"]].assign(
            interpretable_share=(self.concepts != NO_CONCEPT).mean(axis=1),
            concept_share=(numbers == dissected[:, None]).mean(axis=1),
        )

    @property
    def counts(self) -> dict[str, Any]:
        """The numbers of `count_units` in each draw: `interpretable`, `concepts`, `by_category`."""
        overlap = self.layer.overlap
        category_of = np.append(overlap.category_of, NO_CONCEPT)
        categories, present = category_of[self.concepts], self.present
        return {
            "interpretable": (self.concepts != NO_CONCEPT).sum(axis=0),
            "concepts": present.sum(axis=0),
            "by_category": {
                name: {
                    "units": (categories == overlap.categories.index(name)).sum(axis=0),
                    "concepts": present[overlap.allowed([name])].sum(axis=0),
                }
                for name in categories_of(self.layer.units)
            },
        }

    @property
    def present(self) -> Bool[np.ndarray, "label draw"]:
        """Whether each label is the concept of an interpretable unit in each draw."""
        return labels_present(self.concepts, len(self.layer.overlap.label_numbers))

    @property
    def intervals(self) -> dict[str, Any]:
        """The 95 % interval of each number of `counts`: its lower and its upper end."""
        observed = count_units(self.layer.units, categories_of(self.layer.units), iou=self.iou)
        return intervals_of(observed, self.counts, (observed["units"],) * 2)

    def summary(self) -> dict[str, Any]:
        """Return the layer's counts, with the `interval` of each, and the draws behind them."""
        counts = with_intervals(self.layer.counts(self.iou), self.intervals)
        return {**counts, "resampling": self.draws.settings.model_dump()}


def resample(
    layer: LayerDissection,
    settings: ResamplingSettings,
    *,
    iou: float | None = None,
    draws: Draws | None = None,
) -> ResampledLayer:
    """Return the concepts of a layer's units in each of many draws of its images.

    iou: a unit is interpretable strictly above it; the one that was saved when None.
    draws: of another layer, to draw the same images.
    Raises DataError for a layer that was saved without the counts of every image, or where they
    are damaged; OtherImages where they are not of the images of `draws`.
    """
    if not has_counts_by_image(layer):
        raise DataError(
            f"{layer.layer} was saved without the counts of every image, by an earlier version or "
            "another tool: dissect again to resample its images"
        )
    counts = counts_by_image(layer)
    chosen = draws or Draws.of(counts, settings)
    chosen.check(counts)
    above = _saved_iou(layer) if iou is None else iou
    allowed = layer.overlap.allowed(categories_of(layer.units))
    concepts = concepts_in_draws(counts, chosen.weights, iou=above, allowed=allowed)
    return ResampledLayer(layer=layer, iou=above, draws=chosen, concepts=concepts)


def resample_layer(layer: LayerDissection, *, iou: float | None, **stated: Any) -> ResampledLayer:
    """Return what `resample` does, given settings that are still to be checked."""
    if iou is not None and not (isinstance(iou, Real) and 0 <= iou <= 1):
        raise ConfigError(f"iou is {iou!r}, but must be a number in [0, 1]")
    settings = ResamplingSettings.validate_from(stated, "resample")
    if settings.draws == 0:
        raise ConfigError("draws is 0, but must be a number of 1 or more")
    return resample(layer, settings, iou=iou)


def labels_present(concepts: Concepts, labels: int) -> Bool[np.ndarray, "label draw"]:
    """Return whether each label is the concept of any unit, in each draw."""
    present = np.zeros((labels + 1, concepts.shape[1]), bool)
    present[concepts, np.arange(concepts.shape[1])] = True  # NO_CONCEPT is the last row
    return present[:-1]


def _saved_iou(layer: LayerDissection) -> float:
    stated = (layer.summary.get("settings") or {}).get("iou")
    return float(_IOU if stated is None else stated)
