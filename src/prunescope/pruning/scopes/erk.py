"""Small tensors keep a larger share of their weights than large ones (Evci et al. 2020)."""

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

from prunescope.pruning.mask import Mask


def groups(mask: Mask, left: Callable[[Mask], int]) -> Sequence[tuple[Sequence[str], int]]:
    """Return each tensor as a group, with survivors by Erdos-Renyi-Kernel.

    The density of a tensor is proportional to the sum of its axes' lengths over their product, and
    no more than all that is left of it; what is beyond that is shared out among the others, so that
    the total is met exactly. Fractions go to the tensors with the largest ones, the first at ties.
    Source: Evci et al. 2020 (arXiv 1911.11134), section 3.
    """
    most = {name: int(kept.sum()) for name, kept in mask.items()}
    weight = {name: sum(kept.shape) for name, kept in mask.items()}  # density x size, unscaled
    return [([name], count) for name, count in share_out(left(mask), weight, most).items()]


def share_out(total: int, weight: Mapping[str, int], most: Mapping[str, int]) -> dict[str, int]:
    """Return whole shares of a total, proportional to the weights, none above its most.

    total: at most the sum of `most`.
    """
    capped: dict[str, int] = {}
    while True:
        free = [name for name in weight if name not in capped]
        rest = total - sum(capped.values())
        scale = Fraction(rest, sum(weight[name] for name in free)) if free else Fraction(0)
        full = {name: most[name] for name in free if weight[name] * scale >= most[name]}
        if not full:
            break
        capped |= full
    exact = {name: weight[name] * scale for name in free}
    shares = {name: int(value) for name, value in exact.items()}
    missing = rest - sum(shares.values())
    for name in sorted(free, key=lambda name: shares[name] - exact[name])[:missing]:
        shares[name] += 1
    return {name: capped.get(name, shares.get(name, 0)) for name in weight}
