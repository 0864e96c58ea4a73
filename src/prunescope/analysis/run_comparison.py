"""What became of one run's units and concepts in another's, level by level?"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from prunescope.analysis.comparability import check_comparable
from prunescope.analysis.comparison import Match, choose_match
from prunescope.analysis.matching import no_pairs, pair_by_number
from prunescope.analysis.notebook import show_runs
from prunescope.analysis.outcomes import LayerComparison, compare_units, count_outcomes
from prunescope.analysis.run_comparison_text import describe_runs
from prunescope.analysis.runs import PLACE, RunTables, missing_evidence, open_run
from prunescope.analysis.sides import SideLayer, open_layer
from prunescope.base.door import called_as
from prunescope.base.errors import ConfigError, nearest
from prunescope.dissection.counts import categories_of
from prunescope.results.layout import DENSE, LevelKey, layer_path

_GROUP = ["layer", "strategy", "level"]


@dataclass(frozen=True, kw_only=True)
class LevelComparison:
    """One layer of one level of one replicate in both runs.

    keep, accuracy: in A and in B.
    """

    replicate: int
    strategy: str
    level: int
    keep: tuple[float, float]
    accuracy: tuple[float, float]
    compared: LayerComparison


@called_as("ps.compare returns one, of two runs")
@dataclass(frozen=True, kw_only=True)
class RunComparison:
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

    def __str__(self) -> str:
        """Return it as text for a terminal."""
        return describe_runs(self.summary())

    def _repr_html_(self) -> str:
        return show_runs(self.summary())


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
    run_a, run_b = open_run(a), open_run(b)
    lost = [*missing_evidence(run_a), *missing_evidence(run_b)]
    warnings = []
    matches: dict[str, Match] = {}
    for name in _common_layers(run_a, run_b, layer):
        ours, theirs = _unpruned(run_a, name), _unpruned(run_b, name)
        warnings += check_comparable(ours, theirs)
        chosen, said = choose_match(ours, theirs)
        matches[name] = match or chosen
        warnings += [] if match else said
    comparisons = tuple(_compare_levels(run_a, run_b, matches, iou))
    return RunComparison(
        a={"name": str(a)},
        b={"name": str(b)},
        iou=iou,
        warnings=tuple(dict.fromkeys([*warnings, *_left_out(run_a, run_b), *lost])),
        levels=_mean_levels(comparisons),
        units=_gather(comparisons, lambda compared: compared.units),
        concepts=_gather(comparisons, lambda compared: compared.concepts),
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


def _unpruned(run: RunTables, layer: str) -> SideLayer:
    replicate = min(place[0] for place in run.places)
    dense = LevelKey(replicate=replicate, strategy=DENSE, level=0)
    return open_layer(Path(layer_path(run.path / dense.path, layer)))


def _compare_levels(
    a: RunTables, b: RunTables, matches: Mapping[str, Match], iou: float
) -> Iterator[LevelComparison]:
    places = [place for place in a.places if place in b.units and place[3] in matches]
    layers, strategies = list(matches), [strategy for _, strategy, _, _ in places]
    for place in sorted(
        places, key=lambda own: (layers.index(own[3]), strategies.index(own[1]), own[2], own[0])
    ):
        layer = place[3]
        before, after = a.units[place], b.units[place]
        match = matches[layer]
        compared = compare_units(
            before,
            after,
            layers=(layer, layer),
            categories=categories_of(before),
            pairs=pair_by_number(before, after) if match == "identity" else no_pairs(),
            match=match,
            iou=iou,
        )
        yield LevelComparison(
            replicate=place[0],
            strategy=place[1],
            level=place[2],
            keep=(a.number(place, "keep"), b.number(place, "keep")),
            accuracy=(a.number(place, "accuracy"), b.number(place, "accuracy")),
            compared=compared,
        )


def _mean_levels(comparisons: Sequence[LevelComparison]) -> pd.DataFrame:
    groups = pd.DataFrame([_row(level) for level in comparisons]).groupby(_GROUP, sort=False)
    means = groups.mean().drop(columns="replicate")
    means.insert(0, "replicates", groups.size())
    return means.reset_index()


def _gather(
    comparisons: Sequence[LevelComparison], of: Callable[[LayerComparison], pd.DataFrame]
) -> pd.DataFrame:
    tables = []
    for level in comparisons:
        table = of(level.compared).copy()
        columns = table.columns.tolist()
        table = table.assign(
            replicate=level.replicate,
            strategy=level.strategy,
            level=level.level,
            layer=level.compared.name,
        )
        tables.append(table[[*PLACE, *columns]])
    return pd.concat(tables, ignore_index=True)


def _row(level: LevelComparison) -> dict[str, Any]:
    counts = count_outcomes(level.compared)
    names = ("a", "b", "kept", "relabelled", "lost", "gained")
    return {
        "layer": level.compared.name,
        "strategy": level.strategy,
        "level": level.level,
        "replicate": level.replicate,
        "keep_a": level.keep[0],
        "keep_b": level.keep[1],
        "accuracy_a": level.accuracy[0],
        "accuracy_b": level.accuracy[1],
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
        levels = {place[1:3] for place in run.places} - {place[1:3] for place in other.places}
        for strategy in sorted({strategy for strategy, _ in levels}):
            numbers = sorted(level for own, level in levels if own == strategy)
            yield (
                f"{strategy}, level {', '.join(map(str, numbers))}, is in {letter} alone and is "
                "left out"
            )
        replicates = {place[0] for place in run.places} - {place[0] for place in other.places}
        if replicates:
            numbers = sorted(replicates)
            yield f"replicate {', '.join(map(str, numbers))} is in {letter} alone and is left out"
