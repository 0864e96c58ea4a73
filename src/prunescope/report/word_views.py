"""How are the words of a layer, and of one unit, shown?"""

from collections.abc import Iterator, Mapping
from typing import Any

from prunescope.base.text import counted
from prunescope.report.document import UNDEFINED

_RATE = "at a false discovery rate of {:g} %"


def layer_words_text(words: Mapping[str, Any]) -> str:
    """Write in a line how many units have a word beyond chance. words: of a layer's counts."""
    units = words["beyond_chance"]
    found = f"{counted(units, 'unit')} with a word beyond chance"
    distinct = f", {counted(words['words'], 'different word')}" if units else ""
    open_ones = f"; {words['undecided']:,} more undecided, which more --word-draws decide"
    return (
        f"words: of {words['count']:,}, by {words['encoder']}, {found}{distinct}, "
        f"{_RATE.format(100 * words['rate'])}"
        + (open_ones if words["undecided"] else "")
        + f"; by correlation {words['correlation_beyond_chance']:,}"
    )


def unit_words_lines(words: Mapping[str, Any]) -> Iterator[str]:
    """Yield lines on the words of one unit. words: as `unit_details` returns them."""
    for title, score, found in (
        ("word", "soft WPMI", words["by_wpmi"]),
        ("by correlation", "r", words["by_correlation"]),
    ):
        if not found["best"]:
            yield f"{title}: {UNDEFINED} (it is as active on every image)"
            continue
        best, *others = found["best"]
        line = f"{title}: {best['word']}, {score} {best['score']:.3f}, p {found['p']:.2g}"
        more = ", ".join(f"{each['word']} {each['score']:.3f}" for each in others)
        yield f"{line} ({_chance(found)})" + (f"; next {more}" if more else "")


def unlabelled_text(units: int) -> str:
    """Write how many units a layer has whose images have no labels."""
    return f"{counted(units, 'unit')}; no concepts, since the images have no labels"


def _chance(found: Mapping[str, Any]) -> str:
    if found["beyond_chance"]:
        return "beyond chance"
    return "not decided by the draws made" if found["undecided"] else "not beyond chance"
