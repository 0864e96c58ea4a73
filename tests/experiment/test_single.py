"""Is a network measured on photographs of the size that it states?"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from prunescope.base.errors import DataError
from prunescope.experiment.measuring import evaluate_network
from prunescope.imaging.sizing import Sizing
from prunescope.networks.loading import LoadedNetwork, load_network
from prunescope.training.settings import EvaluationSettings

OWN = load_network("cifar_resnet20,width=0.25", num_classes=2)


@pytest.fixture
def photographs(tmp_path: Path) -> str:
    """Two classes of noise, wider than high or higher than wide."""
    random = np.random.default_rng(0)
    for name, shape in (("a/0", (50, 70, 3)), ("a/1", (90, 48, 3)), ("b/0", (64, 64, 3))):
        path = tmp_path / "val" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, shape, np.uint8)).save(path)
    return str(tmp_path)


def loss(network: LoadedNetwork, source: str, **sizes: int) -> float:
    settings = EvaluationSettings(split="val", **sizes)
    return evaluate_network(network, source, settings, device="cpu").loss


@pytest.mark.parametrize(
    ("square", "sizes"),
    [((32, 40), {"resolution": 32, "resize": 40}), ((32, None), {"resolution": 32})],
)
def test_published_weights_see_what_they_state(
    photographs: str, square: tuple[int, int | None], sizes: dict[str, int]
) -> None:
    stated = Sizing(resolution=square[0], shorter_side=square[1])
    published = replace(OWN, measured_on=stated)
    assert loss(published, photographs) == loss(OWN, photographs, **sizes)


def test_what_is_stated_in_the_call_goes_before(photographs: str) -> None:
    published = replace(OWN, measured_on=Sizing(resolution=24, shorter_side=40))
    asked = {"resolution": 32, "resize": 48}
    assert loss(published, photographs, **asked) == loss(OWN, photographs, **asked)
    assert loss(published, photographs, resize=30) == loss(
        OWN, photographs, resolution=24, resize=30
    )


def test_other_weights_see_photographs_as_they_are_stored(photographs: str) -> None:
    with pytest.raises(DataError, match="give a resolution"):
        loss(OWN, photographs)
