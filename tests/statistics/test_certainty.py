"""Is an outcome called certain where it holds in nearly every draw of the same images?"""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from counted import CATEGORIES, PRIMARY, make_counted_layer, random_images, without_first_unit
from layers import save_run
from oracle import resampling as oracle
from prunescope.base.errors import ConfigError
from prunescope.comparison.dissections import Comparison
from prunescope.comparison.saved import open_comparison
from prunescope.report.comparison import write_comparison
from prunescope.results.dissection import LayerDissection
from prunescope.statistics.by_image import counts_by_image
from prunescope.statistics.compare import compare
from prunescope.statistics.resampled import Draws
from prunescope.statistics.settings import ResamplingSettings

DRAWS = {"draws": 40, "seed": 3}
UNITS = 8
BEFORE = random_images(1, units=UNITS, favourite={0: 2, 1: 5, 2: 11, 3: 8, 4: 3, 5: 7})
AFTER = random_images(2, units=UNITS, favourite={0: 2, 1: 7, 2: 11, 3: 8, 6: 5})
A, B = make_counted_layer(BEFORE, UNITS), make_counted_layer(AFTER, UNITS)
OUTCOMES = ("kept", "relabelled", "lost", "gained", "neither")


@pytest.fixture(scope="module")
def found() -> Comparison:
    return compared(A, B)


def compared(a: LayerDissection, b: LayerDissection, **options: Any) -> Comparison:
    comparison = compare(a, b, **{**DRAWS, **options})
    assert isinstance(comparison, Comparison)
    return comparison


@pytest.fixture(scope="module")
def drawn() -> list[list[list[int | None]]]:
    """The oracle's concepts of the units of A and of B in each draw."""
    weights = Draws.of(counts_by_image(A), ResamplingSettings(**DRAWS)).weights.T
    return [
        [oracle.concepts(images, UNITS, PRIMARY, drawn, 0.05) for images in (BEFORE, AFTER)]
        for drawn in weights
    ]


def holds(outcome: str, drawn: str) -> bool:
    """Return whether an outcome holds in a draw: kept and neither where nothing changes."""
    unchanged = ("kept", "neither")
    return drawn == outcome or (outcome in unchanged and drawn in unchanged)


def test_the_share_of_a_unit_counts_the_draws_in_which_its_outcome_holds(
    found: Comparison, drawn: list[list[list[int | None]]]
) -> None:
    seen = set()
    for row in found.units.to_dict("records"):
        unit = row["unit_a"]
        outcomes = [oracle.outcome(a[unit], b[unit]) for a, b in drawn]
        share = np.mean([holds(row["outcome"], each) for each in outcomes])
        assert row["share"] == pytest.approx(share)
        assert row["certain"] == (share >= 0.95)
        seen.add((row["outcome"], row["certain"]))
    assert {"kept", "lost"} <= {outcome for outcome, _ in seen}
    assert {True, False} == {bool(certain) for _, certain in seen}


def test_the_share_of_a_concept_counts_draws_too(
    found: Comparison, drawn: list[list[list[int | None]]]
) -> None:
    for row in found.concepts.to_dict("records"):
        label = int(row["concept"].removeprefix("label "))
        outcomes = [concept_outcome(label, a, b) for a, b in drawn]
        share = np.mean([holds(row["outcome"], each) for each in outcomes])
        assert row["share"] == pytest.approx(share)
        assert row["certain"] == (share >= 0.95)


def concept_outcome(label: int, a: list[int | None], b: list[int | None]) -> str:
    return {
        (True, True): "kept",
        (True, False): "lost",
        (False, True): "gained",
        (False, False): "neither",
    }[label in a, label in b]


def numbers(a: list[int | None], b: list[int | None], category: str | None) -> dict[str, float]:
    """Return what became of the units of a category, or of all."""
    pairs = [
        (first, second)
        for first, second in zip(a, b, strict=True)
        if category is None or category == PRIMARY.get(second if first is None else first or 0)
    ]
    counts: dict[str, float] = dict.fromkeys(OUTCOMES, 0.0)
    for pair in pairs:
        counts[oracle.outcome(*pair)] += 1
    own = [
        [label for label in side if label is not None and category in (None, PRIMARY[label])]
        for side in (a, b)
    ]
    both = counts["kept"] + counts["relabelled"]
    return {
        **{name: counts[name] for name in OUTCOMES[:4]},
        "a": len(own[0]),
        "b": len(own[1]),
        "change": len(own[1]) - len(own[0]),
        "still_interpretable": both / len(own[0]) if own[0] else math.nan,
        "same_concept": counts["kept"] / both if both else math.nan,
    }


def concept_numbers(
    a: list[int | None], b: list[int | None], category: str | None
) -> dict[str, float]:
    """Return what became of the concepts of a category, or of all."""
    labels = [label for label, its in PRIMARY.items() if category in (None, its)]
    outcomes = [concept_outcome(label, a, b) for label in labels]
    kept, lost, gained = (outcomes.count(name) for name in ("kept", "lost", "gained"))
    return {
        **{"kept": kept, "lost": lost, "gained": gained, "a": kept + lost, "b": kept + gained},
        "change": gained - lost,
        "kept_share": kept / (kept + lost) if kept + lost else math.nan,
    }


@pytest.mark.parametrize("category", [None, *CATEGORIES])
@pytest.mark.parametrize("kind", ["units", "concepts"])
def test_intervals_of_counts_shares_and_changes_are_the_oracles(
    found: Comparison, drawn: list[list[list[int | None]]], kind: str, category: str | None
) -> None:
    summary = found.summary()
    counts = summary[kind] if category is None else summary["by_category"][category][kind]
    count = numbers if kind == "units" else concept_numbers
    of_draws = [count(a, b, category) for a, b in drawn]
    assert set(counts["interval"]) == set(of_draws[0])
    for name, ends in counts["interval"].items():
        observed = counts["b"] - counts["a"] if name == "change" else counts[name]
        if observed is None:
            assert ends is None
            continue
        defined = [each[name] for each in of_draws if not math.isnan(each[name])]
        low, high = oracle.interval(observed, defined)
        if name != "change":
            low, high = max(0.0, low), min(summary["units"]["total_b"], high)
        if "share" in name or name in ("still_interpretable", "same_concept"):
            high = min(1.0, high)
        assert ends == pytest.approx([low, high]), name


def test_undecided_counts_the_outcomes_that_are_not_certain(found: Comparison) -> None:
    summary = found.summary()
    for kind, table in (("units", found.units), ("concepts", found.concepts)):
        unsure = table[~table["certain"].astype(bool)]
        for name, undecided in summary[kind]["undecided"].items():
            assert undecided == (unsure["outcome"] == name).sum() <= summary[kind][name]
            inside = [each[kind]["undecided"][name] for each in summary["by_category"].values()]
            assert sum(inside) == undecided
    assert sum(summary["units"]["undecided"].values()) > 0


def test_a_network_is_certain_of_itself() -> None:
    itself = compared(A, A)
    assert itself.units["certain"].all()
    assert itself.concepts["certain"].all()
    units = itself.summary()["units"]
    assert set(units["undecided"].values()) == {0}
    assert units["interval"]["lost"] == units["interval"]["change"] == [0, 0]
    assert units["interval"]["same_concept"] == [1, 1]
    assert 0 < A.resample(**DRAWS).units["interpretable_share"].clip(0, 0.99).max() < 1


def test_a_permuted_copy_is_certain_under_the_match_that_undoes_it() -> None:
    order = np.random.default_rng(4).permutation(UNITS)
    images = [
        oracle.Image(
            truth=image.truth,
            activation={int(order[unit]): area for unit, area in image.activation.items()},
            intersection={
                (int(order[unit]), label): both
                for (unit, label), both in image.intersection.items()
            },
        )
        for image in BEFORE
    ]
    copy = make_counted_layer(images, UNITS)
    found = compared(A, copy, match="profile")
    assert (found.units["unit_b"] == order[found.units["unit_a"]]).all()
    assert set(found.units["outcome"]) <= {"kept", "neither"}
    assert found.units["certain"].all()
    assert found.concepts["certain"].all()
    assert not compared(A, copy).units["outcome"].isin(["kept", "neither"]).all()


def test_without_pairs_units_have_no_share_but_concepts_and_totals_have() -> None:
    found = compared(A, B, match="concept")
    assert found.units["share"].isna().all()
    assert found.units["certain"].isna().all()
    paired = compared(A, B)
    pd.testing.assert_frame_equal(found.concepts, paired.concepts)
    counts = found.summary()["units"]
    assert set(counts["interval"]) == {"a", "b", "change"}
    assert counts["interval"]["a"] == paired.summary()["units"]["interval"]["a"]
    assert "undecided" not in counts


def test_a_unit_that_is_gone_is_lost_in_every_draw_in_which_it_was_interpretable() -> None:
    few = [without_first_unit(image) for image in BEFORE]
    smaller = make_counted_layer(few, UNITS - 1, numbers=range(1, UNITS))
    found = compared(A, smaller)
    first = found.units.iloc[0]
    assert first["outcome"] == "lost"
    assert first["share"] == A.resample(**DRAWS).units["interpretable_share"][0]
    assert found.units["certain"][1:].all()


def test_labels_of_one_name_and_category_are_one_concept() -> None:
    images = [
        oracle.Image(truth={5: 40, 7: 40}, activation={0: 50}, intersection={(0, label): 40})
        for label in (5, 7)
        for _ in range(30)
    ]
    layers = []
    for chosen in (images[:30] * 2, images[30:] * 2):
        layer = make_counted_layer(chosen, 1)
        names = tuple("thing" if "7" in name or "5" in name else name for name in LABEL_NAMES)
        units = layer.units.assign(concept="thing")
        overlap = replace(layer.overlap, label_names=names)
        layers.append(replace(layer, overlap=overlap, units=units))
    found = compared(*layers)
    assert found.units["outcome"].tolist() == ["kept"]
    assert found.units["share"].tolist() == [1.0]
    assert found.concepts["certain"].tolist() == [True]


LABEL_NAMES = A.overlap.label_names


def test_labels_without_names_are_compared_by_number() -> None:
    nameless = [replace(layer, overlap=replace(layer.overlap, label_names=())) for layer in (A, B)]
    assert compared(*nameless).summary()["units"] == compared(A, B).summary()["units"]


@pytest.mark.parametrize(
    ("a", "b", "said"),
    [
        (replace(A, images=A.images[["row"]]), B, "A has no counts of single images"),
        (A, replace(B, images=B.images.iloc[:0]), "B has no counts of single images"),
        (A, make_counted_layer(AFTER[:40], UNITS), "counted on other images"),
    ],
)
def test_where_images_cannot_be_drawn_it_is_said_and_all_else_is_as_without(
    a: LayerDissection, b: LayerDissection, said: str
) -> None:
    found = compared(a, b)
    [warning] = found.warnings
    assert said in warning
    plain = compared(a, b, draws=0)
    assert plain.warnings == ()
    assert found.summary() | {"warnings": []} == plain.summary()
    assert found.resampling is None
    pd.testing.assert_frame_equal(found.units, plain.units)
    assert found.units["certain"].isna().all()


def test_the_draws_are_stated_and_kept(found: Comparison, tmp_path: Path) -> None:
    assert found.summary()["resampling"] == DRAWS
    write_comparison(found, tmp_path / "C")
    again = open_comparison(tmp_path / "C")
    assert again.summary() == found.summary()
    pd.testing.assert_frame_equal(again.units, found.units, check_dtype=False)
    pd.testing.assert_frame_equal(again.concepts, found.concepts, check_dtype=False)
    assert str(again) == str(found)


def test_another_seed_draws_other_images(found: Comparison) -> None:
    other = compared(A, B, seed=4)
    assert other.summary()["units"]["interval"] != found.summary()["units"]["interval"]
    assert compared(A, B).summary() == found.summary()


def test_runs_are_not_resampled(tmp_path: Path) -> None:
    run = save_run(tmp_path / "run", {(0, "dense", 0): [A], (0, "lottery", 1): [B]})
    with pytest.raises(ConfigError, match=r"two runs.*a level of each"):
        compare(run, run, draws=10)
    assert compare(run, run, draws=0).units["share"].isna().all()
