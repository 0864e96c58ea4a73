"""What became of units and concepts, written naively from METHOD section 4."""

from collections.abc import Sequence

Unit = tuple[str | None, float]  # concept, best IoU; nan for a unit that never fires


def concepts(units: Sequence[Unit], iou: float) -> set[str]:
    """Return the distinct best labels of the units above the IoU."""
    return {concept for concept, own in units if concept is not None and own > iou}


def concept_counts(a: Sequence[Unit], b: Sequence[Unit], iou: float) -> dict[str, int]:
    """Return how many concepts are in A, in B, in both, in A alone and in B alone."""
    before, after = concepts(a, iou), concepts(b, iou)
    return {
        "a": len(before),
        "b": len(after),
        "kept": len(before & after),
        "lost": len(before - after),
        "gained": len(after - before),
    }


def unit_counts(pairs: Sequence[tuple[Unit | None, Unit | None]], iou: float) -> dict[str, int]:
    """Return |U_A|, |U_B| and what became of each pair; None is a unit without a partner."""
    counts = dict.fromkeys(("a", "b", "kept", "relabelled", "lost", "gained"), 0)
    for before, after in pairs:
        in_a = before is not None and before[1] > iou
        in_b = after is not None and after[1] > iou
        counts["a"] += in_a
        counts["b"] += in_b
        if in_a and in_b:
            counts["kept" if before[0] == after[0] else "relabelled"] += 1
        elif in_a:
            counts["lost"] += 1
        elif in_b:
            counts["gained"] += 1
    return counts


def best_assignment(costs: Sequence[Sequence[float]]) -> float:
    """Return the least sum of costs over every way to give each row a column of its own."""
    if not costs:
        return 0.0
    first, *rest = costs
    return min(
        cost + best_assignment([row[:column] + row[column + 1 :] for row in rest])
        for column, cost in enumerate(first)
    )
