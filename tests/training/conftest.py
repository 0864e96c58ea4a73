"""A tiny world: 20 noise images of 8 x 8 in 3 classes, and a network with every trap."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from prunescope.base.progress import Progress, Task
from prunescope.data.images import LabelledImages
from prunescope.data.settings import Augmentation
from prunescope.imaging.network_input import Normalisation
from prunescope.training.settings import TrainingSettings


@pytest.fixture
def images() -> LabelledImages:
    generator = torch.Generator().manual_seed(3)
    return LabelledImages(
        pixels=torch.randint(0, 256, (20, 8, 8, 3), generator=generator, dtype=torch.uint8),
        labels=torch.arange(20) % 3,
        classes=("house", "car", "tree"),
    )


@pytest.fixture
def normalisation() -> Normalisation:
    return Normalisation(mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))


@pytest.fixture
def make_network() -> Callable[[], nn.Module]:
    """Equal networks with running statistics, randomness of their own and a 1 x 1 kernel."""

    def make() -> nn.Module:
        with torch.random.fork_rng([]):
            torch.manual_seed(1)
            return nn.Sequential(
                nn.Conv2d(3, 4, 3, padding=1),
                nn.BatchNorm2d(4),
                nn.ReLU(),
                nn.Dropout(0.3),
                nn.Conv2d(4, 6, 1),
                nn.AdaptiveAvgPool2d(1),
                nn.Flatten(),
                nn.Linear(6, 3),
            )

    return make


@pytest.fixture
def make_settings() -> Callable[..., TrainingSettings]:
    """Four epochs of three batches (8 + 8 + 4 images), unless told otherwise."""

    def make(**changes: Any) -> TrainingSettings:
        values: dict[str, Any] = {
            "to": "4ep",
            "batch_size": 8,
            "learning_rate": 0.1,
            "weight_decay": 1e-3,
            "augmentation": Augmentation(pad=1, flip=True),
        }
        return TrainingSettings(**(values | changes))

    return make


class Recorder(Progress):
    """Remembers what was reported."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.tasks: list[tuple[str, int]] = []
        self.done: list[int] = []
        self.advanced: list[tuple[int, str]] = []

    @contextmanager
    def task(self, description: str, total: int, *, done: int = 0) -> Iterator[Task]:
        self.tasks.append((description, total))
        self.done.append(done)
        recorder = self

        class Recording(Task):
            def advance(self, count: int = 1, note: str = "") -> None:
                recorder.advanced.append((count, note))

        yield Recording()

    def say(self, message: str) -> None:
        self.said.append(message)


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def same_bits() -> Callable[[nn.Module, nn.Module], bool]:
    """Compare every parameter and buffer of two networks, bit for bit."""

    def same(a: nn.Module, b: nn.Module) -> bool:
        first, second = a.state_dict(), b.state_dict()
        return first.keys() == second.keys() and all(
            _bits(first[name]) == _bits(second[name]) for name in first
        )

    return same


def _bits(tensor: Tensor) -> bytes:
    return tensor.contiguous().numpy().tobytes()
