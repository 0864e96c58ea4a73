"""What became of one run's units and concepts in another's, level by level?"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from prunescope.base.door import called_as
from prunescope.base.errors import ConfigError, nearest
from prunescope.base.hooks import Shown, hook
from prunescope.comparison.comparability import check_comparable
from prunescope.comparison.dissections import Match, choose_match
from prunescope.comparison.outcomes import LayerComparison, compare_units, count_outcomes
from prunescope.comparison.pairing import no_pairs, pair_by_number
from prunescope.results.dissection import LayerDissection
from prunescope.results.layout import DENSE, LevelKey, layer_path
from prunescope.results.opened import open_layer
from prunescope.results.run_tables import KEY, LayerKey, RunTables
from prunescope.results.units import categories_of, stacked

_GROUP = ["layer", "strategy", "level"]


@called_as("ps.compare returns one, of two runs")
@dataclass(frozen=True, kw_only=True, repr=False)
class RunComparison(Shown):
    """Two runs at every strategy, level, replicate and layer that both have.

    Replicate r of A is compared with replicate r of B (Frankle & Bau 2019; docs/method.md).
    a, b: the runs. iou: a unit is interpretable strictly above it.
    warnings: what else differs, and what only one of the runs has.
    levels: a row per layer, strategy and level: means over the replicates, and their number;
        `units_...` and `concepts_...` are the counts of LayerComparison, those of units nan where
        units are not paired.
    units: what became of every unit, after its replicate, strategy, level and layer.
    concepts: what became of every concept, after the same.
    """

    a: Mapping[str, Any]
    b: Mapping[str, Any]
    iou: float
    warnings: tuple[str, ...]
    levels: pd.DataFrame
    units: pd.DataFrame
    concepts: pd.DataFrame

    def save(self, folder: Path | str) -> None:
        """Write the tables, the figure and a page, `index.html`, into a folder, all or nothing.

        Raises ConfigError where the folder holds anything but an earlier comparison.
        """
        hook("save_comparison")(self, folder, {})

    def summary(self) -> dict[str, Any]:
        """Return what was compared, and `levels`, a mapping for each row of them.

        Plain values, as `--json` prints them and summary.json holds them; None where undefined.
        """
        levels = self.levels.astype(object)
        return {
            "a": dict(self.a),
            "b": dict(self.b),
            "iou": self.iou,
            "warnings": list(self.warnings),
            "levels": levels.where(levels.notna(), None).to_dict("records"),
        }


def compare_runs(
    a: Path, b: Path, *, layer: str | None, match: Match | None, iou: float
) -> RunComparison:
    """Compare two finished runs as `compare` says.

    Raises DataError where a run has no tables yet, ConfigError where the two have no layer in
    common or other concepts, and for matching by profiles, which takes two dissections.
    """
    if match == "profile":
        raise ConfigError(
            "--match profile pairs the units of two dissections, not of two runs: name a level of "
            "each"
        )
    run_a, run_b = RunTables.read(a), RunTables.read(b)
    lost = [*run_a.missing_evidence(), *run_b.missing_evidence()]
    warnings = []
    matches: dict[str, Match] = {}
    for name in _common_layers(run_a, run_b, layer):
        dense_a, dense_b = _unpruned(run_a, name), _unpruned(run_b, name)
        warnings += check_comparable(dense_a, dense_b)
        chosen, warned = choose_match(dense_a, dense_b)
        matches[name] = match or chosen
        warnings += [] if match else warned
    compared = dict(_compare_levels(run_a, run_b, matches, iou))
    return RunComparison(
        a={"name": str(a)},
        b={"name": str(b)},
        iou=iou,
        warnings=tuple(dict.fromkeys([*warnings, *_left_out(run_a, run_b), *lost])),
        levels=_mean_levels(run_a, run_b, compared),
        units=stacked(KEY, {key: layer.units for key, layer in compared.items()}),
        concepts=stacked(KEY, {key: layer.concepts for key, layer in compared.items()}),
    )


def _common_layers(a: RunTables, b: RunTables, layer: str | None) -> list[str]:
    common = [name for name in a.layers if name in b.layers and layer in (None, name)]
    if not common:
        hint = nearest(layer, a.layers) if layer else ""
        asked = f'there is no layer "{layer}"{hint}: ' if layer else "no layer is in both: "
        raise ConfigError(
            f"{asked}{a.path} has {', '.join(a.layers)} and {b.path} {', '.join(b.layers)}"
        )
    return common


def _unpruned(run: RunTables, layer: str) -> LayerDissection:
    replicate = min(key[0] for key in run.keys)
    dense = LevelKey(replicate=replicate, strategy=DENSE, level=0)
    return open_layer(Path(layer_path(run.path / dense.path, layer)))


def _compare_levels(
    a: RunTables, b: RunTables, matches: Mapping[str, Match], iou: float
) -> Iterator[tuple[LayerKey, LayerComparison]]:
    """Yield every layer of every level that both runs have, by layer, strategy and level."""
    keys = [key for key in a.keys if key in b.units_of and key[3] in matches]
    layers, strategies = list(matches), [strategy for _, strategy, _, _ in keys]
    for key in sorted(
        keys, key=lambda key: (layers.index(key[3]), strategies.index(key[1]), key[2], key[0])
    ):
        layer, before, after = key[3], a.units_of[key], b.units_of[key]
        match = matches[layer]
        yield (
            key,
            compare_units(
                before,
                after,
                layers=(layer, layer),
                categories=categories_of(before),
                pairs=pair_by_number(before, after, partly=key[2] > 0)  # filters may be gone
                if match == "identity"
                else no_pairs(),
                match=match,
                iou=iou,
            ),
        )


def _mean_levels(
    a: RunTables, b: RunTables, compared: Mapping[LayerKey, LayerComparison]
) -> pd.DataFrame:
    rows = [_row(a, b, key, layer) for key, layer in compared.items()]
    groups = pd.DataFrame(rows).groupby(_GROUP, sort=False)
    means = groups.mean()
    means.insert(0, "replicates", groups.size())
    return means.reset_index()


def _row(a: RunTables, b: RunTables, key: LayerKey, compared: LayerComparison) -> dict[str, Any]:
    _, strategy, level, layer = key
    counts = count_outcomes(compared)
    names = ("a", "b", "kept", "relabelled", "lost", "gained")
    return {
        **{"layer": layer, "strategy": strategy, "level": level},
        **{
            f"{column}_{letter}": run.number(key, column)
            for column in ("keep", "accuracy")
            for letter, run in (("a", a), ("b", b))
        },
        **{f"units_{name}": counts["units"].get(name, float("nan")) for name in names},
        **{
            f"concepts_{name}": counts["concepts"][name]
            for name in names
            if name in counts["concepts"]
        },
    }


def _left_out(a: RunTables, b: RunTables) -> Iterator[str]:
    for letter, run, other in (("A", a, b), ("B", b, a)):
        alone = [name for name in run.layers if name not in other.layers]
        if alone:
            yield f"{', '.join(alone)} is in {letter} alone and is left out"
        levels = {key[1:3] for key in run.keys} - {key[1:3] for key in other.keys}
        for strategy in sorted({strategy for strategy, _ in levels}):
            numbers = sorted(level for of, level in levels if of == strategy)
            yield (
                f"{strategy}, level {', '.join(map(str, numbers))}, is in {letter} alone and is "
                "left out"
            )
        replicates = {key[0] for key in run.keys} - {key[0] for key in other.keys}
        if replicates:
            numbers = sorted(replicates)
            yield f"replicate {', '.join(map(str, numbers))} is in {letter} alone and is left out"
