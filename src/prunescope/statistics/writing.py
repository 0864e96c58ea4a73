"""How are a study's verdicts, and its strategies side by side, written beside its tables?"""

from pathlib import Path

from prunescope.results.layout import LEVELS, STRATEGIES, TWINS, VERDICT
from prunescope.results.run_tables import read_levels
from prunescope.results.tables import write_csv, write_json
from prunescope.statistics.settings import VerdictSettings
from prunescope.statistics.strategies import compare_strategies
from prunescope.statistics.verdict import ImageVariance, verdicts


def write_verdicts(
    folder: Path,
    settings: VerdictSettings,
    *,
    looks: int,
    unfinished: str = "",
    image_variance: ImageVariance | None = None,
) -> None:
    """Write `verdict.json` and, of several strategies, `strategies.csv` into a folder of tables.

    looks, unfinished, image_variance: as `verdicts` takes them.
    """
    levels = read_levels(folder / LEVELS)
    twins = read_levels(folder / TWINS) if (folder / TWINS).is_file() else None
    found = verdicts(
        levels,
        twins,
        settings,
        looks=looks,
        unfinished=unfinished,
        image_variance=image_variance,
    )
    write_json(folder / VERDICT, found)
    compared = compare_strategies(levels, settings.alpha)
    if len(compared):
        write_csv(folder / STRATEGIES, compared, na_rep="nan")
