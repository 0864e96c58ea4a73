"""How are two networks on the same labelled images shown side by side?"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from prunescope.base.text import counted
from prunescope.report.document import UNDEFINED, Cell, Column, Rows, Section, Table, share_text
from prunescope.report.paid_views import changed_most, changed_section, points_text

_MOST = 10
"""Classes that are shown; `classes.csv` has all."""


def evaluation_sections(summary: Mapping[str, Any]) -> list[Section]:
    """Return the sections that describe what `EvaluationPair.summary` returns."""
    a, b = summary["a"], summary["b"]
    facts = Table(
        columns=[Column(is_text=True), Column(title="A"), Column(title="B")],
        groups=[Rows(rows=list(_facts(a, b)))],
        look="pair",
    )
    classes = counted(len(summary["classes"]), "class", "classes")
    return [
        Section(parts=[f"{letter}  {side['name']}" for letter, side in (("A", a), ("B", b))]),
        Section(
            title=f"On the split {summary['split']} of {summary['data']}",
            note=f"{counted(summary['images'], 'image')}, {classes}",
            parts=[facts, *_sentences(summary)],
        ),
        *_changed(summary),
    ]


def _facts(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[Sequence[Cell]]:
    """Yield a row for each thing that is measured of both."""
    for title, name, write in (
        *(("top-1", "top1", _percent), ("top-5", "top5", _percent), ("loss", "loss", _loss)),
        ("calibration error", "calibration_error", _percent),
        ("multiply-adds", "multiply_adds", _whole),
        ("without zeros", "sparse_multiply_adds", _whole),
        *(("bytes on disk", "bytes", _whole), ("ms for an image", "milliseconds", _time)),
    ):
        yield title, write(a[name]), write(b[name])


def _sentences(summary: Mapping[str, Any]) -> Iterator[str]:
    flips, images = summary["flips"], summary["images"]
    low, high = (points_text(summary[end]) for end in ("low", "high"))
    yield (
        f"top-1 from A to B: {points_text(summary['difference'])} points "
        f"(95 % interval {low} to {high}, for other images)"
    )
    yield (
        f"both predict the same for {share_text(summary['agreement'])} of the images; "
        f"{flips['lost']:,} of {images:,} are right in A alone, {flips['gained']:,} in B alone "
        f"(McNemar's exact p = {flips['p']:.2g})"
    )
    latency = summary["latency"]
    if latency is not None:
        ratio = latency["ratio"]
        load = "" if latency["load"] is None else f"; load {latency['load']:.1f}"
        yield (
            f"B takes {ratio['median']:.2f} times as long as A (quartiles {ratio['low']:.2f} to "
            f"{ratio['high']:.2f}): one image at a time, {latency['rounds']} rounds in turns, "
            f"{latency['precision']}, operation by operation, {latency['device']}, "
            f"{counted(latency['threads'], 'thread')}{load}"
        )


def _changed(summary: Mapping[str, Any]) -> list[Section]:
    """Return the classes that changed most, ties in the order of the classes."""
    rows = [
        (
            *(row["class"], row["images"]),
            *(share_text(row["accuracy_a"]), share_text(row["accuracy_b"])),
            points_text(row["difference"]),
            f"{points_text(row['low'])} to {points_text(row['high'])}",
        )
        for row in changed_most(summary["classes"], _MOST)
    ]
    columns = [
        *(Column(title="class", is_text=True), Column(title="images")),
        *(Column(title="A", group="accuracy"), Column(title="B", group="accuracy")),
        *(Column(title="points"), Column(title="95 % interval")),
    ]
    note = (
        f"{summary['worse']:,} worse and {summary['better']:,} better, by intervals that leave out "
        "0; by chance about 1 class in 40 is called worse, and as many better"
    )
    return changed_section(columns, rows, note)


def _percent(share: float | None) -> str:
    return UNDEFINED if share is None else f"{100 * share:.2f} %"


def _loss(loss: float | None) -> str:
    return UNDEFINED if loss is None else f"{loss:.4f}"


def _whole(number: int | None) -> Cell:
    return number


def _time(milliseconds: Mapping[str, float] | None) -> str:
    if milliseconds is None:
        return UNDEFINED
    low, high = milliseconds["low"], milliseconds["high"]
    return f"{milliseconds['median']:.2f} ({low:.2f} to {high:.2f})"
