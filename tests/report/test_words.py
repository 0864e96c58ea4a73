"""Do the lines say no more than the counts?"""

from prunescope.report.words import describe_chance

CHANCE = {
    "draws": 39,
    "rate": 0.05,
    "expected_draws": 39,
    "expected_false": 3.25,
    "expected_false_sd": 1.5,
    "expected_concepts": 2.0,
    "expected_concepts_sd": 0.75,
    "discoveries": 12,
    "concepts": 7,
    "undecided": 0,
    "smallest_draws": 39,
    "advised_draws": None,
    "most_draws": 1999,
}


def test_the_line_says_what_is_due_to_chance():
    line = describe_chance(CHANCE)
    assert line == (
        "by chance: 3.2 ± 1.5 units, of 2.0 ± 0.8 concepts (39 draws); "
        "at a false discovery rate of 5 %: 12 units, of 7 concepts"
    )
    none = describe_chance(CHANCE | {"smallest_draws": None})
    assert none.endswith("no interpretable unit to test")
    one = CHANCE | {"draws": 1, "expected_false_sd": None, "expected_concepts_sd": None}
    assert "3.2 units, of 2.0 concepts (1 draw);" in describe_chance(one)


def test_the_line_never_says_none_where_units_are_undecided():
    left = CHANCE | {"undecided": 30, "advised_draws": 1200}
    assert describe_chance(left).endswith(
        "12 units, of 7 concepts; 30 more undecided; take --null auto, or about 1,200 draws"
    )
    none = describe_chance(left | {"discoveries": 0, "concepts": 0})
    assert none.endswith("5 %: 30 units undecided; take --null auto, or about 1,200 draws")
    assert " 0 units" not in none


def test_the_line_of_an_earlier_version_claims_nothing():
    early = {name: CHANCE[name] for name in ("draws", "rate", "expected_false", "smallest_draws")}
    line = describe_chance(early | {"discoveries": 0, "concepts": 0})
    assert line.startswith("by chance: 3.2 units (39 draws); by an earlier version")
    assert " 0 units" not in line
