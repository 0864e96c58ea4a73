"""Are the intervals of a study's levels those of its draws, the same images in all of them?"""

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest

from counted import PRIMARY, make_counted_layer, random_images, without_first_unit
from oracle import resampling as oracle
from prunescope.base.errors import DataError
from prunescope.results.dissection import LayerDissection
from prunescope.results.run_tables import LayerKey
from prunescope.statistics.by_image import counts_by_image
from prunescope.statistics.levels import ResampledLevels, resample_levels
from prunescope.statistics.resampled import Draws
from prunescope.statistics.settings import ResamplingSettings

SETTINGS = ResamplingSettings(draws=30, seed=5)
FAVOURITES: dict[LayerKey, dict[int, int]] = {
    (replicate, strategy, level, "layer4"): favourite
    for replicate in (0, 1)
    for strategy, level, favourite in (
        ("dense", 0, {0: 2, 1: 5, 2: 11, 3: 8, 4: 3}),
        ("twin-1", 0, {0: 2, 1: 7, 2: 11, 3: 8, 4: 3}),
        ("lottery", 1, {0: 2, 1: 7, 2: 11, 3: 8}),
        ("lottery", 2, {0: 2, 4: 3, 5: 8}),
        ("random", 1, {2: 5}),
    )
}
IMAGES = {
    key: random_images(number, favourite=favourite)
    for number, (key, favourite) in enumerate(FAVOURITES.items())
}
LAYERS = {key: make_counted_layer(images, 6) for key, images in IMAGES.items()}


def opened(layers: Mapping[LayerKey, LayerDissection]) -> dict[LayerKey, Any]:
    return {key: partial(lambda layer: layer, layer) for key, layer in layers.items()}


@pytest.fixture(scope="module")
def found() -> ResampledLevels:
    return resample_levels(opened(LAYERS), SETTINGS)


@pytest.fixture(scope="module")
def concepts() -> dict[LayerKey, list[list[int | None]]]:
    """The oracle's concepts of every level, in each draw."""
    first = next(iter(LAYERS.values()))
    weights = Draws.of(counts_by_image(first), SETTINGS).weights.T
    return {
        key: [oracle.concepts(images, 6, PRIMARY, drawn, 0.05) for drawn in weights]
        for key, images in IMAGES.items()
    }


def shares(before: list[int | None], after: list[int | None]) -> tuple[float, float]:
    """Return the two shares of Figure 4; nan where the denominator is 0."""
    outcomes = [oracle.outcome(a, b) for a, b in zip(before, after, strict=True)]
    kept, relabelled, lost = (outcomes.count(name) for name in ("kept", "relabelled", "lost"))
    both = kept + relabelled
    return (both / (both + lost) if both + lost else math.nan, kept / both if both else math.nan)


def change(before: list[int | None], after: list[int | None]) -> float:
    """Return how many more units are interpretable."""
    first, second = (oracle.counts(each, PRIMARY)["units"] for each in (before, after))
    return float(second - first)


def saved_concepts(layer: LayerDissection) -> list[int | None]:
    """Return the label of each interpretable unit as it was dissected."""
    rows = layer.units[["label", "interpretable"]].itertuples(index=False, name=None)
    return [int(label) if interpretable else None for label, interpretable in rows]


def ends(row: Mapping[Any, Any], name: str) -> tuple[float, float]:
    """Return both ends of an interval."""
    return row[f"{name}_low"], row[f"{name}_high"]


def test_there_is_a_row_for_each_layer_in_the_order_given(found: ResampledLevels) -> None:
    keys = found.intervals[["replicate", "strategy", "level", "layer"]]
    assert list(keys.itertuples(index=False, name=None)) == list(LAYERS)


def test_counts_and_intervals_are_the_oracles(
    found: ResampledLevels, concepts: dict[LayerKey, list[list[int | None]]]
) -> None:
    for row, (key, drawn) in zip(found.intervals.to_dict("records"), concepts.items(), strict=True):
        counts = [oracle.counts(labels, PRIMARY) for labels in drawn]
        saved = LAYERS[key].counts()
        for name, its, observed in (
            ("interpretable", "units", saved["interpretable"]),
            ("concepts", "concepts", saved["concepts"]),
            ("object_units", "object units", saved["by_category"]["object"]["units"]),
        ):
            values = [float(each[its]) for each in counts]
            if name in found.counts[key]:
                assert found.counts[key][name].tolist() == values
            low, high = oracle.interval(observed, values)
            possible = (max(0, low), min(saved["units"], high))
            assert ends(row, name) == pytest.approx(possible), (key, name)


def test_changes_and_shares_are_against_level_0_in_the_same_draw(
    found: ResampledLevels, concepts: dict[LayerKey, list[list[int | None]]]
) -> None:
    for row, (key, drawn) in zip(found.intervals.to_dict("records"), concepts.items(), strict=True):
        unpruned = (key[0], "dense", 0, "layer4")
        pairs = list(zip(concepts[unpruned], drawn, strict=True))
        observed = (saved_concepts(LAYERS[unpruned]), saved_concepts(LAYERS[key]))
        low, high = oracle.interval(change(*observed), [change(*pair) for pair in pairs])
        before, after = (len(LAYERS[each].units) for each in (unpruned, key))
        possible = (max(-before, low), min(after, high))
        assert ends(row, "interpretable_change") == pytest.approx(possible)
        for index, name in enumerate(("still_interpretable", "same_concept")):
            share = shares(*observed)[index]
            of_draws = [shares(*pair)[index] for pair in pairs]
            defined = [each for each in of_draws if not math.isnan(each)]
            low, high = (share, share) if math.isnan(share) else oracle.interval(share, defined)
            expected = (max(0.0, low), min(1.0, high))
            assert ends(row, name) == pytest.approx(expected, nan_ok=True)


def test_the_shares_of_units_are_those_of_the_oracles_draws(
    found: ResampledLevels, concepts: dict[LayerKey, list[list[int | None]]]
) -> None:
    rows = found.shares.groupby(["replicate", "strategy", "level", "layer"])
    assert len(rows) == len(LAYERS)
    for key, drawn in concepts.items():
        saved = LAYERS[key].units["label"].tolist()
        for row in rows.get_group(key).to_dict("records"):
            labels = [each[row["unit"]] for each in drawn]
            seen = [label for label in labels if label is not None]
            assert row["interpretable_share"] == pytest.approx(len(seen) / len(drawn))
            own = sum(label == saved[row["unit"]] for label in seen)
            assert row["concept_share"] == pytest.approx(own / len(drawn))


def holds(outcome: str, drawn: str) -> bool:
    """Return whether an outcome holds in a draw: kept and neither where nothing changes."""
    unchanged = ("kept", "neither")
    return drawn == outcome or (outcome in unchanged and drawn in unchanged)


def test_what_became_of_a_unit_has_its_share_of_the_oracles_draws(
    found: ResampledLevels, concepts: dict[LayerKey, list[list[int | None]]]
) -> None:
    rows = found.shares.groupby(["replicate", "strategy", "level", "layer"])
    seen = set()
    for key, drawn in concepts.items():
        unpruned = (key[0], "dense", 0, "layer4")
        before, after = saved_concepts(LAYERS[unpruned]), saved_concepts(LAYERS[key])
        for row in rows.get_group(key).to_dict("records"):
            if key == unpruned:
                assert math.isnan(row["outcome_share"])
                continue
            unit = row["unit"]
            outcome = oracle.outcome(before[unit], after[unit])
            of_draws = [
                oracle.outcome(first[unit], second[unit])
                for first, second in zip(concepts[unpruned], drawn, strict=True)
            ]
            share = np.mean([holds(outcome, each) for each in of_draws])
            assert row["outcome_share"] == pytest.approx(share)
            seen.add(outcome)
    assert {"kept", "relabelled", "lost", "gained"} <= seen


def test_what_became_of_a_concept_has_its_share_of_the_oracles_draws(
    found: ResampledLevels, concepts: dict[LayerKey, list[list[int | None]]]
) -> None:
    rows = found.concepts.groupby(["replicate", "strategy", "level", "layer"])
    assert set(rows.groups) == {key for key in LAYERS if key[1] != "dense"}
    for key, table in rows:
        unpruned = (key[0], "dense", 0, "layer4")
        before, after = saved_concepts(LAYERS[unpruned]), saved_concepts(LAYERS[key])
        labels = [int(name.removeprefix("label ")) for name in table["concept"]]
        assert set(labels) == {label for label in (*before, *after) if label is not None}
        for label, row in zip(labels, table.to_dict("records"), strict=True):
            counts = before.count(label), after.count(label)
            assert (row["units_before"], row["units_after"]) == counts
            assert row["outcome"] == became(*(count > 0 for count in counts))
            of_draws = [
                became(label in first, label in second)
                for first, second in zip(concepts[unpruned], concepts[key], strict=True)
            ]
            share = np.mean([holds(row["outcome"], each) for each in of_draws])
            assert row["share"] == pytest.approx(share)
            assert row["certain"] == (share >= 0.95)


def became(before: bool, after: bool) -> str:
    outcomes = {(True, True): "kept", (True, False): "lost", (False, True): "gained"}
    return outcomes.get((before, after), "neither")


def test_level_0_keeps_all_of_itself(found: ResampledLevels) -> None:
    dense = found.intervals[found.intervals["strategy"] == "dense"]
    for name in ("still_interpretable", "same_concept"):
        assert (dense[f"{name}_low"] == 1).all()
        assert (dense[f"{name}_high"] == 1).all()
    assert (dense["concepts_change_low"] == 0).all()


def test_the_variance_of_the_mean_change_is_that_over_the_draws(found: ResampledLevels) -> None:
    means = []
    for draw in range(30):
        changes = []
        for replicate in (0, 1):
            dense, twin, first, second = (
                math.log(found.counts[replicate, *level, "layer4"]["interpretable"][draw])
                for level in (("dense", 0), ("twin-1", 0), ("lottery", 1), ("lottery", 2))
            )
            changes.append((first + second) / 2 - (dense + twin) / 2)
        means.append(sum(changes) / 2)
    variance = found.change_variance("layer4", "lottery", "interpretable", [1, 2])
    assert variance == pytest.approx(np.var(means, ddof=1))
    assert variance > 0


def test_a_count_of_0_in_a_draw_makes_the_variance_infinite(found: ResampledLevels) -> None:
    key = (0, "random", 1, "layer4")
    drawn = found.counts[key]["concepts"].copy()
    drawn[7] = 0
    once = replace(found, counts={**found.counts, key: {"concepts": drawn}})
    assert found.change_variance("layer4", "random", "concepts", [1]) < math.inf
    assert once.change_variance("layer4", "random", "concepts", [1]) == math.inf


def test_counts_of_0_on_both_sides_of_a_change_are_no_warning(found: ResampledLevels) -> None:
    counts = {key: {"concepts": drawn["concepts"].copy()} for key, drawn in found.counts.items()}
    counts[0, "dense", 0, "layer4"]["concepts"][7] = 0
    counts[1, "lottery", 1, "layer4"]["concepts"][7] = 0
    both = replace(found, counts=counts)
    assert both.change_variance("layer4", "lottery", "concepts", [1]) == math.inf


def test_without_levels_the_variance_is_undefined(found: ResampledLevels) -> None:
    assert math.isnan(found.change_variance("layer4", "lottery", "concepts", []))


def test_units_that_are_gone_are_not_interpretable() -> None:
    dense = (0, "dense", 0, "layer4")
    pruned = (0, "lottery", 1, "layer4")
    images = random_images(20, favourite={1: 5, 2: 11})
    few = [without_first_unit(image) for image in images]
    layers = {
        dense: make_counted_layer(images, 6),
        pruned: make_counted_layer(few, 5, numbers=[1, 2, 3, 4, 5]),
    }
    resampled = resample_levels(opened(layers), SETTINGS)
    row = resampled.intervals.iloc[1]
    assert resampled.shares["unit"].tolist() == [*range(6), *range(1, 6)]
    assert resampled.shares["outcome_share"][6:].between(0, 1).all()
    interpretable = layers[dense].units["interpretable"]
    lost = int(interpretable[0])
    assert row["same_concept_low"] == row["same_concept_high"] == 1
    assert row["interpretable_change_low"] <= -lost <= row["interpretable_change_high"]


def test_levels_of_other_images_are_refused() -> None:
    layers = {
        (0, "dense", 0, "layer4"): make_counted_layer(random_images(1), 6),
        (0, "lottery", 1, "layer4"): make_counted_layer(random_images(1, count=40), 6),
    }
    with pytest.raises(DataError, match="counted on other images"):
        resample_levels(opened(layers), SETTINGS)
