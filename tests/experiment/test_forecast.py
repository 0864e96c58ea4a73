"""Does a forecast for machines elsewhere say what is in its rates, and nothing from here?"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from prunescope.base.errors import ConfigError
from prunescope.experiment.forecast import Rates
from prunescope.experiment.run import dry_run, run_study
from prunescope.experiment.study import Study
from prunescope.recipe import Recipe, shipped_recipe

TinyStudy = Callable[..., Recipe]

RATES: dict[str, Any] = {
    "seconds": {"rewind": 0.5, "level": 0.5, "evaluation": 0.1, "dissection": 2.0, "scores": 0.0},
    "device": "a card",
    "threads": 8,
    "images": 1_281_167,
    "test_images": 50_000,
    "concept_images": 63_305,
    "classes": 1000,
    "labels": 1197,
}


@pytest.fixture
def rates(tmp_path: Path) -> Path:
    path = tmp_path / "rates.json"
    path.write_text(json.dumps({"rates": RATES}))
    return path


def test_the_papers_study_is_foreseen_without_its_photographs(rates: Path, tmp_path: Path) -> None:
    study = shipped_recipe("imagenet_resnet50")
    found = dry_run(study, tmp_path / "run", gpus=8, rates=rates, price=2.0)
    tests_each = 50_000 / 3
    training = 1_281_167 * 0.5
    chain = (90 * training + 90 * tests_each * 0.5) + 15 * 86 * (training + tests_each * 0.5)
    last = 63_305 * 2.0
    assert found.seconds == pytest.approx(chain + last, rel=1e-4)
    assert found.worker_hours == pytest.approx(8 * found.seconds / 3600)
    assert found.cost == pytest.approx(2 * found.worker_hours)
    assert found.enough == 3  # one for each replicate: a dissection hardly delays the next level
    assert len(found.to_do) == 3 * (1 + 16 * 4)
    said = " ".join(str(found).split())
    assert "on 8 GPUs (a card, rates of rates.json)" in said
    assert "since stages wait for one another: 3 would take as long" in said
    assert not (tmp_path / "run").exists()


def test_gpus_that_share_each_stage_shorten_the_chain(rates: Path, tmp_path: Path) -> None:
    study = shipped_recipe("imagenet_resnet50")
    alone = dry_run(study, tmp_path / "run", gpus=3, rates=rates)
    sharing = Recipe.validate_from(study.model_dump() | {"resources": {"gpus": 2}}, "shared")
    shared = dry_run(sharing, tmp_path / "run", gpus=6, rates=rates)
    assert (alone.workers, shared.workers) == (3, 6)
    assert shared.seconds == pytest.approx(alone.seconds / 2)
    assert shared.busy == pytest.approx(alone.busy)


def test_what_a_dry_run_prints_is_what_another_reads(
    tiny_study: TinyStudy, rates: Path, tmp_path: Path
) -> None:
    found = dry_run(tiny_study(), tmp_path / "run", workers=2, rates=rates)
    again = tmp_path / "again.json"
    again.write_text(json.dumps(found.as_dict()))
    assert Rates.read(again) == Rates.read(rates)
    assert dry_run(tiny_study(), tmp_path / "run", workers=2, rates=again) == dry_run(
        tiny_study(), tmp_path / "run", workers=2, rates=again
    )


def test_a_kind_without_a_rate_has_no_time(
    tiny_study: TinyStudy, rates: Path, tmp_path: Path
) -> None:
    rates.write_text(json.dumps({"rates": RATES | {"seconds": {"level": 0.5}}}))
    found = dry_run(tiny_study(), tmp_path / "run", workers=2, rates=rates, price=1.0)
    assert (found.seconds, found.cost, found.busy) == (None, None, None)
    assert "nobody knows how long (2 workers of 8 threads)" in str(found)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[", "cannot be read as rates"),
        ("[]", 'has no "rates"'),
        ('{"rates": 3}', 'has no "rates"'),
        (json.dumps({"rates": RATES | {"images": 0}}), "images"),
        (json.dumps({"rates": RATES | {"seconds": {"level": -1}}}), "level"),
        (json.dumps({"rates": RATES | {"seconds": {"level": float("nan")}}}), "level"),
        (json.dumps({"rates": RATES | {"speed": 1}}), "speed"),
        (json.dumps({"rates": {**RATES, "device": None}}), "device"),
    ],
)
def test_other_files_are_refused(
    tiny_study: TinyStudy, tmp_path: Path, content: str, said: str
) -> None:
    path = tmp_path / "rates.json"
    path.write_text(content)
    with pytest.raises(ConfigError, match=said) as error:
        dry_run(tiny_study(), tmp_path / "run", rates=path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize("price", [-1.0, float("nan"), float("inf")])
def test_a_price_is_a_number(
    tiny_study: TinyStudy, rates: Path, tmp_path: Path, price: float
) -> None:
    with pytest.raises(ConfigError, match=r"price is .*, but must be a number of 0 or more"):
        Study.validate_from(tiny_study().model_dump(), "tiny").dry_run(
            tmp_path / "run", rates=rates, price=price
        )


def test_gpus_that_are_not_there_are_refused(tiny_study: TinyStudy, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="64 GPUs are asked for, but this machine has"):
        run_study(tiny_study(), tmp_path / "run", gpus=64)
    assert not (tmp_path / "run").exists()
