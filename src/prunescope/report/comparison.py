"""How is a comparison saved: its tables, its numbers and its figure?"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from prunescope.base.door import checked_path
from prunescope.base.errors import ConfigError
from prunescope.base.files import write_atomically
from prunescope.base.folders import replacing
from prunescope.comparison.dissections import Comparison
from prunescope.comparison.runs import RunComparison
from prunescope.concepts.protocol import ConceptSet
from prunescope.report.comparison_figure import comparison_names, outcomes_figure
from prunescope.report.pages.comparison import write_comparison_page
from prunescope.report.pages.dissection import images_of
from prunescope.report.run_comparison_figure import levels_figure
from prunescope.report.style import LIGHT, darkened, drawing, figure_bytes
from prunescope.results.checksums import record_checksums
from prunescope.results.dissection import Dissection
from prunescope.results.evaluation_pair import EvaluationPair
from prunescope.results.kinds import is_comparison
from prunescope.results.layout import (
    ASSETS,
    CHECKSUMS,
    COMPARISON_FIGURES,
    CONCEPTS,
    EVALUATED,
    LEVELS,
    PAGE,
    SUMMARY,
    UNITS,
    UNITS_AS_TEXT,
)
from prunescope.results.tables import write_csv, write_json, write_parquet

_SIDES = ("a", "b")
_TABLES = {UNITS, UNITS_AS_TEXT, CONCEPTS, LEVELS, SUMMARY, CHECKSUMS}
_FILES = _TABLES | {*COMPARISON_FIGURES, PAGE, ASSETS}


def write_comparison(
    comparison: Comparison | RunComparison,
    out: Path,
    *,
    dissections: Mapping[str, Dissection] = MappingProxyType({}),
    evaluation: EvaluationPair | None = None,
    shown: Mapping[str, Dissection] = MappingProxyType({}),
    concepts: ConceptSet | None = None,
) -> None:
    """Write a comparison's tables, summary, figure and page into a folder, all of them or none.

    `units.parquet`, `units.csv`, `concepts.csv`, `summary.json`, `comparison.png` (200 dpi),
    `comparison.svg`, `index.html` with its `assets`, and `checksums.json`; for two runs also
    `levels.csv`. An earlier comparison in
    the folder is replaced as a whole. Raises ConfigError where the folder holds anything else.
    Equal comparisons give equal bytes.
    dissections: what was dissected for it, saved beside it under "a" and "b".
    evaluation: of both networks on labelled images, saved beside it under "evaluation".
    shown: what was dissected before, under "a" and "b": the page shows its units, too.
    concepts: the set of their images, for the page; None leaves these blank.
    """
    check_room(out)
    with replacing(out) as draft:
        write_parquet(draft / UNITS, comparison.units)
        write_csv(draft / UNITS_AS_TEXT, comparison.units)
        write_csv(draft / CONCEPTS, comparison.concepts)
        if isinstance(comparison, RunComparison):
            write_csv(draft / LEVELS, comparison.levels)
        write_json(draft / SUMMARY, comparison.summary())
        for side, dissection in dissections.items():
            dissection.save(draft / side)
        if evaluation is not None:
            (draft / EVALUATED).mkdir()
            evaluation.write(draft / EVALUATED)
        forms = {name: name.rpartition(".")[2] for name in COMPARISON_FIGURES}
        drawn = render_comparison(comparison, list(forms.values()))
        for name, form in forms.items():
            write_atomically(draft / name, drawn[form])
        write_comparison_page(
            draft,
            comparison,
            {"light": drawn["svg"], "dark": darkened(drawn["svg"])},
            sides={**shown, **dissections},
            concepts=concepts,
            evaluation=evaluation,
        )
        record_checksums(draft)


def save_comparison(
    comparison: Comparison | RunComparison,
    folder: Path | str,
    sides: Mapping[str, Dissection],
    *,
    concepts: str | None = None,
    evaluation: EvaluationPair | None = None,
) -> None:
    """Write a comparison of what was dissected before: `write_comparison`.

    sides: what was compared, under "a" and "b": the page shows its units, too.
    concepts: the name of their set, for its images; embedded pictures need none.
    """
    write_comparison(
        comparison,
        checked_path("folder", folder),
        evaluation=evaluation,
        shown=sides,
        concepts=images_of(list(sides.values()), concepts),
    )


def render_comparison(
    comparison: Comparison | RunComparison, forms: Sequence[str]
) -> dict[str, bytes]:
    """Return a comparison's figure as png, svg or pdf, by form."""
    with drawing(LIGHT, comparison_names(comparison)):
        if isinstance(comparison, RunComparison):
            return figure_bytes(levels_figure(comparison, LIGHT), forms)
        return figure_bytes(outcomes_figure(comparison.summary(), LIGHT), forms)


def check_room(out: Path) -> None:
    """Raise ConfigError where a folder holds anything but a comparison."""
    if out.exists() and not out.is_dir():
        raise ConfigError(f"{out} is a file: give a folder as --out")
    for entry in sorted(out.iterdir()) if out.exists() else ():
        if entry.name not in _FILES | {*_SIDES, EVALUATED} or not is_comparison(out):
            raise ConfigError(
                f"{out} is not empty and not a comparison (it holds {entry.name}): give another "
                "--out"
            )
