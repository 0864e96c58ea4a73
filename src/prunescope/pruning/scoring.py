"""What does each weight score, and which survive by it?"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from prunescope.base.text import a_kind, on_one_line
from prunescope.pruning.choices import CRITERIA
from prunescope.pruning.mask import Mask


def score(network: nn.Module, mask: Mask, criterion: str, seed: int) -> dict[str, Tensor]:
    """Return the scores of a mask's weights by a criterion, by the names of their tensors.

    criterion: a module of `prunescope.pruning.criteria`, or a user's
        "package.module:function", called with the network and the mask.
    seed: of what the criterion draws from torch's global generator, which is left as it was.
    Raises ConfigError where there is no such criterion, user code fails, or gives no number for
    each weight.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        scored = CRITERIA.call(criterion, network, mask)
    fault = _fault(scored, mask)
    if fault is not None:
        raise CRITERIA.fault(criterion, fault)
    return {
        name: scores if scores.is_floating_point() else scores.double()
        for name, scores in scored.items()
    }


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
