"""Are the levels of a study dissected along directions, and again only where these change?"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pictured import read_chunk
from prunescope.base.errors import DataError
from prunescope.base.tensors import load_tensors, save_tensors
from prunescope.experiment.plan import plan_study
from prunescope.experiment.run import run_study
from prunescope.experiment.source_facts import facts_of
from prunescope.experiment.stages.dissection import DissectionStage
from prunescope.recipe import Recipe, read_recipe
from prunescope.report.details import describe_unit
from prunescope.report.summary import summarise_result
from prunescope.results.opened import open_dissection
from prunescope.results.run_tables import RunTables
from runs import tiny_recipe

UNITS = {"layer2": 8, "layer3": 16}


def of_basis(drawn: Path, basis: Path | str | None, **strategy: Any) -> Recipe:
    values = tiny_recipe(drawn)
    values["training"] |= {"to": "2ep", "milestones": []}
    values["pruning"] = {
        "rewind_to": "1ep",
        "strategies": {"lottery": {"levels": 1, "fraction": 0.5, **strategy}},
    }
    values["dissection"] |= {"null": 2} if basis is None else {"basis": str(basis), "null": 2}
    return Recipe.validate_from(values | {"replicates": 1}, "the test")


def keys(recipe: Recipe) -> dict[str, str]:
    stages = plan_study(recipe, facts_of(recipe)).of(DissectionStage)
    return {artifact.path: artifact.key for stage in stages for artifact in stage.artifacts}


def write(path: Path, **seeds: int) -> Path:
    tensors = {
        layer: torch.randn(3, UNITS[layer], generator=torch.Generator().manual_seed(seed))
        for layer, seed in seeds.items()
    }
    save_tensors(path, tensors)
    return path


def test_keys_hold_the_directions_of_a_layer_and_not_where_they_lie(
    drawn: Path, tmp_path: Path
) -> None:
    before = keys(of_basis(drawn, write(tmp_path / "a.safetensors", layer2=0, layer3=0)))
    moved = keys(of_basis(drawn, write(tmp_path / "b.safetensors", layer3=0, layer2=0)))
    assert moved == before
    assert before != keys(of_basis(drawn, None))
    changed = keys(of_basis(drawn, write(tmp_path / "a.safetensors", layer2=0, layer3=1)))
    assert {path.rpartition("/")[2] for path in before if changed[path] != before[path]} == {
        "layer3"
    }
    with pytest.raises(DataError, match=r'a.safetensors has no tensor "layer2"'):
        keys(of_basis(drawn, write(tmp_path / "a.safetensors", layer3=1)))


def rows_in(path: Path, layer: str) -> np.ndarray:
    return load_tensors(path)[layer].numpy()


@pytest.mark.long
def test_a_study_along_directions_saves_them_and_goes_on(drawn: Path, tmp_path: Path) -> None:
    path, run = tmp_path / "basis.safetensors", tmp_path / "run"
    run_study(of_basis(drawn, write(path, layer2=0, layer3=0)), run, workers=1)
    level = run / "replicate-0/lottery/level-01"
    found = open_dissection(level)["layer3"]
    assert found.basis is not None
    assert np.array_equal(found.basis, rows_in(path, "layer3"))
    assert len(found.units) == 3
    assert found.summary["basis"]["kind"] == "basis.safetensors"
    assert "chance" in found.summary
    made = {file: file.stat().st_ino for file in level.rglob("*.safetensors")}
    run_study(of_basis(drawn, write(path, layer2=0, layer3=1)), run, workers=1)
    assert np.array_equal(open_dissection(level)["layer3"].basis, rows_in(path, "layer3"))
    assert {file.relative_to(level).parts[:2] for file in made if changed(file, made)} == {
        ("dissection", "layer3")
    }


def changed(file: Path, made: dict[Path, int]) -> bool:
    return file.stat().st_ino != made[file]


@pytest.mark.long
@pytest.mark.parametrize(
    "basis", [pytest.param("random-rotation", marks=pytest.mark.slow), "dense.safetensors"]
)
def test_levels_that_lost_filters_are_dissected_along_what_is_left(
    drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, basis: str
) -> None:
    monkeypatch.chdir(tmp_path)
    inner = "layer3.0.bn1"  # of a shortcut's layers no filter can go
    dense = torch.randn(3, 16, generator=torch.Generator().manual_seed(0))
    save_tensors(Path("dense.safetensors"), {inner: dense})
    study = of_basis(drawn, basis, structure="filters")
    chosen = study.dissection.model_copy(update={"layers": (inner,)})
    run_study(study.model_copy(update={"dissection": chosen}), tmp_path / "run", workers=1)
    found = open_dissection(tmp_path / "run/replicate-0/lottery/level-01")[inner]
    assert found.basis is not None
    assert found.basis.shape[1] == 8
    is_file = basis == "dense.safetensors"
    written = Recipe.validate_from(read_recipe("run/study.yaml"), "the run")
    assert written.dissection.basis == (str(tmp_path / basis) if is_file else basis)
    assert written.facts["Dissected along"] == basis
    if is_file:
        columns = dense.numpy().T
        assert all((column == columns).all(axis=1).any() for column in found.basis.T)
    else:
        assert np.allclose(found.basis @ found.basis.T, np.eye(8), atol=1e-6)
    assert found.units["unit"].tolist() == list(range(len(found.basis)))


def test_levels_with_directions_of_their_own_are_followed_by_concepts_alone(
    drawn: Path, tmp_path: Path
) -> None:
    recipe = of_basis(drawn, "pca")
    run_study(recipe, tmp_path / "run", workers=1)
    tables = RunTables.read(tmp_path / "run")
    dense, pruned = (tables.levels[tables.levels["level"] == level] for level in (0, 1))
    shares = ["still_interpretable", "same_concept", "still_interpretable_chance"]
    assert pruned[shares].isna().all(axis=None)
    assert (dense["still_interpretable"] == 1).all()
    assert tables.shares["outcome_share"].isna().all()
    assert len(tables.concept_outcomes)
    intervals = tables.intervals[tables.intervals["level"] == 1]
    assert intervals[["still_interpretable_low", "same_concept_high"]].isna().all(axis=None)
    values, text = summarise_result(tmp_path / "run")
    assert {row["basis"]["kind"] for row in values["levels"]} == {"pca"}
    assert "is one of the directions of 16 units (pca); each level has its own" in text
    details, text = describe_unit(tmp_path / "run", 1, "layer3")
    assert [row["outcome"] for row in details["levels"]][1] is None
    assert "equal numbers are not the same direction" in text
    page = tmp_path / "run" / "report" / "index.html"
    index = read_chunk(page, "page")
    assert {view["basis"] for view in index["views"]} == {
        f"directions of {units} units (pca)" for units in UNITS.values()
    }
    assert len({view["axes"] for view in index["views"]}) == len(index["views"]) == 4
    assert "each level has its own directions in place of units" in page.read_text()
