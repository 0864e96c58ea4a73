"""Can a study be run from Python, and what it left be opened?"""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from layers import make_layer, save_run
from prunescope.base.errors import ConfigError, DataError
from prunescope.experiment.load import load
from prunescope.experiment.study import Study
from prunescope.recipe import load_recipe
from prunescope.results.run import Level, Run


@pytest.fixture(scope="module")
def study(values: dict[str, Any]) -> Study:
    return Study.load(values)


@pytest.fixture(scope="module")
def run(study: Study, finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """What running the study gives where it is finished already."""
    folder = shutil.copytree(finished, tmp_path_factory.mktemp("runs") / "tiny")
    return study.run(folder, workers=1)


def test_it_gives_the_run_and_its_levels(study: Study, run: Run) -> None:
    assert isinstance(load(run.path), Run)
    assert run.name == "tiny"
    assert run.recipe["replicates"] == 2
    levels = [("dense", 0), ("lottery", 1), ("lottery", 2)]
    assert [(level.strategy, level.level) for level in run.finished] == 2 * levels
    rows = run.levels[run.levels["layer"] == "layer3"]
    assert rows["keep"].tolist() == [level.keep for level in run.finished]
    assert rows["accuracy"].tolist() == [level.accuracy for level in run.finished]
    assert set(run.units["layer"]) == {"layer2", "layer3"}


def test_a_level_opens_its_network_mask_dissection_and_history(run: Run) -> None:
    level = run.level(1)
    again = load(level.path)
    assert isinstance(again, Level)
    assert again == level
    weights, mask = level.network.module.state_dict(), level.mask
    assert mask.survivors / mask.size == level.keep
    assert all(not weights[name][~kept].any() for name, kept in mask.items())
    units = level.dissection["layer3"].units
    rows = run.units.query("replicate == 0 and level == 1 and layer == 'layer3'")
    pd.testing.assert_series_equal(rows["iou"].reset_index(drop=True), units["iou"])
    assert level.history["epoch"].tolist() == [1, 2]


def test_masks_of_a_saved_level_have_the_pixels_that_were_counted(run: Run, pictures: Path) -> None:
    from prunescope.concepts import open_concepts

    level = run.level(0)
    layer = level.dissection["layer3"]
    concepts = open_concepts(f"broden:{pictures}", split="val")
    fires = layer.units.loc[~layer.units["dead"], "unit"].tolist()
    shape = concepts.read_annotation(0).shape
    images = [concepts.image_path(index) for index in range(len(concepts.images))]
    masks = layer.masks(level.network, images, fires, size=shape)
    pixels = sum(mask.sum(axis=(1, 2)) for mask in masks)
    colour = layer.overlap.categories.index("color")  # every picture has one
    assert np.array_equal(pixels, layer.overlap.activation[fires, colour])


def test_status_tells_what_is_done_under_this_study(study: Study, run: Run, tmp_path: Path) -> None:
    assert study.status(run.path).to_do == ()
    longer = Study.load(study.model_dump(mode="json"), set=["pruning.strategies.lottery.levels=3"])
    assert any("level 3" in title for title in longer.status(run.path).to_do)
    assert study.status(tmp_path / "nowhere").done == ()
    assert not (tmp_path / "nowhere").exists()


def test_a_dry_run_writes_nothing(study: Study, tmp_path: Path) -> None:
    found = study.dry_run(tmp_path / "run", workers=1)
    assert found.seconds > 0
    assert not (tmp_path / "run").exists()


def test_a_level_that_is_not_there_is_named(run: Run, tmp_path: Path) -> None:
    for asked, words in (
        ({"level": 5}, "no finished level 5"),
        ({"level": 1, "strategy": "lotery"}, 'did you mean "lottery"'),
        ({"level": 0, "replicate": 3}, "in replicate 3: it has none"),
    ):
        with pytest.raises(ConfigError, match=words):
            run.level(**asked)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="is not a run folder"):
        Run.load(tmp_path)


def test_a_twin_is_no_second_strategy(tmp_path: Path) -> None:
    layer = make_layer({"red": 200})
    keys = [(0, "dense", 0), (0, "twin-1", 0), (0, "lottery", 1)]
    run = Run.load(save_run(tmp_path / "run", {key: [layer] for key in keys}))
    assert run.level(1).strategy == "lottery"
    assert run.level(0).strategy == "dense"
    assert run.level(0, strategy="lottery").strategy == "dense"
    assert run.level(0, strategy="twin-1").path.name == "twin-1"
    with pytest.raises(ConfigError, match="no finished level 1 of twin-1"):
        run.level(1, strategy="twin-1")


def test_a_recipe_is_a_file_a_mapping_or_a_shipped_name(
    values: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(values))
    before = str(values)
    from_file, given = Study.load(path, set=["seed=3"]), Study.load(values, set=["seed=3"])
    assert from_file == given
    assert from_file.to_yaml() == load_recipe(path, ["seed=3"]).to_yaml()
    assert str(values) == before
    assert Study.load("demo").name == "demo"
    with pytest.raises(ConfigError, match=r'no recipe "dmo" \(did you mean "demo"'):
        Study.load("dmo")
    with pytest.raises(ConfigError, match="seed"):
        Study.load(values, set=["seed=-1"])


def test_without_a_folder_it_runs_under_runs(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert study._folder(None) == Path("runs/tiny")
