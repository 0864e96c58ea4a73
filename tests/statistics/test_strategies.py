"""Is the difference between strategies that of the replicates, in pairs?"""

import math

import pandas as pd
import pytest

from prunescope.statistics.strategies import compare_strategies


def table(counts, keeps=None):
    """Return a table of levels. counts: by strategy, a list per replicate of counts per level."""
    keeps = keeps or {}
    rows = [
        {
            **{"replicate": replicate, "strategy": strategy, "level": level, "layer": "layer4"},
            **{"interpretable": count, "concepts": 10},
            "keep": keeps.get(strategy, [0.8, 0.64, 0.512])[level - 1],
        }
        for strategy, replicates in counts.items()
        for replicate, of_replicate in enumerate(replicates)
        for level, count in enumerate(of_replicate, start=1)
    ]
    dense = [
        row | {"strategy": "dense", "level": 0, "keep": 1.0} for row in rows if row["level"] == 1
    ]
    return pd.DataFrame(dense + rows)


def units(levels):
    compared = compare_strategies(levels, 0.05)
    (row,) = compared[compared["count"] == "units"].to_dict("records")
    return row


def test_the_difference_is_that_of_each_replicate_with_itself():
    row = units(table({"rewind": [[20, 20], [200, 200]], "finetune": [[10, 10], [100, 100]]}))
    assert (row["strategy"], row["against"], row["levels"]) == ("rewind", "finetune", "1 2")
    assert [row[name] for name in ("difference", "low", "high")] == pytest.approx([1.0] * 3)


def test_the_interval_is_students_over_replicates():
    row = units(table({"a": [[100], [100], [100]], "b": [[110], [121], [133.1]]}))
    mean, spread = -math.log(1.1) * 2, math.log(1.1)
    half = 4.302652729911275 * spread / math.sqrt(3)
    assert row["low"] == pytest.approx(math.expm1(mean - half))
    assert row["high"] == pytest.approx(math.expm1(mean + half))
    assert row["replicates"] == 3


def test_levels_are_compared_that_keep_as_many_weights():
    counts = {"lottery": [[7, 30, 9]], "snip": [[10, 40]]}
    row = units(table(counts, {"snip": [0.6405, 0.1]}))
    assert row["levels"] == "2"
    assert row["difference"] == pytest.approx(2.0)
    assert math.isnan(row["low"])  # of one replicate


@pytest.mark.parametrize(
    ("counts", "keeps"),
    [
        ({"a": [[5], [5]], "b": [[6], [6]]}, {"b": [0.5]}),
        ({"a": [[0], [0]], "b": [[6], [6]]}, None),
    ],
)
def test_where_nothing_can_be_compared_there_is_no_difference(counts, keeps):
    row = units(table(counts, keeps))
    assert math.isnan(row["difference"])
    assert row["replicates"] == 0


def test_every_pair_of_strategies_has_a_row_for_each_count():
    compared = compare_strategies(table({name: [[5]] for name in "abc"}), 0.05)
    assert list(compared["strategy"] + compared["against"]) == ["ab", "ac", "bc"] * 2
    assert compare_strategies(table({"a": [[5]]}), 0.05).empty
