"""Does it read well which classes and images paid?"""

import pandas as pd

from predicted import said
from prunescope.report.paid_views import paid_sections
from prunescope.report.terminal import write_sections
from prunescope.results.layout import LevelKey
from prunescope.statistics.who_paid import classes_table, count_who_paid, exemplars_table

LABELS = [0] * 40 + [2] * 40


def shown(replicates: int) -> list[str]:
    """Return the lines on a strategy that loses 30 of 40 zebras and gains a moa."""
    levels = {}
    for replicate in range(replicates):
        dense, level = (
            LevelKey(replicate=replicate, strategy=strategy, level=number)
            for number, strategy in enumerate(("dense", "lottery"))
        )
        levels[dense] = said(LABELS, [0] * 40 + [3] + [2] * 39)
        levels[level] = said(LABELS, [1] * 30 + [0] * 10 + [2] * 40)
    return write_sections(paid_sections(_counts(levels))).splitlines()


def _counts(levels):
    return count_who_paid(classes_table(levels), exemplars_table(levels))


def test_a_level_says_how_many_classes_changed_and_which_most() -> None:
    head, _, titles, row, _, last = shown(2)
    assert head == "Who paid: accuracy in points against level 0, 2 classes, 2 replicates"
    assert titles.split()[:4] == ["strategy", "level", "classes", "worse"]
    assert row.split()[:6] == ["lottery", "1", "1", "0", "zebra", "-75.0"]
    assert "moa +2.5 (" in row
    assert row.endswith("31")
    assert last.endswith("Images changed: in more than half of the replicates")


def test_of_classes_that_changed_as_much_the_first_is_named() -> None:
    dense = LevelKey(replicate=0, strategy="dense", level=0)
    pruned = LevelKey(replicate=0, strategy="lottery", level=1)
    label = [0, 1, 2, 3]
    [row] = _counts({dense: said(label, [0, 1, 0, 0]), pruned: said(label, [3, 3, 2, 3])})
    assert (row["lost_most"]["class"], row["gained_most"]["class"]) == ("zebra", "moa")


def test_a_class_that_surely_fell_is_named_before_one_that_fell_further() -> None:
    fell = {"class": ["few", "many"], "images": [2, 400], "difference": [-1.0, -0.2]}
    ends = {"low": [-1.0, -0.25], "high": [0.35, -0.15]}
    place = {"strategy": "lottery", "level": 1, "replicates": 1}
    [row] = count_who_paid(
        pd.DataFrame(fell | ends).assign(**place), pd.DataFrame({"strategy": [], "level": []})
    )
    assert (row["worse"], row["lost_most"]["class"]) == (1, "many")


def test_one_replicate_is_said_to_tell_little() -> None:
    assert shown(1)[-1].endswith(
        "One replicate does not tell pruning from training again: twins or more do"
    )


def test_a_level_that_changes_nothing_has_dashes() -> None:
    key = LevelKey(replicate=0, strategy="dense", level=0)
    pruned = LevelKey(replicate=0, strategy="lottery", level=1)
    same = _counts({key: said([0, 2], [0, 2]), pruned: said([0, 2], [0, 2])})
    assert write_sections(paid_sections(same)).splitlines()[3].split() == [
        *("lottery", "1", "0", "0", "–", "–", "0")
    ]


def test_runs_of_earlier_versions_say_nothing_of_it() -> None:
    assert paid_sections([]) == []
