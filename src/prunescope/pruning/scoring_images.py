"""Which images does a criterion see, and what does the loss say of the weights there?"""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter

import torch
from jaxtyping import Int64
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import cross_entropy

from prunescope.base.errors import ConfigError
from prunescope.base.modes import in_mode, seed_generators
from prunescope.base.seeding import derive_seed, torch_generator
from prunescope.base.text import counted
from prunescope.data.labelled import Images
from prunescope.data.loader import batches
from prunescope.imaging.network_input import Normalisation
from prunescope.pruning.trial import usual_shape
from prunescope.training.forward import class_scores, classes_needed
from prunescope.training.settings import TrainingSettings

_NO_DERIVATIVE = r"derivative for aten::(\w+?)(_backward)? is not implemented"  # torch's words
_FOR_EACH_CLASS = 10  # as in the code of Tanaka et al. 2020


class ScoringImages(ABC):
    """Labelled images, for criteria that score by the loss.

    Iterating yields (pixels, labels), in batches, the same ones each time.
    """

    @property
    @abstractmethod
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of each image."""

    @abstractmethod
    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]: ...

    @abstractmethod
    def losses(self, network: nn.Module) -> Iterator[Tensor]:
        """Yield of each batch its part of the mean training loss over all images.

        What the network draws (dropout) is the same each time.
        """


@dataclass(frozen=True, kw_only=True)
class TrainingImages(ScoringImages):
    """Some training images of a study, without augmentation.

    training: whose batch size and label smoothing are taken. seed: of which images they are.
    count: how many; None for ten for each class, or all where there are fewer.
    """

    images: Images
    normalisation: Normalisation
    training: TrainingSettings
    seed: int
    device: torch.device
    count: int | None = None

    @property
    def shape(self) -> tuple[int, int, int]:
        return (len(self.normalisation.mean), *self.images.size)

    @cached_property
    def numbers(self) -> Int64[Tensor, " image"]:
        """The numbers of the images: the first of a permutation of all."""
        everything = len(self.images)
        count = self.count or min(everything, _FOR_EACH_CLASS * len(self.images.classes))
        generator = torch_generator(self.seed, "score images")
        return torch.randperm(everything, generator=generator)[:count]

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        count = len(self.numbers)
        parts = -(-count // self.training.batch_size)
        return batches(
            self.images,
            batch_size=-(-count // parts),  # as equal as they come: normalisation needs several
            normalisation=self.normalisation,
            order=self.numbers,
            device=self.device,
        )

    def losses(self, network: nn.Module) -> Iterator[Tensor]:
        classes = classes_needed(self.images)
        for number, (pixels, labels) in enumerate(self):
            seed_generators(self.device, derive_seed(self.seed, "score", number))
            scores = class_scores(network, pixels, precision="float32", classes=classes)
            smoothing = self.training.label_smoothing
            loss = cross_entropy(scores, labels, label_smoothing=smoothing, reduction="sum")
            yield loss / len(self.numbers)


@dataclass(frozen=True)
class NoImages(ScoringImages):
    """What stands for images where one network is pruned by itself: their shape alone."""

    network: nn.Module

    @cached_property
    def shape(self) -> tuple[int, int, int]:
        return usual_shape(self.network)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        raise ConfigError(
            "the criterion scores by the loss on labelled images, of which there are none here: "
            "give it in a study, whose training images it takes"
        )

    def losses(self, network: nn.Module) -> Iterator[Tensor]:  # noqa: ARG002
        yield from map(itemgetter(0), self)


def check_enough(count: int | None, images: int, strategy: str) -> None:
    """Raise ConfigError where a criterion shall see more images than there are."""
    if count is not None and count > images:
        raise ConfigError(
            f"pruning.strategies.{strategy}.score_images is {count:,}, but there are only "
            f"{counted(images, 'training image')}: give fewer"
        )


def mean_gradient(
    network: nn.Module, weights: Mapping[str, Tensor], images: ScoringImages
) -> dict[str, Tensor]:
    """Return the gradient of the mean training loss by each weight, zero where it does not act.

    In training mode, in which normalisation takes the statistics of each batch; the running ones
    stay as they are.
    """
    total = {name: torch.zeros_like(weight) for name, weight in weights.items()}
    with _undisturbed(network):
        for loss in images.losses(network):
            _add(total, torch.autograd.grad(loss, list(weights.values()), allow_unused=True))
    return total


def hessian_product(
    network: nn.Module,
    weights: Mapping[str, Tensor],
    vector: Mapping[str, Tensor],
    images: ScoringImages,
) -> dict[str, Tensor]:
    """Return H v, H the Hessian of the mean training loss by the weights, as `mean_gradient`.

    Raises ConfigError where torch has no second derivative of what the network computes.
    """
    total = {name: torch.zeros_like(weight) for name, weight in weights.items()}
    with _undisturbed(network), sdpa_kernel(SDPBackend.MATH), _twice_differentiable():
        for loss in images.losses(network):
            gradient = torch.autograd.grad(
                loss, list(weights.values()), create_graph=True, materialize_grads=True
            )
            pairs = zip(gradient, weights, strict=True)
            along = torch.stack([(part * vector[name]).sum() for part, name in pairs]).sum()
            _add(total, torch.autograd.grad(along, list(weights.values()), allow_unused=True))
    return total


@contextmanager
def _twice_differentiable() -> Iterator[None]:
    """Raise ConfigError where torch has no second derivative of what a network computes."""
    try:
        yield
    except RuntimeError as error:
        lacking = re.match(_NO_DERIVATIVE, str(error))
        if lacking is None:
            raise
        raise ConfigError(
            f"the criterion needs second derivatives, and torch has none of {lacking[1]}, which "
            "the network computes: choose another criterion"
        ) from error


@contextmanager
def _undisturbed(network: nn.Module) -> Iterator[None]:
    """Have a network in training mode, and put back what a forward pass changes."""
    before = {name: buffer.clone() for name, buffer in network.named_buffers()}
    try:
        with in_mode(network, training=True):
            yield
    finally:
        with torch.no_grad():
            for name, buffer in network.named_buffers():
                buffer.copy_(before[name])


def _add(total: Mapping[str, Tensor], parts: tuple[Tensor | None, ...]) -> None:
    for tensor, part in zip(total.values(), parts, strict=True):
        if part is not None:
            tensor.add_(part.detach())
