"""Is it said which concepts were lost and gained, in how many replicates, and how surely?"""

import pandas as pd

from prunescope.report.concept_changes import concept_changes
from prunescope.report.document import Section, Table, cell_text
from prunescope.report.panels import Shown


def shown(seen: dict[tuple[int, str, int], list[str]], certain: str | None = None) -> Shown:
    """Return a study whose units see these concepts; "-x" is the best label of no unit.

    certain: of which concepts it is certain what became of them, in all networks; None where that
    is not known.
    """
    levels: dict[str, list[dict[str, object]]] = {"levels": [], "twins": []}
    units: dict[str, list[dict[str, object]]] = {"levels": [], "twins": []}
    outcomes = []
    for (replicate, strategy, level), concepts in seen.items():
        place = {"replicate": replicate, "strategy": strategy, "level": level, "layer": "layer4"}
        kind = "twins" if strategy.startswith("twin-") else "levels"
        levels[kind].append(place | {"keep": 0.5**level})
        units[kind] += [
            place | {"interpretable": name[0] != "-", "concept": name, "category": "object"}
            for name in concepts
        ]
        outcomes += [
            place | {"concept": name, "category": "object", "certain": name in (certain or "")}
            for name in {*concepts, *seen[replicate, "dense", 0]}
            if strategy != "dense"
        ]
    return Shown(
        levels=pd.DataFrame(levels["levels"]),
        units=pd.DataFrame(units["levels"]),
        twin_units=pd.DataFrame(units["twins"]) if units["twins"] else None,
        outcomes=None if certain is None else pd.DataFrame(outcomes),
    )


def rows_of(section: Section | None) -> list[list[tuple[str, ...]]]:
    """Return the rows of both tables: how many concepts, and which."""
    assert section is not None
    tables = [part for part in section.parts if isinstance(part, Table)]
    return [
        [
            tuple(cell_text(cell).replace("\N{NO-BREAK SPACE}", " ") for cell in row)
            for group in table.groups
            for row in group.rows
        ]
        for table in tables
    ]


STUDY = {
    (0, "dense", 0): ["cat", "cat", "dog", "car"],
    (1, "dense", 0): ["cat", "dog", "-tree"],
    (0, "lottery", 1): ["cat", "dog", "car"],
    (1, "lottery", 1): ["cat", "dog"],
    (0, "lottery", 2): ["dog", "tree"],
    (1, "lottery", 2): ["car", "-dog"],
}
TWINS = {
    (0, "twin-1", 0): ["cat", "dog"],
    (0, "twin-2", 0): ["cat", "car"],
    (1, "twin-1", 0): ["dog", "tree"],
    (1, "twin-2", 0): ["cat", "dog"],
}


def test_concepts_are_counted_over_the_replicates_that_could_lose_or_gain_them() -> None:
    counts, names = rows_of(concept_changes(shown(STUDY)))
    assert counts == [("lottery", "2", "25 %", "2.5", "2", "1")]
    lost, gained = "cat (2 of 2), car (1 of 1), dog (1 of 2)", "car (1 of 1), tree (1 of 2)"
    assert names == [("lottery", lost, gained)]


def test_dense_twins_say_what_training_again_loses_and_gains() -> None:
    counts, names = rows_of(concept_changes(shown(STUDY | TWINS)))
    assert counts[1:] == [("dense twins", "0", "100 %", "2.5", "0.8", "0.2")]
    lost, gained = "car (1 of 2), cat (1 of 4), dog (1 of 4)", "tree (1 of 4)"
    assert names[1:] == [("dense twins", lost, gained)]


def test_of_each_concept_it_is_said_in_how_many_replicates_its_fate_is_certain() -> None:
    section = concept_changes(shown(STUDY, certain="cat, tree"), "99 draws of the 7 images")
    counts, names = rows_of(section)
    lost, gained = "2 (of these 1 certain)", "1 (of these 0.5 certain)"
    assert counts == [("lottery", "2", "25 %", "2.5", lost, gained)]
    lost = "cat (2 of 2, 2 certain), car (1 of 1, 0 certain), dog (1 of 2, 0 certain)"
    assert names == [("lottery", lost, "tree (1 of 2, 1 certain), car (1 of 1, 0 certain)")]
    assert section is not None
    assert "at least 95 % of 99 draws of the 7 images" in section.note


def test_of_one_replicate_concepts_are_named_alone() -> None:
    seen = {(0, "dense", 0): ["cat", "dog"], (0, "a", 1): ["cat"], (0, "b", 1): ["cat", "dog"]}
    counts, names = rows_of(concept_changes(shown(seen)))
    assert [row[-2:] for row in counts] == [("1", "0"), ("0", "0")]
    assert names == [("a", "dog", "–"), ("b", "–", "–")]
    for certain, word in (("dog", "certain"), ("cat", "undecided")):
        _, names = rows_of(concept_changes(shown(seen, certain=certain)))
        assert names[0] == ("a", f"dog ({word})", "–")


def test_without_units_or_pruned_levels_nothing_is_said() -> None:
    study = shown({(0, "dense", 0): ["cat"]})
    assert concept_changes(study) is None
    assert concept_changes(Shown(levels=study.levels)) is None
