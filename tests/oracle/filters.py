"""Which filters survive, and what is left without the others, from the written method alone?

METHOD, section 3, Filters: a group's score is the mean over its filters of the sum of |w|; ranked
within each coupled set of layers, of n groups exactly round(n (1 - p)) survive, half to even, of
equal scores the lower number. Everything is a list of numbers; no code of the package is used.
"""

from decimal import ROUND_HALF_EVEN, Decimal

Filter = list[float]


def group_score(filters: list[Filter]) -> float:
    """Return the mean over a group's filters of the sum of their magnitudes."""
    total = 0.0
    for one in filters:
        for weight in one:
            total += abs(weight)
    return total / len(filters)


def surviving_groups(scores: list[float], keep: str) -> list[bool]:
    """Take the groups of lowest score away, one after the other, until round(n keep) are left."""
    left = [True] * len(scores)
    count = int((len(scores) * Decimal(keep)).quantize(Decimal(1), ROUND_HALF_EVEN))
    while sum(left) > count:
        worst = None
        for number, score in enumerate(scores):
            # "<=": of equal ones the last is found, so the lower number survives
            if left[number] and (worst is None or score <= scores[worst]):
                worst = number
        left[worst] = False
    return left


def two_layers(
    pixel: list[float],
    first: list[Filter],
    normalisation: list[tuple[float, float, float, float]],
    second: list[Filter],
    left: list[bool],
    eps: float,
) -> list[float]:
    """Return what two 1 x 1 convolutions make of one pixel, without the first one's lost filters.

    normalisation: mean, variance, gain and shift of each filter of the first; a ReLU follows it.
    """
    hidden = []
    for weights, (mean, variance, gain, shift), stays in zip(
        first, normalisation, left, strict=True
    ):
        if not stays:
            hidden.append(None)
            continue
        value = sum(w * x for w, x in zip(weights, pixel, strict=True))
        value = (value - mean) / (variance + eps) ** 0.5 * gain + shift
        hidden.append(max(value, 0.0))
    outputs = []
    for weights in second:
        total = 0.0
        for weight, value in zip(weights, hidden, strict=True):
            if value is not None:
                total += weight * value
        outputs.append(total)
    return outputs
