"""How are the counts of a dissected layer put into words?"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from prunescope.base.text import agreeing, counted


def counts_in_words(counts: Mapping[str, Any]) -> str:
    """Write how many units of a layer are interpretable, for how many concepts, and how many dead.

    counts: as `LayerDissection.counts` returns them.
    """
    interpretable, dead = counts["interpretable"], counts["dead"]
    intervals = {
        name: f" ({counts_interval(ends)})" for name, ends in counts.get("interval", {}).items()
    }
    above = f" (IoU > {counts['iou']:g})" if counts.get("iou") is not None else ""
    return (
        f"{interpretable:,}{intervals.get('interpretable', '')} of "
        f"{counted(counts['units'], 'unit')} "
        f"{agreeing(interpretable, 'is', 'are')} interpretable{above}, of "
        f"{counted(counts['concepts'], 'concept')}{intervals.get('concepts', '')}; "
        f"{dead:,} never {agreeing(dead, 'fires', 'fire')}"
    )


def describe_chance(chance: Mapping[str, Any]) -> str:
    """Write in a line what is due to chance, what is beyond it, and what is undecided."""
    text = f"by chance: {_expected_text(chance)} ({counted(chance['draws'], 'draw')})"
    if chance["smallest_draws"] is None:
        return f"{text}; no interpretable unit to test"
    if "undecided" not in chance:
        return f"{text}; by an earlier version, which did not say what is undecided: dissect again"
    text += f"; at a false discovery rate of {100 * chance['rate']:g} %: "
    discovered = (
        f"{counted(chance['discoveries'], 'unit')}, of {counted(chance['concepts'], 'concept')}"
    )
    if chance["undecided"] == 0:
        return text + discovered
    advice = f"take --null auto, or about {counted(chance['advised_draws'], 'draw')}"
    if chance["discoveries"] == 0:
        return f"{text}{counted(chance['undecided'], 'unit')} undecided; {advice}"
    return f"{text}{discovered}; {chance['undecided']:,} more undecided; {advice}"


def counts_interval(ends: Sequence[float]) -> str:
    """Write the interval of a count, its ends whole numbers: 12–15."""
    low, high = math.floor(ends[0]), math.ceil(ends[1])
    return f"{low:,}" if low == high else f"{low:,}–{high:,}"


def resampling_text(resampling: Mapping[str, Any]) -> str:
    """Write how intervals were found."""
    return f"95 % intervals from {counted(resampling['draws'], 'draw')} of the images"


def directions_text(along: str | None, *, unpaired: bool) -> str:
    """Say what is called a unit where directions were dissected; nothing where units were.

    along: `basis_text`. unpaired: whether levels have other ones, so that numbers pair nothing.
    """
    if along is None:
        return ""
    text = f"what is called a unit here is one of the {along}"
    others = "; each level has its own, so that equal numbers are not the same direction"
    return text + (others if unpaired else "")


def side_text(side: Mapping[str, Any]) -> str:
    """Return the name of a side of a comparison, with weights left and accuracy if known."""
    facts = []
    if "keep" in side:
        facts.append(f"{100 * side['keep']:.3g} % of the weights")
    if "accuracy" in side:
        facts.append(f"accuracy {100 * side['accuracy']:.1f} %")
    return f"{side['name']}" + (f"  ({', '.join(facts)})" if facts else "")


def replicates_text(numbers: set[int]) -> str:
    """Write over how many replicates means are taken. numbers: of the replicates of each mean."""
    count = "–".join(map(str, sorted({min(numbers), max(numbers)})))
    return f"means over {count} replicate{'s' if max(numbers) > 1 else ''}"


def _expected_text(chance: Mapping[str, Any]) -> str:
    units = f"{_with_spread(chance, 'expected_false')} units"
    if "expected_concepts" not in chance:
        return units
    return f"{units}, of {_with_spread(chance, 'expected_concepts')} concepts"


def _with_spread(chance: Mapping[str, Any], name: str) -> str:
    spread = chance.get(f"{name}_sd")
    return f"{chance[name]:,.1f}" + ("" if spread is None else f" ± {spread:,.1f}")
