"""Which weights survive a level, found one weight at a time, from the written method alone?

METHOD, section 3: of n surviving weights exactly round(n (1 - p)) stay, half to even; those of
lowest magnitude go, ranked over all tensors in state-dict order; of equal weights the lower flat
index survives. It shares no code with the package.
"""

from decimal import Decimal


def survivors_after(survivors: int, fraction: str) -> int:
    """Return round(n (1 - p)), half to even, p given as it is written."""
    exact = survivors * (1 - Decimal(fraction))
    whole = int(exact)
    rest = exact - whole
    if rest > Decimal("0.5") or (rest == Decimal("0.5") and whole % 2 == 1):
        whole += 1
    return whole


def prune(
    weights: dict[str, list[float]], alive: dict[str, list[bool]], fraction: str
) -> dict[str, list[bool]]:
    """Take the least of the surviving weights away, one after the other.

    weights, alive: for each tensor, in state-dict order, its flattened values.
    """
    left = {name: list(marks) for name, marks in alive.items()}
    survivors = sum(mark for marks in left.values() for mark in marks)
    for _ in range(survivors - survivors_after(survivors, fraction)):
        worst = None
        for name, marks in left.items():
            for index, mark in enumerate(marks):
                if not mark:
                    continue
                magnitude = abs(weights[name][index])
                # "<=": of equal ones the last in order is found, so the lower index survives
                if worst is None or magnitude <= worst[0]:
                    worst = (magnitude, name, index)
        _, name, index = worst
        left[name][index] = False
    return left


def prune_layerwise(
    weights: dict[str, list[float]], alive: dict[str, list[bool]], fraction: str
) -> dict[str, list[bool]]:
    """Prune each tensor as if it were the whole network."""
    return {
        name: prune({name: weights[name]}, {name: marks}, fraction)[name]
        for name, marks in alive.items()
    }
