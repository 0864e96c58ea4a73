"""What does a saved result say of one unit, or of one concept?"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from prunescope.base.errors import ConfigError, nearest
from prunescope.base.progress import SILENT
from prunescope.comparison.details import (
    concept_details,
    concept_through_levels,
    unit_details,
    unit_through_levels,
)
from prunescope.report.detail_views import (
    concept_level_sections,
    concept_sections,
    unit_level_sections,
    unit_sections,
)
from prunescope.report.summary import resampled_layer
from prunescope.report.terminal import write_sections
from prunescope.results.dissection import LayerDissection
from prunescope.results.kinds import is_run
from prunescope.results.opened import open_dissection
from prunescope.results.run_tables import RunTables
from prunescope.statistics.resampled import UNIT_SHARES
from prunescope.statistics.settings import ResamplingSettings


def describe_unit(
    path: Path,
    unit: int,
    layer: str | None = None,
    *,
    resampling: ResamplingSettings | None = None,
    tell: Callable[[str], object] = SILENT.say,
) -> tuple[dict[str, Any], str]:
    """Return what a result says of a unit, as `--json` prints it, and as text for a terminal.

    path: as `summarise_result` takes a dissection or a run; of a run, what the unit sees at every
    level. layer: needed where there are several.
    resampling: how the images of a dissection are resampled to see how sure it is; a run's tables
    say that themselves. tell: called with what the user should know besides.
    Raises ConfigError for a unit or layer that is not there, DataError for anything else.
    """
    if is_run(path):
        tables = RunTables.read(path)
        chosen = _chosen(layer, tables.layers, path)
        rows = unit_through_levels(tables, chosen, unit)
        sections = unit_level_sections(f"{chosen}, unit {unit}", rows)
        return {"layer": chosen, "unit": unit, "levels": rows}, write_sections(sections)
    dissected = _layer(path, layer)
    details = unit_details(dissected, unit)
    drawn, shares = _resampled(dissected, resampling, tell)
    details |= drawn | shares.get(unit, {})
    return details, write_sections(unit_sections(details))


def describe_concept(
    path: Path,
    concept: str,
    category: str | None = None,
    layer: str | None = None,
    *,
    resampling: ResamplingSettings | None = None,
    tell: Callable[[str], object] = SILENT.say,
) -> tuple[dict[str, Any], str]:
    """Return what a result says of a concept, as `describe_unit` does of a unit.

    category: where labels of several have the name.
    """
    if is_run(path):
        tables = RunTables.read(path)
        chosen = _chosen(layer, tables.layers, path)
        rows = concept_through_levels(tables, chosen, concept, category)
        title = f"{chosen}, {concept} ({rows[0]['category']})"
        values = {"layer": chosen, "concept": concept, "category": rows[0]["category"]}
        return values | {"levels": rows}, write_sections(concept_level_sections(title, rows))
    dissected = _layer(path, layer)
    details = concept_details(dissected, concept, category)
    drawn, shares = _resampled(dissected, resampling, tell)
    details |= drawn
    details["units"] = [each | shares.get(each["unit"], {}) for each in details["units"]]
    return details, write_sections(concept_sections(details))


def _layer(path: Path, layer: str | None) -> LayerDissection:
    layers = open_dissection(path).layers
    return layers[_chosen(layer, layers, path)]


def _resampled(
    layer: LayerDissection,
    resampling: ResamplingSettings | None,
    tell: Callable[[str], object],
) -> tuple[dict[str, Any], dict[int, dict[str, float]]]:
    """Return how a layer's images were resampled, and each unit's shares of the draws.

    Nothing where they were not.
    """
    drawn = resampled_layer(layer, None, resampling, tell)
    if drawn is None:
        return {}, {}
    shares = {
        int(row["unit"]): {name: float(row[name]) for name in UNIT_SHARES}
        for row in drawn.units.to_dict("records")
    }
    return {"resampling": drawn.draws.settings.model_dump()}, shares


def _chosen(layer: str | None, layers: Mapping[str, Any] | list[str], path: Path) -> str:
    """Return the layer that is asked for, or the only one."""
    names = list(layers)
    if layer is None and len(names) > 1:
        raise ConfigError(f"{path} has {', '.join(names)}: say which with --layer")
    if layer is not None and layer not in names:
        raise ConfigError(
            f'there is no layer "{layer}"{nearest(layer, names)}: {path} has {", ".join(names)}'
        )
    return layer or names[0]
