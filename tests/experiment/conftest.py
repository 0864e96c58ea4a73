"""What do the tests of whole studies share? A world so small that a study takes seconds."""

from collections.abc import Callable
from pathlib import Path

import pytest

from prunescope.concepts.scenes import draw_scenes
from prunescope.study import Study

TinyStudy = Callable[..., Study]


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A handful of drawn pictures, at once a Broden folder and an image folder."""
    return draw_scenes(tmp_path_factory.mktemp("pictures") / "set", train=40, val=20, size=32)


@pytest.fixture(scope="session")
def values(pictures: Path) -> dict[str, object]:
    """A recipe: two replicates, two pruned levels, a network of a few thousand weights."""
    return {
        "name": "tiny",
        "network": "cifar_resnet20,width=0.25",
        "data": {"source": str(pictures / "images"), "test_split": "val"},
        "training": {
            "to": "3ep",
            "batch_size": 16,
            "learning_rate": 0.05,
            "weight_decay": 1e-4,
            "milestones": ["2ep"],
            "augmentation": {"pad": 2, "flip": True},
        },
        "pruning": {
            "rewind_to": "1ep1it",
            "strategies": {"lottery": {"fraction": 0.2, "levels": 2}},
        },
        "concepts": {"source": f"broden:{pictures}", "split": "val"},
        "dissection": {"layers": ["layer2", "layer3"], "quantile": 0.01, "examples": 4},
        "replicates": 2,
    }


@pytest.fixture(scope="session")
def tiny_study(values: dict[str, object]) -> TinyStudy:
    """Return a function that gives the tiny study, with some of its settings replaced."""
    return lambda **changes: Study.validate_from(values | changes, "tiny")
