"""Does an estimate count the work that a run does, on the processes it would take?"""

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from prunescope.base.devices import default_device
from prunescope.base.errors import ConfigError
from prunescope.experiment.estimate import measure_rates
from prunescope.experiment.plan import plan_study
from prunescope.experiment.run import dry_run
from prunescope.experiment.source_facts import facts_of
from prunescope.experiment.sources import Sources
from prunescope.experiment.status import seconds_left
from prunescope.recipe import Recipe

TinyStudy = Callable[..., Recipe]

REWIND, LEVEL = 160 / 3 + 2 * 20 / 3, 200 / 3 + 2 * 20 / 3

_NETWORK = """
import torch
from torch import nn

seen = []


class Watcher(nn.Module):
    def forward(self, images):
        threads = torch.get_num_threads()
        seen.append((self.training, len(images), threads, images.device.type))
        return images


def make(num_classes):
    return nn.Sequential(
        Watcher(),
        nn.Conv2d(3, 4, 3, padding=1),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4, num_classes),
    )
"""


@pytest.mark.parametrize(
    ("workers", "images"),
    [(1, REWIND + 5 * LEVEL), (2, REWIND + 3 * LEVEL), (9, REWIND + 3 * LEVEL)],
)
def test_strategies_beside_each_other_take_as_long_as_the_longer(
    tiny_study: TinyStudy, tmp_path: Path, workers: int, images: float
) -> None:
    """Of 40 images in 3 steps an epoch: 4 steps to the rewind point, 5 more for each level.

    The 20 test images are shown twice in each, and count a third.
    """
    halves = {"fraction": 0.5, "levels": 2}
    pruning = {"rewind_to": "1ep1it", "strategies": {"one": halves, "other": halves}}
    study = tiny_study(pruning=pruning, replicates=1)
    rates = {"level": 1.0, "evaluation": 0.0, "dissection": 0.0}
    plan = plan_study(study, facts_of(study))
    left = seconds_left(plan, plan.artifacts, rates, workers=workers)
    assert left == pytest.approx(images)


def test_many_replicates_on_few_workers_take_their_share(
    tiny_study: TinyStudy, tmp_path: Path
) -> None:
    study = tiny_study(replicates=4)
    rates = {"level": 0.0, "evaluation": 0.0, "dissection": 1.0}
    plan = plan_study(study, facts_of(study))
    left = seconds_left(plan, plan.artifacts, rates, workers=3)
    assert left == pytest.approx(4 * 3 * 20 / 3)  # replicates, levels, images


@pytest.mark.long
def test_rates_are_of_real_training_and_dissecting_as_a_worker_would(
    tiny_study: TinyStudy, values: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "watched_network.py").write_text(_NETWORK)
    monkeypatch.chdir(tmp_path)
    study = tiny_study(
        network="watched_network:make",
        data=values["data"] | {"mean": (0.5, 0.5, 0.5), "std": (0.25, 0.25, 0.25)},
        dissection={"layers": ["1"], "batch_size": 12},
    )
    before = torch.get_num_threads()
    rates = measure_rates(study, Sources(study), threads=before + 1)
    assert torch.get_num_threads() == before
    assert rates.seconds["rewind"] == rates.seconds["level"] > 0
    assert rates.seconds["dissection"] > 0
    assert (rates.threads, rates.images, rates.test_images) == (before + 1, 40, 20)
    assert (rates.concept_images, rates.classes) == (20, 10)
    calls = importlib.import_module("watched_network").seen
    probes = [call for call in calls if not call[0] and call[1] <= 2]
    assert {size for _, size, *_ in probes} == {1, 2}  # for the maps' axes and size
    seen = [call for call in calls if call not in probes]
    assert {(threads, device) for *_, threads, device in seen} == {(before + 1, default_device())}
    steps = [16, 16, 8]
    assert [size for training, size, *_ in seen if training] == 2 * steps
    assert [size for training, size, *_ in seen if not training] == [20, 20, 12, 12]


@pytest.mark.long
def test_a_quantile_that_needs_more_than_a_batch_gets_it(
    tiny_study: TinyStudy, values: dict[str, Any]
) -> None:
    study = tiny_study(dissection={"layers": ["layer3"], "quantile": 0.001, "batch_size": 2})
    assert measure_rates(study, Sources(study), threads=1).seconds["dissection"] > 0


@pytest.mark.long
def test_a_dry_run_writes_nothing(tiny_study: TinyStudy, tmp_path: Path) -> None:
    found = dry_run(tiny_study(), tmp_path / "run", workers=5)
    assert len(found.to_do) == 2 * (1 + 4 * 3)  # level, evaluation, dissection, scores
    assert found.workers == 5
    assert "on 5 workers of 1 thread (" in str(found)
    assert found.seconds > 0
    assert found.disk > 0
    assert not (tmp_path / "run").exists()


def test_a_dry_run_refuses_a_folder_that_a_run_would_refuse(
    tiny_study: TinyStudy, tmp_path: Path
) -> None:
    (tmp_path / "letters.txt").write_text("dear")
    with pytest.raises(ConfigError, match="neither empty nor a run folder"):
        dry_run(tiny_study(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["letters.txt"]
