"""Is it said which concepts were lost and gained, in how many of the replicates that could?"""

import pandas as pd

from prunescope.report.concept_changes import concept_changes
from prunescope.report.document import Section, Table
from prunescope.report.panels import Shown


def shown(seen: dict[tuple[int, str, int], list[str]]) -> Shown:
    """Return a study whose units see these concepts; "-x" is the best label of no unit."""
    levels, units = [], []
    for (replicate, strategy, level), concepts in seen.items():
        place = {"replicate": replicate, "strategy": strategy, "level": level, "layer": "layer4"}
        levels.append(place | {"keep": 0.5**level})
        units += [
            place | {"interpretable": name[0] != "-", "concept": name, "category": "object"}
            for name in concepts
        ]
    return Shown(levels=pd.DataFrame(levels), units=pd.DataFrame(units))


def rows_of(section: Section | None) -> list[tuple[object, ...]]:
    assert section is not None
    [table] = section.parts
    assert isinstance(table, Table)
    rows = [row for group in table.groups for row in group.rows]
    return [
        tuple(
            cell.replace("\N{NO-BREAK SPACE}", " ") if isinstance(cell, str) else cell
            for cell in row
        )
        for row in rows
    ]


def test_concepts_are_counted_over_the_replicates_that_could_lose_or_gain_them() -> None:
    study = shown(
        {
            (0, "dense", 0): ["cat", "cat", "dog", "car"],
            (1, "dense", 0): ["cat", "dog", "-tree"],
            (0, "lottery", 1): ["cat", "dog", "car"],
            (1, "lottery", 1): ["cat", "dog"],
            (0, "lottery", 2): ["dog", "tree"],
            (1, "lottery", 2): ["car", "-dog"],
        }
    )
    lost, gained = "cat (2 of 2), car (1 of 1), dog (1 of 2)", "car (1 of 1), tree (1 of 2)"
    assert rows_of(concept_changes(study)) == [("lottery", 2, "25 %", lost, gained)]


def test_of_one_replicate_concepts_are_named_alone() -> None:
    seen = {(0, "dense", 0): ["cat", "dog"], (0, "a", 1): ["cat"], (0, "b", 1): ["cat", "dog"]}
    assert rows_of(concept_changes(shown(seen))) == [
        ("a", 1, "50 %", "dog", "–"),
        ("b", 1, "50 %", "–", "–"),
    ]


def test_without_units_or_pruned_levels_nothing_is_said() -> None:
    study = shown({(0, "dense", 0): ["cat"]})
    assert concept_changes(study) is None
    assert concept_changes(Shown(levels=study.levels)) is None
