"""Which two of each four weights survive (structure "2:4")?

Of four consecutive weights along the input channels the two that score highest stay, as sparse
tensor cores compute (Mishra et al. 2021, arXiv 2104.08378). Tensors whose input channels do not
divide by four stay dense.
"""

from collections.abc import Mapping

import torch
from jaxtyping import Bool
from torch import Tensor, nn

from prunescope.base.errors import ConfigError, DataError
from prunescope.pruning.acting import layer_keys
from prunescope.pruning.mask import Mask

_FOUR, _TWO = 4, 2
_SHOWN = 8


def input_axes(network: nn.Module, mask: Mask) -> dict[str, int]:
    """Return along which axis the input channels of each tensor lie that divides by four.

    Of a transposed convolution that is the first axis, of all other layers the second. The
    channels of each group of a grouped convolution have to divide by themselves.
    """
    layers = layer_keys(network)
    axes = {}
    for name, kept in mask.items():
        layer = layers[name][0] if name in layers else None
        axis = 0 if getattr(layer, "transposed", False) else 1
        groups = getattr(layer, "groups", 1) if axis == 0 else 1
        if kept.dim() > 1 and kept.shape[axis] % (_FOUR * groups) == 0:
            axes[name] = axis
    return axes


def select(scores: Mapping[str, Tensor], mask: Mask, axes: Mapping[str, int]) -> Mask:
    """Keep of each four weights the two survivors with the highest scores, at ties the first ones.

    axes: as `input_axes`; tensors without one stay as they are.
    Raises DataError where the scores are another network's, or not finite.
    """
    mask.check_fit(scores)
    return Mask(
        {
            name: _of_tensor(scores[name].detach().cpu(), kept, axes[name])
            if name in axes
            else kept
            for name, kept in mask.items()
        }
    )


def check(mask: Mask, axes: Mapping[str, int], where: str) -> None:
    """Raise ConfigError where no tensor of a mask divides by four. where: what asks for it."""
    if not axes:
        more = ", ..." if len(mask) > _SHOWN else ""
        raise ConfigError(
            f'{where}: structure "2:4" removes nothing, since no prunable tensor has input '
            f"channels that divide by four ({', '.join(list(mask)[:_SHOWN])}{more})"
        )


def find_faults(before: Mask, after: Mask) -> list[str]:
    """Return what is wrong with the mask of a level of structure "2:4".

    Along which axis a tensor's inputs lie is not known of a mask: either will do, and so will a
    tensor that stayed as it was; but not all of them.
    """
    changed = [name for name in after if not torch.equal(after[name], before[name])]
    if not changed:
        return ["no tensor has two of each four weights left"]
    return [
        f"{name} has not two of each four weights left"
        for name in changed
        if not any(_is_two_four(before[name], after[name], axis) for axis in (1, 0))
    ]


def describe_dense(mask: Mask) -> str:
    """Name the tensors that stayed dense; nothing where there are none."""
    dense = [name for name, kept in mask.items() if bool(kept.all())]
    more = f" and {len(dense) - _SHOWN:,} more" if len(dense) > _SHOWN else ""
    return f"dense, not dividing by four: {', '.join(dense[:_SHOWN])}{more}" if dense else ""


def _fours(values: Tensor, axis: int) -> Tensor:
    """Return a tensor's values with each four along an axis on a last one."""
    last = values.movedim(axis, -1)
    return last.reshape(*last.shape[:-1], -1, _FOUR)


def _is_two_four(before: Tensor, after: Tensor, axis: int) -> bool:
    if after.shape[axis] % _FOUR:
        return False
    left, expected = _fours(after, axis).sum(-1), _fours(before, axis).sum(-1).clamp(max=_TWO)
    return torch.equal(left, expected)


def _of_tensor(scores: Tensor, kept: Bool[Tensor, "..."], axis: int) -> Bool[Tensor, "..."]:
    if not bool(torch.isfinite(scores[kept]).all()):
        raise DataError("the weights to prune hold a value that is not finite")
    alive = _fours(kept, axis)
    ranked = _fours(scores.double(), axis).masked_fill(~alive, -torch.inf)
    order = ranked.argsort(dim=-1, descending=True, stable=True)
    highest = torch.zeros_like(ranked, dtype=torch.bool).scatter_(-1, order[..., :_TWO], True)
    return (highest & alive).flatten(-2).movedim(-1, axis).contiguous()
