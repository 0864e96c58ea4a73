"""What does each weight score by a criterion?"""

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from prunescope.base.text import a_kind, on_one_line
from prunescope.pruning.choices import CRITERIA
from prunescope.pruning.mask import Mask
from prunescope.pruning.scoring_images import ScoringImages


def score(
    network: nn.Module, mask: Mask, criterion: str, seed: int, images: ScoringImages
) -> dict[str, Tensor]:
    """Return the scores of a mask's weights by a criterion, by the names of their tensors.

    criterion: a module of `prunescope.pruning.criteria`, or a user's
        "package.module:function", called with the network, the mask and, where it takes a third
        argument, the images.
    seed: of what the criterion draws from torch's global generator, which is left as it was.
    Raises ConfigError where there is no such criterion, it takes the masks of another strategy,
    user code fails, or gives no number for each weight.
    """
    if CRITERIA.stated(criterion, "TAKES_MASKS"):
        raise CRITERIA.fault(
            criterion, "takes the masks of another strategy of a study, and scores no network"
        )
    arguments = (network, mask, images)[: _positions(CRITERIA.find(criterion))]
    with torch.random.fork_rng(), _differentiable(mask.parameters_of(network)):
        torch.manual_seed(seed)
        scored = CRITERIA.call(criterion, *arguments)
    fault = _fault(scored, mask)
    if fault is not None:
        raise CRITERIA.fault(criterion, fault)
    return {
        name: scores if scores.is_floating_point() else scores.double()
        for name, scores in scored.items()
    }


@contextmanager
def _differentiable(weights: Mapping[str, Tensor]) -> Iterator[None]:
    """Let gradients reach weights that are not trained, too."""
    frozen = [weight for weight in weights.values() if not weight.requires_grad]
    for weight in frozen:
        weight.requires_grad_(True)
    try:
        with torch.enable_grad():
            yield
    finally:
        for weight in frozen:
            weight.requires_grad_(False)


def _positions(function: Any) -> int:
    """Return how many of three arguments a function takes by position; at least two."""
    try:
        inspect.signature(function).bind(None, None, None)
    except TypeError:
        return 2
    except ValueError:  # of a function without a signature
        return 3
    return 3


def _fault(scored: Any, mask: Mask) -> str | None:
    if not isinstance(scored, Mapping):
        return f"returned {a_kind(scored)}, but must return a dict of tensors by their names"
    for name in scored:
        if name not in mask:
            return f'scored "{on_one_line(str(name))}", which is not to be pruned'
    for name, kept in mask.items():
        scores = scored.get(name)
        if not isinstance(scores, Tensor):
            return f"returned no tensor of scores for {name}"
        if scores.shape != kept.shape or scores.is_complex():
            return (
                f"scored {name} by {scores.dtype} of shape {tuple(scores.shape)}, but must give "
                f"one real number for each of its weights, of shape {tuple(kept.shape)}"
            )
    return None
