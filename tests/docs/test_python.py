"""Do the programs of docs/python.md run, and is every public name explained?"""

import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from matplotlib import pyplot
from PIL import Image

import prunescope
from prunescope.networks.registry import build
from runs import tiny_recipe

PAGE = (Path(__file__).parents[2] / "docs" / "python.md").read_text(encoding="utf-8")
PROGRAMS = re.findall(r"^```python\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)


@pytest.fixture
def place(drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with everything that the page names."""
    monkeypatch.chdir(tmp_path)
    torch.save(build("cifar_resnet20", seed=0).state_dict(), "weights.pth")
    noise = np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8)
    for name in ("photo.jpg", "other.jpg"):
        Image.fromarray(noise).save(name)
    recipe = tiny_recipe(drawn)
    recipe["training"] |= {"to": "2ep", "milestones": []}
    recipe["pruning"]["strategies"]["lottery"]["levels"] = 1
    recipe["dissection"]["layers"] = ["layer3"]
    Path("recipe.yaml").write_text(yaml.safe_dump(recipe))
    Path("DIR").symlink_to(drawn)
    yield tmp_path
    pyplot.close("all")


@pytest.mark.long
def test_the_programs_of_the_page_run_one_after_the_other(place: Path) -> None:
    assert len(PROGRAMS) == 6
    for program in PROGRAMS:
        names: dict[str, Any] = {}
        exec(program, names)
        if "masks" in names:
            assert [mask.shape for mask in names["masks"]] == [(2, 30, 40)] * 2
            assert names["small"][0].shape == (1, 56, 56)
        if "found" in names:
            assert names["mask"].survivors == round(0.1 * names["mask"].size)
            assert names["found"].units["outcome"].notna().all()
        if "audited" in names:
            assert 0 <= names["accuracy"] <= 1
            assert len(names["compared"].table) == 4
            assert names["audited"].total("multiply_adds") > 0
        if "run" in names:
            assert names["level"].keep == pytest.approx(0.8, abs=1e-4)
            assert set(names["weights"]) == set(names["level"].network.module.state_dict())
    assert (place / "units.pdf").is_file()


def test_the_page_names_every_public_name() -> None:
    hidden = {"LayerComparison", "LoadedNetwork", "__version__"}  # what others return
    for name in set(prunescope.__all__) - hidden:
        assert re.search(rf"`{name}`|ps\.{name}\b", PAGE), name


def explained() -> Iterator[Any]:
    """Yield every public name, and the public methods and properties that ours define."""
    for name in sorted(set(prunescope.__all__) - {"__version__"}):
        value = getattr(prunescope, name)
        yield pytest.param(value, id=name)
        if inspect.isclass(value):
            for own in dir(value):
                member = inspect.getattr_static(value, own)
                home = next(kind for kind in value.__mro__ if own in vars(kind))
                if not own.startswith("_") and home.__module__.startswith("prunescope"):
                    if isinstance(member, classmethod | staticmethod):
                        member = member.__func__
                    if callable(member) or hasattr(member, "__get__"):
                        yield pytest.param(member, id=f"{name}.{own}")


def parameters(value: Callable[..., Any]) -> list[str]:
    names = inspect.signature(value).parameters
    return [name for name in names if name not in ("self", "cls", "args", "kwargs", "data")]


@pytest.mark.parametrize("value", list(explained()))
def test_a_public_name_is_explained_and_each_of_its_parameters(value: Any) -> None:
    text = inspect.getdoc(value)
    assert text, "no docstring"
    function = inspect.isfunction(inspect.unwrap(value)) if callable(value) else False
    own = value.__module__.startswith("prunescope") if function else False
    is_error = inspect.isclass(value) and issubclass(value, Exception)  # which takes a message
    named = parameters(value) if own or (inspect.isclass(value) and not is_error) else []
    if len(named) > 1:
        assert len(text.splitlines()) > 1
        for name in named:
            assert re.search(rf"\b{name}\b", text), f"{name} is not explained"
    if own and len(named) > 1:
        assert "Raises" in text or "raises" in text, "it does not say what it raises"


@pytest.mark.parametrize("name", ["dissect", "compare", "prune", "compare_networks", "Comparison"])
def test_what_computes_a_result_names_its_source(name: str) -> None:
    text = inspect.getdoc(getattr(prunescope, name)) or ""
    assert re.search(r"docs/method|et al\.|Frankle|LayerComparison", text)
