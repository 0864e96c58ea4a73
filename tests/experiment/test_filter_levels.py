"""Do levels that lose whole filters come out smaller, and keep their units' numbers?"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from once import made_once
from prunescope.base.errors import ConfigError
from prunescope.base.tensors import load_tensors
from prunescope.experiment.auditing import audit_run
from prunescope.experiment.run import run_study
from prunescope.networks.description import read_description
from prunescope.networks.loading import load_network
from prunescope.recipe import Recipe
from runs import make_levels

TinyStudy = Callable[..., Recipe]
NETWORK = """\
from torch import nn


def make(num_classes):
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU(),
        nn.Conv2d(8, 12, 3, stride=2, padding=1), nn.BatchNorm2d(12), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(12, num_classes))
"""
STRATEGIES: dict[str, dict[str, Any]] = {
    "filters": {"structure": "filters", "fraction": 0.25, "levels": 2},
    "any": {"structure": "filters", "criterion": "random", "densities": [0.5]},
    "rate": {"structure": "filters", "recovery": "rewind-rate", "fraction": 0.25, "levels": 2},
    "fresh": {"recovery": "reinitialise", "of": "filters", "levels": 2},
    "shuffled": {"criterion": "shuffled", "of": "filters", "levels": 2},
    "compute": {"recovery": "scratch", "budget": "compute", "of": "any", "levels": 1},
    "all": {"structure": "filters", "scope": "global", "densities": [0.8]},
}


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the network's code, which Python finds."""
    folder = made_once(tmp_path_factory, "filtered", lambda f: f.mkdir())
    (folder / "filtered_network.py").write_text(NETWORK)
    return folder


@pytest.fixture(autouse=True)
def _found(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(here)


@pytest.fixture(scope="module")
def recipe(tiny_study: TinyStudy, values: dict[str, Any], here: Path) -> Recipe:
    return tiny_study(
        network="filtered_network:make",
        replicates=1,
        data=values["data"] | {"mean": [0.5] * 3, "std": [0.25] * 3},
        training=values["training"] | {"to": "2ep", "milestones": []},
        dissection=values["dissection"] | {"layers": ["1", "4"]},
        pruning={"rewind_to": "1ep", "strategies": STRATEGIES},
    )


@pytest.fixture(scope="module")
def made(recipe: Recipe, here: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    def make(folder: Path) -> None:
        folder.mkdir()
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(here)
            patch.syspath_prepend(str(here))
            make_levels(recipe, folder / "run")

    return made_once(tmp_path_factory, "filter-levels", make) / "run"


def units(run: Path, path: str) -> dict[str, tuple[int, ...]]:
    file = run / "replicate-0" / path / "weights.safetensors"
    found = read_description(file, "filtered_network:make").units
    assert found is not None
    return dict(found)


def weights(run: Path, path: str) -> dict[str, torch.Tensor]:
    return load_tensors(run / "replicate-0" / path / "weights.safetensors")


def test_levels_lose_a_quarter_of_each_layers_filters(made: Path) -> None:
    assert weights(made, "filters/level-01")["0.weight"].shape == (6, 3, 3, 3)
    assert weights(made, "filters/level-01")["3.weight"].shape == (9, 6, 3, 3)
    assert weights(made, "filters/level-02")["0.weight"].shape == (4, 3, 3, 3)  # 4.5, half to even
    assert weights(made, "filters/level-02")["3.weight"].shape == (7, 4, 3, 3)  # 6.75
    assert weights(made, "filters/level-02")["8.weight"].shape[1] == 7


def test_filters_with_the_least_sums_go(made: Path) -> None:
    dense = weights(made, "level-00")["0.weight"].abs().flatten(1).sum(1)
    kept = units(made, "filters/level-01")["0"]
    assert set(kept) == set(dense.topk(6).indices.tolist())


@pytest.mark.parametrize("strategy", ["filters", "rate", "fresh", "shuffled"])
def test_units_that_are_gone_stay_gone(made: Path, strategy: str) -> None:
    first, second = (units(made, f"{strategy}/level-0{level}") for level in (1, 2))
    for layer, kept in second.items():
        assert set(kept) < set(first[layer])


def test_the_same_filters_are_the_same_filters(made: Path) -> None:
    assert units(made, "fresh/level-02") == units(made, "filters/level-02")
    assert units(made, "shuffled/level-02") != units(made, "filters/level-02")


def test_every_level_loads_by_its_path_and_computes(made: Path) -> None:
    for folder in sorted(made.glob("replicate-0/*/level-*")):
        loaded = load_network("filtered_network:make", weights=folder)
        scores = loaded.module(torch.zeros(1, 3, 32, 32))
        assert bool(torch.isfinite(scores).all())


def test_what_is_left_is_counted_against_the_dense_network(made: Path) -> None:
    metrics = json.loads((made / "replicate-0/filters/level-01/metrics.json").read_text())
    classes = weights(made, "level-00")["8.weight"].shape[0]
    dense = 8 * 27 + 12 * 8 * 9 + classes * 12
    left = 6 * 27 + 9 * 6 * 9 + classes * 9
    assert (metrics["survivors"], metrics["prunable"]) == (left, dense)
    assert metrics["keep"] == pytest.approx(left / dense)
    assert (metrics["groups_left"], metrics["groups"]) == (15, 20)


def test_the_audit_finds_nothing_wrong(made: Path) -> None:
    audit = audit_run(made, network="filtered_network:make")
    assert [problem for problem in audit.problems if "replicate" in problem] == []


def test_scratch_by_compute_trains_longer(made: Path) -> None:
    history = pd.read_csv(made / "replicate-0/compute/level-01/history.csv")
    assert history["iteration"].iloc[-1] + 1 > 1.5 * 6  # of 2 epochs of 3 steps


def test_a_study_of_filters_is_dissected_under_the_dense_networks_numbers(
    recipe: Recipe, here: Path, tmp_path: Path
) -> None:
    chosen = {"filters": recipe.pruning.strategies["filters"]}
    study = recipe.model_copy(
        update={"pruning": recipe.pruning.model_copy(update={"strategies": chosen})}
    )
    run_study(study, tmp_path / "run", workers=1)
    kept = units(tmp_path / "run", "filters/level-02")["3"]
    table = pd.read_parquet(
        tmp_path / "run/replicate-0/filters/level-02/dissection/4/units.parquet"
    )
    assert tuple(table["unit"]) == kept
    levels = pd.read_csv(tmp_path / "run/tables/levels.csv")
    assert list(levels[levels["layer"] == 4]["units"]) == [12, 9, 7]


def test_filters_of_which_a_layer_would_lose_all_are_refused(
    recipe: Recipe, tmp_path: Path
) -> None:
    values = recipe.model_dump(mode="json", exclude_none=True)
    values["pruning"]["strategies"] = {
        "few": {"structure": "filters", "fraction": 0.9, "levels": 2}
    }
    study = Recipe.validate_from(values, "recipe")
    with pytest.raises(ConfigError, match=r"strategies\.few removes every filter of 0 at level"):
        run_study(study, tmp_path / "run", workers=1)


@pytest.mark.parametrize(
    ("stated", "words"),
    [
        ({"criterion": "snip", "levels": 1}, 'scores single weights, but structure is "filters"'),
    ],
)
def test_what_scores_weights_scores_no_filters(
    tiny_study: TinyStudy, stated: dict[str, Any], words: str
) -> None:
    strategies = {"few": {"structure": "filters"} | stated}
    with pytest.raises(ConfigError, match=words):
        tiny_study(pruning={"rewind_to": "1ep", "strategies": strategies})
