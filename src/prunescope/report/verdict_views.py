"""How is the verdict on a study put into words that can be quoted?"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from prunescope.base.text import counted
from prunescope.report.document import Section

_MEANINGS = {
    "A": "unchanged while accuracy holds",
    "B": "more than unpruned while accuracy holds",
    "C": "fewer than unpruned while accuracy holds",
}


def verdict_sections(verdicts: Mapping[str, Any]) -> list[Section]:
    """Return a section for each layer of a run's `RunTables.verdicts`."""
    return [
        Section(title=f"Verdict on {layer}", parts=list(_of_layer(strategies)))
        for layer, strategies in verdicts.items()
    ]


def verdict_text(found: Mapping[str, Any]) -> str:
    """Write one verdict: what it is, how large the change is, and how sure."""
    letter = found["verdict"]
    words = f"{letter} ({_MEANINGS[letter]})" if letter in _MEANINGS else letter
    if found["reason"]:
        words += f": {found['reason']}"
    if found["effect"] is None:
        return words
    levels = _levels_text(found["levels"])
    replicates = counted(found["replicates"], "replicate")
    text = (
        f"{words}; {_percent(found['effect'])} at {levels}, "
        f"{100 * (1 - found['alpha']):.3g} % interval {_interval(found['interval'])}, {replicates}"
    )
    if found["twins"] is not None:
        text += f"; dense twins {_percent(found['twins']['effect'])}"
    if found["needed"] is not None:
        text += f"; about {counted(found['needed'], 'replicate')} would decide"
    return text


def falls_text(strategy: str, counts: Mapping[str, Any]) -> str:
    """Write at which level accuracy begins to fall, and at which each count does."""
    accuracy = next(iter(counts.values()))["accuracy_falls_at"]
    levels = {"accuracy": accuracy, **{name: on["count_falls_at"] for name, on in counts.items()}}
    falling = [f"{name} at level {level}" for name, level in levels.items() if level is not None]
    holding = [name for name, level in levels.items() if level is None]
    sentences = [f"begins to fall: {', '.join(falling)}"] if falling else []
    sentences += [f"never falls: {', '.join(holding)}"] if holding else []
    return f"{strategy}: {'; '.join(sentences)}"


def _of_layer(strategies: Mapping[str, Any]) -> Iterator[str]:
    for strategy, counts in strategies.items():
        for name, found in counts.items():
            yield f"{strategy}, {name}: {verdict_text(found)}"
        yield falls_text(strategy, counts)


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


def _percent(share: float) -> str:
    text = f"{100 * share:+.1f}"
    return f"{'0.0' if float(text) == 0 else text} %"


def _interval(interval: Sequence[float]) -> str:
    return f"{_percent(interval[0])} to {_percent(interval[1])}"
