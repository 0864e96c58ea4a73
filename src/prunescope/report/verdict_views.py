"""How is the verdict on a study put into words that can be quoted?"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

from prunescope.base.text import counted
from prunescope.report.document import UNDEFINED, Column, Rows, Section, Table
from prunescope.statistics.equivalence import MOST_REPLICATES

_PAIRS = (
    "difference: how much more the first keeps than the second, at levels of as many weights; each "
    "interval holds by itself"
)
_MEANINGS = {
    "A": "unchanged while accuracy holds",
    "B": "more than unpruned while accuracy holds",
    "C": "fewer than unpruned while accuracy holds",
}


def verdict_sections(verdicts: Mapping[str, Any]) -> list[Section]:
    """Return a section for each layer of a run's `RunTables.verdicts` that has pruned levels."""
    return [
        Section(
            title=f"Verdict on {layer}",
            parts=[_table_of(strategies), *_sentences(strategies), *_reasons(strategies)],
        )
        for layer, strategies in verdicts.items()
        if strategies
    ]


def strategy_sections(
    pairs: Sequence[Mapping[str, Any]], verdicts: Mapping[str, Any]
) -> list[Section]:
    """Return a section for each layer of which a run compares strategies in pairs.

    pairs: the rows of `RunTables.strategies`. verdicts: of the same run, whose risk they share.
    """
    return [
        Section(
            title=f"Strategies on {layer}, in pairs",
            parts=[_pairs_of(list(rows), verdicts[layer]), _PAIRS],
        )
        for layer, rows in groupby(pairs, key=itemgetter("layer"))
    ]


def verdict_text(found: Mapping[str, Any]) -> str:
    """Write one verdict: what it is, how large the change is, and how sure."""
    letter = found["verdict"]
    words = f"{letter} ({_MEANINGS[letter]})" if letter in _MEANINGS else letter
    if found["reason"]:
        words += f": {found['reason']}"
    if found["interval"] is None:
        return words
    levels = _levels_text(found["levels"])
    replicates = counted(found["replicates"], "replicate")
    name, risk = (
        ("interval_of_a", 2 * found["alpha"]) if letter == "A" else ("interval", found["alpha"])
    )
    text = (
        f"{words}; {_percent(found['effect'])} at {levels}, {_certainty(risk)} interval "
        f"{_interval(found[name])}, {replicates}"
    )
    if found["interval_for_new_images"] is not None:
        interval = _interval(found["interval_for_new_images"])
        text += f"; for new images {interval} ({_certainty(found['alpha'])})"
    if found["twins"] is not None:
        text += f"; dense twins {_percent(found['twins']['effect'])}"
    text += "".join(
        f"; {what} falls at level {level}"
        for what in ("accuracy", "count")
        if (level := found[f"{what}_falls_at"]) is not None
    )
    if found["needed"] is not None:
        text += f"; about {counted(found['needed'], 'replicate')} would decide"
    elif letter not in _MEANINGS:
        text += f"; not even {MOST_REPLICATES} replicates would decide"
    return text


def _pairs_of(pairs: Sequence[Mapping[str, Any]], strategies: Mapping[str, Any]) -> Table:
    risk = next(
        on["alpha"] * on["looks"] for counts in strategies.values() for on in counts.values()
    )
    titles = (
        *("strategy", "against", "count", "levels", "replicates"),
        *("difference", f"{_certainty(risk)} interval"),
    )
    rows = [
        (
            *(pair[name] for name in ("strategy", "against", "count")),
            *(pair["levels"] or UNDEFINED, pair["replicates"], _percent(pair["difference"])),
            _interval(None if pair["low"] is None else (pair["low"], pair["high"])),
        )
        for pair in pairs
    ]
    columns = [Column(title=title, is_text=title in titles[:4]) for title in titles]
    return Table(columns=columns, groups=[Rows(rows=rows)])


def _table_of(strategies: Mapping[str, Any]) -> Table:
    alpha = next(on["alpha"] for counts in strategies.values() for on in counts.values())
    titles = ("strategy", "count", "verdict", "change", f"{_certainty(alpha)} interval", "twins")
    falls = ("accuracy falls at level", "count falls at level")
    rows = [
        (
            *(strategy, name, on["verdict"]),
            *(_percent(on["effect"]), _interval(on["interval"])),
            _percent((on["twins"] or {}).get("effect")),
            *(on[f"{kind}_falls_at"] for kind in ("accuracy", "count")),
        )
        for strategy, counts in strategies.items()
        for name, on in counts.items()
    ]
    columns = [Column(title=title, is_text=title in titles[:3]) for title in (*titles, *falls)]
    return Table(columns=columns, groups=[Rows(rows=rows)])


def _sentences(strategies: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence for each count of which something is known."""
    for strategy, counts in strategies.items():
        for name, found in counts.items():
            if found["interval"] is not None:
                yield f"{strategy}, {name}: {verdict_text(found)}"


def _reasons(strategies: Mapping[str, Any]) -> Iterator[str]:
    """Yield each reason for which nothing is known, once."""
    reasons: dict[str, list[str]] = {}
    for strategy, counts in strategies.items():
        known = [on["reason"] for on in counts.values() if on["interval"] is None]
        if len(known) == len(counts) and len(set(known)) == 1:
            reasons.setdefault(known[0], []).append(strategy)
            continue
        for name, on in counts.items():
            if on["interval"] is None:
                reasons.setdefault(on["reason"], []).append(f"{strategy} ({name})")
    for reason, where in reasons.items():
        everywhere = where == list(strategies)
        yield f"not enough evidence{'' if everywhere else ' for ' + ', '.join(where)}: {reason}"


def _certainty(risk: float) -> str:
    return f"{100 * (1 - risk):.3g} %"


def _levels_text(levels: Sequence[int]) -> str:
    """Write level numbers, runs of them as "2 to 5"."""
    runs: list[list[int]] = []
    for level in levels:
        if runs and level == runs[-1][-1] + 1:
            runs[-1].append(level)
        else:
            runs.append([level])
    texts = [str(run[0]) if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs]
    return f"level{'s' if len(levels) > 1 else ''} {', '.join(texts)}"


def _percent(share: float | None) -> str:
    if share is None:
        return UNDEFINED
    text = f"{100 * share:+.1f}"
    return f"{'0.0' if float(text) == 0 else text} %"


def _interval(interval: Sequence[float] | None) -> str:
    return UNDEFINED if interval is None else f"{_percent(interval[0])} to {_percent(interval[1])}"
