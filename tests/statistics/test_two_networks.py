"""Is what sets two networks apart on the same images as counted by hand?"""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from predicted import CLASSES, said
from prunescope.base.errors import DataError
from prunescope.report.terminal import write_sections
from prunescope.report.views import sections_of
from prunescope.results.evaluation import Evaluation
from prunescope.results.evaluation_pair import EvaluationPair, open_evaluation
from prunescope.statistics.calibration import calibration_error
from prunescope.statistics.two_networks import compare_evaluations

COST = {"height": 32, "width": 32, "multiply_adds": 2_000, "sparse_multiply_adds": 900}
TIME = {"low": 1.0, "median": 2.0, "high": 4.0}
LATENCY = {
    **{"ratio": {"low": 0.4, "median": 0.5, "high": 0.75}, "images": 1, "rounds": 30},
    **{"precision": "float32", "device": "cpu", "threads": 2, "load": 0.25},
}


def pair(label: Any, a: Any, b: Any, latency: Any = None, **options: Any) -> EvaluationPair:
    costs = [{"name": name, **COST, "bytes": 4096, "milliseconds": None} for name in "ab"]
    if latency:
        costs = [cost | {"milliseconds": TIME} for cost in costs]
    return compare_evaluations(
        *(Evaluation.of(said(label, each, **options), {}) for each in (a, b)),
        about={"data": "DIR", "split": "test"},
        costs=(costs[0], costs[1]),
        latency=latency,
    )


def test_flips_agreement_and_accuracy_are_counted_image_by_image() -> None:
    """Of ten images both are right on three, wrong alike on one and otherwise on one."""
    label = [0] * 5 + [2] * 5
    found = pair(label, [0, 0, 0, 1, 1, 2, 2, 2, 2, 3], [0, 0, 0, 1, 2, 0, 0, 0, 2, 2])
    counts = found.summary()
    assert (counts["a"]["top1"], counts["b"]["top1"]) == (0.7, 0.5)
    assert counts["agreement"] == 0.5
    assert counts["flips"]["lost"] == 3
    assert counts["flips"]["gained"] == 1
    assert counts["flips"]["p"] == pytest.approx(2 * 5 / 16)  # of 4 flips, at most 1 gained
    assert counts["difference"] == pytest.approx(-0.2)
    middle, variance = -2 / 12, (6 / 12 - (2 / 12) ** 2) / 12
    assert counts["low"] == pytest.approx(middle - 1.959964 * math.sqrt(variance))
    moa = found.classes.set_index("class").loc["moa"]
    assert (moa["accuracy_a"], moa["accuracy_b"]) == (0.8, 0.4)


def test_mcnemars_test_is_the_exact_one() -> None:
    label = [0] * 40
    found = pair(label, [0] * 15 + [1] * 5 + [0] * 20, [1] * 15 + [0] * 5 + [0] * 20)
    tail = sum(math.comb(20, k) for k in range(6)) / 2**20
    assert found.summary()["flips"] == {"lost": 15, "gained": 5, "p": pytest.approx(2 * tail)}


def test_a_network_beside_itself_flips_nothing() -> None:
    counts = pair([0, 1, 2], [0, 1, 3], [0, 1, 3]).summary()
    assert counts["flips"] == {"lost": 0, "gained": 0, "p": 1.0}
    assert counts["agreement"] == 1.0
    assert (counts["worse"], counts["better"]) == (0, 0)
    assert counts["difference"] == 0.0


def test_calibration_is_the_mean_distance_of_bins() -> None:
    """The ninth bin ends at 0.6, and the last two images share the last bin."""
    table = said([0] * 4, [0, 1, 0, 1], probability=[0.59, 0.61, 0.95, 0.99])
    expected = (abs(1 - 0.59) + abs(0 - 0.61) + abs(1 - 0.95 - 0.99)) / 4
    assert calibration_error(table) == pytest.approx(expected, abs=1e-6)


def test_a_network_that_is_as_right_as_it_says_has_no_error() -> None:
    table = said([0] * 4, [0, 0, 0, 1], probability=0.75)
    assert calibration_error(table) == pytest.approx(0, abs=1e-12)


def test_calibration_agrees_with_a_naive_count() -> None:
    rng = np.random.default_rng(0)
    probability, right = rng.random(500), rng.random(500) < 0.6
    table = said([0] * 500, np.where(right, 0, 1).tolist(), probability=probability.tolist())
    stored = table["probability"].tolist()
    naive = 0.0
    for number in range(15):
        within = [i for i, p in enumerate(stored) if number / 15 < p <= (number + 1) / 15]
        if within:
            accuracy = sum(bool(right[i]) for i in within) / len(within)
            confidence = sum(stored[i] for i in within) / len(within)
            naive += len(within) / 500 * abs(accuracy - confidence)
    assert calibration_error(table) == pytest.approx(naive)


def test_without_a_prediction_calibration_is_undefined() -> None:
    counts = pair([0, 1], [0, 1], [0, None]).summary()
    assert counts["b"]["calibration_error"] is None
    assert counts["b"]["loss"] is None
    json.dumps(counts, allow_nan=False)


def test_networks_that_saw_other_images_are_refused() -> None:
    a, b = (Evaluation.of(said(label, [0, 1]), {}) for label in ([0, 1], [1, 1]))
    cost = {"name": "a"}
    with pytest.raises(DataError, match="A and B were not evaluated on the same test images"):
        compare_evaluations(a, b, about={}, costs=(cost, cost), latency=None)


def test_a_pair_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    found = pair([0, 0, 2, 3], [0, 1, 2, 2], [0, 0, 3, 2], LATENCY)
    found.save(tmp_path / "E")
    back = open_evaluation(tmp_path / "E")
    assert isinstance(back, EvaluationPair)
    assert back.summary() == found.summary()
    assert back.classes.equals(found.classes)
    for letter in "ab":
        assert back.predictions[letter].equals(found.predictions[letter])
    assert len(list((tmp_path / "E").iterdir())) == 5


def test_predictions_of_another_pair_are_refused(tmp_path: Path) -> None:
    found = pair([0, 0, 2, 3], [0, 1, 2, 2], [0, 0, 3, 2])
    found.save(tmp_path / "E")
    (tmp_path / "E" / "checksums.json").unlink()
    path = tmp_path / "E" / "predictions_b.parquet"
    said([0, 0, 2, 3], [0, 0, 2, 3]).to_parquet(path, index=False)
    with pytest.raises(DataError, match=r"predictions_b\.parquet is not what evaluation\.json"):
        open_evaluation(tmp_path / "E")


def test_a_pair_reads_well() -> None:
    label = [0] * 40 + [2] * 40
    found = pair(label, [0] * 40 + [2] * 39 + [0], [1] * 30 + [0] * 10 + [2] * 40, LATENCY)
    lines = write_sections(sections_of(found)).splitlines()
    assert lines[:2] == ["A  a", "B  b"]
    assert lines[3] == "On the split test of DIR: 80 images, 4 classes"
    rows = {line.strip()[:18].strip(): line.split() for line in lines}
    assert rows["top-1"][1:] == ["98.75", "%", "62.50", "%"]
    assert rows["multiply-adds"][1:] == ["2,000", "2,000"]
    assert rows["ms for an image"][4:8] == ["2.00", "(1.00", "to", "4.00)"]
    text = "\n".join(lines)
    assert "30 of 80 are right in A alone, 1 in B alone (McNemar's exact p = 3e-08)" in text
    assert "B takes 0.50 times as long as A (quartiles 0.40 to 0.75): one image at a time" in text
    assert "cpu, 2 threads; load 0.2" in text
    assert "Classes that changed most: 1 worse and 0 better" in text
    zebra = next(line for line in lines if line.strip().startswith(CLASSES[0]))
    assert zebra.split()[1:7] == ["40", "100.0", "%", "25.0", "%", "-75.0"]


def test_what_is_not_known_is_a_dash() -> None:
    found = pair([0, 1], [0, 1], [0, None])
    text = write_sections(sections_of(found))
    assert "operation by operation" not in text
    row = next(line for line in text.splitlines() if "ms for an image" in line)
    assert row.split()[-2:] == ["–", "–"]
