"""Are a layer's intervals and its units' shares those of the oracle's draws?"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from counted import CATEGORIES, PRIMARY, make_counted_layer, random_images
from oracle import resampling as oracle
from prunescope.base.errors import ConfigError, DataError
from prunescope.results.dissection import LayerDissection
from prunescope.results.opened import open_layer
from prunescope.statistics.resampled import ResampledLayer, resample
from prunescope.statistics.settings import ResamplingSettings

FAVOURITE = {0: 2, 1: 5, 2: 11, 3: 8}
SETTINGS = ResamplingSettings(draws=40, seed=7)
IMAGES = random_images(11, favourite=FAVOURITE)
LAYER = make_counted_layer(IMAGES, 6)


@pytest.fixture(scope="module")
def found() -> ResampledLayer:
    return resample(LAYER, SETTINGS)


@pytest.fixture(scope="module")
def expected(found: ResampledLayer) -> list[list[int | None]]:
    """The oracle's concepts of the units in each draw."""
    weights = found.draws.weights.T
    return [oracle.concepts(IMAGES, 6, PRIMARY, drawn, 0.05) for drawn in weights]


def flat(nested: Mapping[str, Any]) -> dict[str, Any]:
    """Return the numbers of a layer under the oracle's names."""
    of_categories = {
        f"{category} {kind}": within[kind]
        for category, within in nested["by_category"].items()
        for kind in ("units", "concepts")
    }
    return {"units": nested["interpretable"], "concepts": nested["concepts"], **of_categories}


def test_images_are_drawn_within_the_oracles_sets(found: ResampledLayer) -> None:
    for images in oracle.strata(IMAGES, PRIMARY):
        assert (found.draws.weights[images].sum(axis=0) == len(images)).all()


def test_the_counts_of_every_draw_are_the_oracles(
    found: ResampledLayer, expected: list[list[int | None]]
) -> None:
    counts = flat(found.counts)
    for draw, concepts in enumerate(expected):
        numbers = {name: int(values[draw]) for name, values in counts.items()}
        assert numbers == oracle.counts(concepts, PRIMARY)
    assert len(set(counts["units"].tolist())) > 2


def test_intervals_are_the_oracles(found: ResampledLayer, expected: list[list[int | None]]) -> None:
    drawn = [oracle.counts(concepts, PRIMARY) for concepts in expected]
    observed = flat(LAYER.counts())
    for name, ends in flat(found.intervals).items():
        low, high = oracle.interval(observed[name], [float(each[name]) for each in drawn])
        assert ends == pytest.approx([max(0, low), min(len(LAYER.units), high)])


def test_shares_of_a_unit_count_draws(
    found: ResampledLayer, expected: list[list[int | None]]
) -> None:
    for row in found.units.to_dict("records"):
        concepts = [draw[row["unit"]] for draw in expected]
        own = LAYER.units["label"][row["unit"]]
        assert row["interpretable_share"] == np.mean([label is not None for label in concepts])
        assert row["concept_share"] == np.mean([label == own for label in concepts])


def test_the_summary_has_the_interval_beside_each_count(found: ResampledLayer) -> None:
    summary = found.summary()
    assert summary["interpretable"] == LAYER.summary["interpretable"]
    assert summary["interval"] == {
        name: found.intervals[name] for name in ("interpretable", "concepts")
    }
    for category in CATEGORIES:
        within = summary["by_category"][category]
        assert within["units"] == LAYER.summary["by_category"][category]["units"]
        assert within["interval"] == found.intervals["by_category"][category]
    assert summary["resampling"] == {"draws": 40, "seed": 7}


def test_another_iou_counts_anew() -> None:
    strict, lenient = (LAYER.resample(iou=iou, draws=20) for iou in (0.2, 0.0))
    assert strict.counts["interpretable"].max() < lenient.counts["interpretable"].min()
    assert strict.summary()["iou"] == 0.2


def test_other_layers_can_be_given_the_same_draws(found: ResampledLayer) -> None:
    other = make_counted_layer(random_images(12, favourite=FAVOURITE), 6, name="layer3")
    assert resample(other, SETTINGS, draws=found.draws).draws is found.draws
    assert (resample(other, SETTINGS).draws.weights == found.draws.weights).all()


@pytest.mark.parametrize(
    "images", [random_images(11, count=59), random_images(11, kinds=[["color"], ["object"]])]
)
def test_layers_of_other_images_have_other_draws(
    images: list[oracle.Image], found: ResampledLayer
) -> None:
    other = make_counted_layer(images, 6, name="layer3")
    with pytest.raises(DataError, match="layer3 was counted on other images"):
        resample(other, SETTINGS, draws=found.draws)


def test_a_saved_layer_gives_the_same(tmp_path: Path, found: ResampledLayer) -> None:
    LAYER.save(tmp_path / "layer4")
    saved = open_layer(tmp_path / "layer4").resample(draws=40, seed=7)
    assert saved.intervals == found.intervals
    pd.testing.assert_frame_equal(saved.units, found.units, check_dtype=False)


@pytest.mark.parametrize(
    "layer",
    [
        pytest.param(replace(LAYER, images=LAYER.images[["row"]]), id="without columns"),
        pytest.param(replace(LAYER, images=LAYER.images.iloc[:0]), id="without rows"),
    ],
)
def test_a_layer_without_counts_of_images_says_so(layer: LayerDissection) -> None:
    with pytest.raises(DataError, match="layer4 was saved without the counts of every image"):
        layer.resample()


def test_a_saved_layer_without_the_file_says_so(tmp_path: Path) -> None:
    LAYER.save(tmp_path / "layer4")
    (tmp_path / "layer4" / "images.parquet").unlink()
    with pytest.raises(DataError, match="without the counts of every image"):
        open_layer(tmp_path / "layer4").resample()


@pytest.mark.parametrize(
    ("stated", "said"),
    [
        ({"draws": 0}, "draws is 0"),
        ({"iou": 2}, "iou is 2"),
        ({"drawz": 3}, "draws"),
        ({"seed": -1}, "seed"),
    ],
)
def test_wrong_settings_are_refused(stated: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        LAYER.resample(**stated)
