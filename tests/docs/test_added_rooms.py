"""Are a kind of stage and an engine added by a file each, as docs/extending.md says?"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from prunescope import engines
from prunescope.base.errors import ConfigError
from prunescope.base.tensors import load_tensors
from prunescope.concepts.scenery.scene_set import SceneSet
from prunescope.concepts.scenes import draw_scenes
from prunescope.experiment import stages
from prunescope.experiment.completeness import find_losses
from prunescope.experiment.run import run_study
from prunescope.experiment.status import status
from prunescope.recipe import Recipe
from runs import tiny_recipe

TEXT = (Path(__file__).parents[2] / "docs" / "extending.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def values(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    pictures = draw_scenes(
        tmp_path_factory.mktemp("pictures") / "set", SceneSet(train=40, val=20, size=32)
    )
    pruning = {"rewind_to": "1ep", "strategies": {"lottery": {"levels": 1}}}
    changes = {"replicates": 1, "pruning": pruning, "dissection": {"layers": ["layer3"]}}
    return tiny_recipe(pictures) | changes


def _added(name: str, package: ModuleType, folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Put a module of the page into a package, as a file in its folder would be."""
    [program] = re.findall(rf"```py\n# {name}.py\n(.*?)```", TEXT, flags=re.DOTALL)
    (folder / f"{name}.py").write_text(program)
    patch.setattr(package, "__path__", [*package.__path__, str(folder)])
    assert package.__spec__ is not None
    patch.setattr(package.__spec__, "submodule_search_locations", package.__path__)
    patch.delitem(sys.modules, f"{package.__name__}.{name}", raising=False)


@pytest.fixture
def with_norms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    _added("norms", stages, tmp_path, monkeypatch)
    yield
    sys.modules.pop("prunescope.experiment.stages.norms", None)


@pytest.mark.long
@pytest.mark.usefixtures("with_norms")
def test_a_kind_of_stage_is_a_file(values: dict[str, Any], tmp_path: Path) -> None:
    recipe, out = Recipe.validate_from(values, "tiny"), tmp_path / "run"
    run_study(recipe, out, workers=1)
    assert "norms of replicate 0, level 1 of lottery" in status(out).done
    level = out / "replicate-0/lottery/level-01"
    weights = load_tensors(level / "weights.safetensors")
    norms = json.loads((level / "norms.json").read_text())
    assert norms == {
        name: pytest.approx(np.linalg.norm(tensor.double().numpy()))
        for name, tensor in weights.items()
    }
    (level / "norms.json").unlink()
    assert status(out).to_do == ("norms of replicate 0, level 1 of lottery",)
    assert any("norms.json is missing" in line for line in status(out).damaged)
    assert list(find_losses(out, recipe)) == ["replicate-0/lottery/level-01 (norms)"]
    run_study(recipe, out, workers=1)
    assert status(out).to_do == ()


@pytest.mark.long
def test_an_engine_is_a_file(
    values: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, out = Recipe.validate_from(values, "tiny"), tmp_path / "run"
    with pytest.raises(ConfigError, match=r'no engine "serail".*choose local'):
        run_study(recipe, out, engine="serail")
    _added("serial", engines, tmp_path, monkeypatch)
    with pytest.raises(ConfigError, match=r'no engine "serail" \(did you mean "serial"\?\)'):
        run_study(recipe, out, engine="serail")
    run_study(recipe, out, engine="serial")
    assert status(out).to_do == ()
