"""Which images does pruning change, written naively from Hooker et al. (2019), section 2?"""

from collections import Counter
from collections.abc import Sequence

Predictions = Sequence[int | None]


def exemplars(
    label: Sequence[int], before: Sequence[Predictions], after: Sequence[Predictions]
) -> dict[int, dict[str, int | None]]:
    """Return, by image, what most replicates predict otherwise than their own level 0.

    before, after: of each replicate, the class predicted of each image.
    """
    found = {}
    for image, true in enumerate(label):
        pairs = [(a[image], b[image]) for a, b in zip(before, after, strict=True)]
        changed = sum(a != b for a, b in pairs)
        if changed > len(pairs) / 2:
            found[image] = {
                "changed": changed,
                "lost": sum(a == true != b for a, b in pairs),
                "gained": sum(a != true == b for a, b in pairs),
                "before": Counter(a for a, _ in pairs).most_common(1)[0][0],
                "after": Counter(b for _, b in pairs).most_common(1)[0][0],
            }
    return found
