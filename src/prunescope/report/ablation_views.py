"""How is it shown what a network loses without some units?"""

from collections.abc import Iterator, Mapping
from typing import Any

from prunescope.base.text import counted
from prunescope.report.document import UNDEFINED, Column, Section, share_text
from prunescope.report.paid_views import changed_most, changed_section, points_text

_MOST = 10  # classes and units that are shown; the summary has all


def ablation_sections(summary: Mapping[str, Any]) -> list[Section]:
    """Return the sections that describe what `Ablation.summary` returns."""
    note = f"{counted(summary['images'], 'image')}, split {summary['split']} of {summary['data']}"
    return [
        Section(
            title=f"{summary['network']} without {_units_text(summary)} of {summary['layer']}",
            note=note,
            parts=[*_sentences(summary)],
        ),
        *_changed(summary),
    ]


def _units_text(summary: Mapping[str, Any]) -> str:
    """Write which units: their numbers, and the concept for which they were chosen."""
    units = summary["units"]
    numbers = ", ".join(map(str, units[:_MOST])) + (", ..." if len(units) > _MOST else "")
    of = "" if summary["concept"] is None else f" of {summary['concept']}"
    return f"{counted(len(units), 'unit')}{of} ({numbers})"


def _sentences(summary: Mapping[str, Any]) -> Iterator[str]:
    yield (
        f"top-1 {share_text(summary['whole'])}, without them {share_text(summary['without'])}: "
        f"{_change(summary, 'difference', 'low', 'high')} points (95 % interval, for other images)"
    )
    controls = summary["controls"]
    if controls:
        yield (
            f"without as many random other units "
            f"{_change(summary, 'control', 'control_low', 'control_high')} points (mean of "
            f"{counted(controls, 'draw')}); {summary['controls_as_bad']:,} of {controls:,} draws "
            "are as bad or worse"
        )


def _changed(summary: Mapping[str, Any]) -> list[Section]:
    """Return the classes that changed most, ties in the order of the classes."""
    rows = [
        (
            *(row["class"], row["images"]),
            *(share_text(row["whole"]), share_text(row["without"])),
            _change(row, "difference", "low", "high"),
            _change(row, "control", "control_low", "control_high"),
        )
        for row in changed_most(summary["classes"], _MOST)
    ]
    columns = [
        *(Column(title="class", is_text=True), Column(title="images")),
        *(Column(title="accuracy"), Column(title="without")),
        *(Column(title="points"), Column(title="random units")),
    ]
    note = "differences in points, each with its 95 % interval"
    return changed_section(columns, rows, note)


def _change(values: Mapping[str, Any], name: str, low: str, high: str) -> str:
    """Write a difference in points with its interval; a dash where it is undefined."""
    if values[name] is None:
        return UNDEFINED
    ends = (points_text(values[end]) for end in (low, high))
    return f"{points_text(values[name])} ({' to '.join(ends)})"
