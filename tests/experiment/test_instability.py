"""Is the error barrier between trainings of one start measured as the method says?"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from commands import Prunescope
from prunescope.base.errors import ConfigError
from prunescope.experiment.instability import (
    POINTS,
    measure_instability,
    on_the_line,
)
from prunescope.recipe import Recipe
from prunescope.results.instability import Instability, error_barrier

TinyStudy = Callable[..., Recipe]


def test_a_barrier_is_the_largest_rise_above_the_mean_of_the_ends() -> None:
    assert error_barrier(np.array([0.2, 0.5, 0.7, 0.4])) == pytest.approx(40)
    assert error_barrier(np.array([0.2, 0.3, 0.4])) == pytest.approx(10)


def test_an_error_that_falls_between_the_ends_is_no_barrier() -> None:
    assert error_barrier(np.array([0.3, 0.1, 0.3])) == 0


def test_the_ends_of_a_line_are_the_two_networks() -> None:
    first = {"w": torch.tensor([0.0, 2.0]), "n": torch.tensor(3)}
    second = {"w": torch.tensor([1.0, 4.0]), "n": torch.tensor(9)}
    assert torch.equal(on_the_line(first, second, 0)["w"], first["w"])
    assert torch.equal(on_the_line(first, second, 1)["w"], second["w"])
    assert on_the_line(first, second, 0.5)["w"].tolist() == [0.5, 3.0]
    assert on_the_line(first, second, 0.5)["n"] == 3


@pytest.mark.parametrize(
    ("barriers", "advice"), [((30.0, 1.5, 0.5), "1ep"), ((30.0, 5.0, 3.0), None)]
)
def test_the_earliest_stable_step_is_advised(
    barriers: tuple[float, ...], advice: str | None
) -> None:
    table = pd.DataFrame(
        {
            "rewind_to": ["0it", "1ep", "2ep"],
            "iteration": [0, 5, 10],
            "replicate": 0,
            "twin": "twin-1",
            "barrier": barriers,
        }
    )
    found = Instability(barriers=table, lines=pd.DataFrame())
    assert found.advice == advice
    assert ("Rewind to 1ep" in str(found)) == (advice is not None)


@pytest.fixture
def study(tiny_study: TinyStudy, values: dict[str, Any]) -> Recipe:
    return tiny_study(replicates=1, training=values["training"] | {"to": "2ep", "milestones": []})


def test_barriers_are_measured_and_the_trainings_kept(study: Recipe, tmp_path: Path) -> None:
    found = measure_instability(study, ["0it", "1ep"], tmp_path / "out", workers=1)
    assert list(found.barriers["rewind_to"]) == ["0it", "1ep"]
    assert (found.barriers["barrier"] >= 0).all()
    assert len(found.lines) == 2 * POINTS
    written = pd.read_csv(tmp_path / "out/instability.csv")
    pd.testing.assert_frame_equal(written, found.barriers, check_dtype=False)
    assert (tmp_path / "out/instability.png").stat().st_size > 5_000
    before = {file: file.read_bytes() for file in (tmp_path / "out").rglob("*.safetensors")}
    again = measure_instability(study, ["0it", "1ep"], tmp_path / "out", workers=1)
    pd.testing.assert_frame_equal(again.barriers, found.barriers)
    assert {file: file.read_bytes() for file in before} == before


@pytest.mark.parametrize(
    ("at", "words"),
    [
        ([], "no step is stated"),
        (["soon"], '"soon" is not a step'),
        (["1ep", "2ep"], "2ep is not before the end"),
    ],
)
def test_a_wrong_step_is_refused(study: Recipe, tmp_path: Path, at: list[str], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        measure_instability(study, at, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.long
def test_the_command_prints_the_barriers_and_its_advice(
    study: Recipe, tmp_path: Path, prunescope: Prunescope
) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(study.to_yaml())
    words = ("instability", recipe, "--at", "0it", "--out", tmp_path / "out", "--workers", 1)
    ended = prunescope(*words, "--json")
    assert ended.status == 0, ended.err
    values = json.loads(ended.out.splitlines()[-1])
    assert [step["rewind_to"] for step in values["steps"]] == ["0it"]
